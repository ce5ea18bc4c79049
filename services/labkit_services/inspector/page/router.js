// Addresses within the page: #/VIEW/PART/PART. "#NAME" is the old address of a bin.

export const VIEWS = ["calls", "bins", "queues", "logs", "controls"];

/** Return { view, parts } of a location's hash; view is "" if there is none. */
export function parseHash(hash) {
  const decoded = (text) => {
    try {
      return decodeURIComponent(text);
    } catch {
      return text;
    }
  };
  const text = hash.replace(/^#/, "");
  if (text && !text.startsWith("/")) return { view: "bins", parts: [decoded(text)] };
  const [, view = "", ...parts] = text.split("/");
  return VIEWS.includes(view) ? { view, parts: parts.filter(Boolean).map(decoded) } : { view: "", parts: [] };
}

/** Return the hash of a view, as in hashOf("bins", "callbacks"). */
export const hashOf = (view, ...parts) => `#/${[view, ...parts.filter(Boolean).map(encodeURIComponent)].join("/")}`;
