// The page's texts, from one catalogue per language (web/words/*.json).

import { preference, setPreference } from "./preferences.js";

export const LANGUAGES = { en: "English", zh: "中文" };
const FOLDER = new URL("../../web/words/", import.meta.url);

const preferred = () => {
  const wanted = preference("language");
  if (wanted in LANGUAGES) return wanted;
  return navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => tag in LANGUAGES) ?? "en";
};

async function load(language) {
  const response = await fetch(new URL(`${language}.json`, FOLDER));
  if (!response.ok) throw new Error(`no words for ${language}: ${response.status}`);
  return response.json();
}

/**
 * Return `words(key, values)`. A catalogue's entry is a text with {name} in
 * the place of a value, or an object of such texts by plural form of the value
 * `n`. English stands in for a missing entry, and the key for a missing English one.
 */
export async function createWords() {
  const catalogues = { en: await load("en") };
  let language = "en";
  let plurals = new Intl.PluralRules("en");

  const words = (key, values = {}) => {
    let entry = catalogues[language][key] ?? catalogues.en[key];
    if (entry === undefined) return key;
    if (typeof entry === "object") entry = entry[plurals.select(values.n ?? 0)] ?? entry.other;
    return entry.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
  };
  words.has = (key) => key in catalogues.en;
  words.language = () => language;
  words.use = async (wanted, remember = true) => {
    catalogues[wanted] ??= await load(wanted);
    language = wanted;
    plurals = new Intl.PluralRules(wanted);
    document.documentElement.lang = wanted === "zh" ? "zh-CN" : wanted;
    if (remember) setPreference("language", wanted);
  };
  await words.use(preferred(), false);
  return words;
}
