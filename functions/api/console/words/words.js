// Which language the page speaks, and its words.

import { WORDS as EN } from "./en.js";
import { WORDS as PT } from "./pt.js";

/** @type {Object<string, Object<string, string>>} */
const LANGUAGES = { en: EN, pt: PT };
const KEPT = "resma.language";

let language = LANGUAGES[localStorage.getItem(KEPT)] ? localStorage.getItem(KEPT) : preferred();

/** What the browser's owner reads: the first of their languages that the page has. */
function preferred() {
  const wanted = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
  return wanted.find((tag) => tag in LANGUAGES) ?? "en";
}

/** The page's language, `en` or `pt`. */
export function currentLanguage() {
  return language;
}

/** @param {string} wanted `en` or `pt` */
export function chooseLanguage(wanted) {
  language = wanted;
  localStorage.setItem(KEPT, wanted);
}

/** BCP 47 tag that numbers and dates on the page are written for: the owner's own where it is of the page's language. */
export function pageLocale() {
  const own = navigator.languages.find((tag) => tag.toLowerCase().startsWith(`${language}-`));
  return own ?? { en: "en-US", pt: "pt-BR" }[language];
}

/** Locale of the API's words (report types): one that reports can have. */
export function apiLocale() {
  return { en: "en-US", pt: "pt-BR" }[language];
}

/**
 * The words under a key, with `{name}` filled in.
 * @param {string} key
 * @param {Object<string, string | number>} [values]
 */
export function t(key, values = {}) {
  const text = LANGUAGES[language][key];
  if (text === undefined) throw new Error(`no words for ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

/**
 * The same, in the singular or the plural: the key's `.one` or `.other`, with `{n}` filled in.
 * @param {string} key
 * @param {number} count
 * @param {string} shown the count as it is written
 */
export function many(key, count, shown = String(count)) {
  return t(`${key}.${count === 1 ? "one" : "other"}`, { n: shown });
}

/**
 * The words under a key that comes from the API and may be newer than this page; else the code itself.
 * @param {string} family first part of the key
 * @param {string} code
 * @param {Object<string, string | number>} [values]
 */
export function say(family, code, values = {}) {
  return `${family}.${code}` in LANGUAGES[language] ? t(`${family}.${code}`, values) : code;
}
