// What this browser remembers. A frame in another site may have no storage: then until it is closed.

const memory = new Map();

export function preference(name) {
  try {
    return localStorage.getItem(`labkit.${name}`) ?? memory.get(name) ?? null;
  } catch {
    return memory.get(name) ?? null;
  }
}

export function setPreference(name, value) {
  memory.set(name, value);
  try {
    localStorage.setItem(`labkit.${name}`, value);
  } catch {
    // No storage here; `memory` has it.
  }
}
