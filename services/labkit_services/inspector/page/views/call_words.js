// What became of a call, in words of the catalogue where it has them.

/** Return { reason, next } of a call's outcome; the server's own sentences stand in for unknown codes. */
export function outcomeText(words, outcome) {
  const values = outcome.values ?? {};
  const translated = (key, fallback) => (words.language() !== "en" && words.has(key) ? words(key, values) : fallback);
  return {
    reason: translated(`outcome.${outcome.code}`, outcome.reason),
    next: translated(`outcome.${outcome.code}.next`, outcome.next),
  };
}
