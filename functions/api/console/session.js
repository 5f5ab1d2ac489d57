// Who is signed in. The key lives as long as the tab, and is sent nowhere but to this stack.

import { Problem, call, useSession } from "./api.js";
import { t } from "./words.js";

const KEPT = "resma.key";
const KEYLESS = "";

/** @type {import("./shapes.js").Me | null} */
let me = null;
/** @type {(problem: Problem | null) => void} */
let ended = () => undefined;

useSession({
  key: () => sessionStorage.getItem(KEPT) || null,
  refused: (problem) => signOut(problem),
});

/** Tells where to go when a session ends, by its user or because the key is no longer taken. @param {typeof ended} listener */
export function onSignOut(listener) {
  ended = listener;
}

/** Who is signed in, if anybody is. */
export function currentUser() {
  return me;
}

/** Whether whoever is signed in has a scope. @param {string} scope */
export function can(scope) {
  return me?.scopes.includes(scope) ?? false;
}

/**
 * Signs in; null is without a key. @param {string | null} key
 * @throws {Problem} where the API does not take it
 */
export async function signIn(key) {
  // What no header can carry would look like a lost connection.
  if (key !== null && !/^[\x21-\x7e]+$/.test(key)) throw new Problem(0, "key-malformed", t("sign-in.hint"));
  me = (await call("GET", "me", { key })).data;
  sessionStorage.setItem(KEPT, key ?? KEYLESS);
}

/** Takes up the tab's session after a reload. @returns {Promise<Problem | null>} why it is not taken any more */
export async function resume() {
  const kept = sessionStorage.getItem(KEPT);
  if (kept === null) return null;
  try {
    await signIn(kept || null);
    return null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!error.passes) sessionStorage.removeItem(KEPT);
    return error;
  }
}

/** Whom this machine's requests are, where they need no key. @returns {Promise<import("./shapes.js").Me | null>} */
export async function findKeyless() {
  try {
    return (await call("GET", "me", { key: null })).data;
  } catch {
    return null;
  }
}

/** @param {Problem | null} problem why, where it was not asked for */
export function signOut(problem = null) {
  if (sessionStorage.getItem(KEPT) === null && me === null) return;
  sessionStorage.removeItem(KEPT);
  me = null;
  ended(problem);
}
