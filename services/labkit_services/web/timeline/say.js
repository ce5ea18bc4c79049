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
