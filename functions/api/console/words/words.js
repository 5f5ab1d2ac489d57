// Language of the page and its words.

import { WORDS as EN } from "./en.js";
import { WORDS as PT } from "./pt.js";

/** @type {Object<string, Object<string, string>>} */
const LANGUAGES = { en: EN, pt: PT };
const STORAGE_ITEM = "resma.language";

let language = LANGUAGES[localStorage.getItem(STORAGE_ITEM)] ? localStorage.getItem(STORAGE_ITEM) : preferred();

/** Returns the first language of the browser that the page has. */
function preferred() {
  const languages = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return languages.find((tag) => tag in LANGUAGES) ?? "en";
}

/** Returns the language of the page, `en` or `pt`. */
export function currentLanguage() {
  return language;
}

/** Selects the language of the page. @param {string} chosen `en` or `pt` */
export function chooseLanguage(chosen) {
  language = chosen;
  localStorage.setItem(STORAGE_ITEM, chosen);
}

/** Returns the BCP 47 tag for numbers and dates: that of the browser if it has the page's language. */
export function pageLocale() {
  const own = navigator.languages.find((tag) => tag.toLowerCase().startsWith(`${language}-`));
  return own ?? { en: "en-US", pt: "pt-BR" }[language];
}

/** Returns the locale for words of the API, such as titles of report types. */
export function apiLocale() {
  return { en: "en-US", pt: "pt-BR" }[language];
}

/**
 * Returns the words of a key, with each `{name}` replaced by a value.
 * @param {string} key
 * @param {Object<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const text = LANGUAGES[language][key];
  if (text === undefined) throw new Error(`There are no words for the key '${key}'.`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/**
 * Returns the singular or plural words of a key, `.one` or `.other`, with `{n}` replaced by the count.
 * @param {string} key
 * @param {number} count
 * @param {string} shown formatted count
 */
export function many(key, count, shown = String(count)) {
  return t(`${key}.${count === 1 ? "one" : "other"}`, { n: shown });
}

/**
 * Returns the words for a code of the API, or the code itself if this page does not know it.
 * @param {string} family first part of the key
 * @param {string} code
 * @param {Object<string, string | number>} [values]
 */
export function say(family, code, values = {}) {
  return `${family}.${code}` in LANGUAGES[language] ? t(`${family}.${code}`, values) : code;
}
