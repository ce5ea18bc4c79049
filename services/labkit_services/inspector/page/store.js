// The page's shared state: named values, and who wants to know of their changes.

export function createStore(initial) {
  const values = new Map(Object.entries(initial));
  const listeners = new Map();
  return {
    get: (name) => values.get(name),
    set(name, value) {
      values.set(name, value);
      for (const listener of [...(listeners.get(name) ?? [])]) listener(value);
    },
    /** Call `listener(value)` on each change; returns a function that ends it. */
    on(name, listener) {
      if (!listeners.has(name)) listeners.set(name, new Set());
      listeners.get(name).add(listener);
      return () => listeners.get(name).delete(listener);
    },
  };
}
