// Words from the catalogue. `words` is an object of texts by key, or a function (key, values) => text
// that returns the key itself when it has no text for it.

/** Returns say(key, values, fallback): the text with its {placeholders} filled in. */
export function sayer(words = {}) {
  return (key, values = {}, fallback = key) => {
    let known = typeof words === "function" ? words(key, values) : words[key];
    if (known && typeof known === "object") known = (values.n === 1 && known.one) || known.other;
    const text = known === undefined || known === null || known === key ? fallback : known;
    return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  };
}

const HIDDEN = /[\u0000-\u001F\u007F-\u009F\u00AD\u061C\u200B-\u200F\u2028-\u202E\u2060-\u206F\uFEFF]/g;
const LONGEST = 400;

/** A captured text for display: never long, and characters that hide or turn text around are shown as [U+202E]. */
export function plain(text) {
  const whole = String(text ?? "");
  const start = whole.length > LONGEST ? `${whole.slice(0, LONGEST)}…` : whole;
  return start.replace(HIDDEN, (hidden) => `[U+${hidden.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}]`);
}
