// The words of a call's outcome, in the language of the page.

/**
 * Return the `part` ("reason" or "next") of an outcome of the API as text.
 * Its values may be phrases {code, values} themselves, lists of phrases, or
 * lists of numbers; the same rules as in call_record/phrases.py. A code that
 * the catalogue does not have is told in the API's own sentence.
 */
export function outcomeText(words, outcome, part) {
  const { code, values } = outcome;
  if (!values || words.has?.(`outcome.${code}.${part}`) === false) return outcome[part] ?? "";
  return phraseText(words, { code: `${code}.${part}`, values });
}

function phraseText(words, { code, values = {} }) {
  const shown = Object.entries(values).map(([name, value]) => [name, name === "n" ? value : valueText(words, value)]);
  return words(`outcome.${code}`, Object.fromEntries(shown));
}

function valueText(words, value) {
  if (Array.isArray(value)) return listText(words, value);
  if (value !== null && typeof value === "object") return phraseText(words, value);
  if (typeof value === "number" && !Number.isInteger(value)) {
    return value < 10 ? String(Number(value.toPrecision(2))) : value.toFixed(0);
  }
  return String(value);
}

function listText(words, list) {
  const parts = list.map((one) => valueText(words, one));
  if (!list.length || typeof list[0] === "object") return parts.join(words("outcome.sentences"));
  const last = parts.pop();
  return parts.length ? parts.join(words("outcome.list")) + words("outcome.list.last") + last : last;
}
