// The session. The key is stored until the tab is closed, and is sent only to this deployment and to other tabs of this console.

import { Problem, call, useSession } from "./api.js";
import { IDLE_MINUTES, recordActivity, watchIdle } from "./idle.js";
import { nameInToken, tokenOfReturn } from "./oidc.js";
import { joinTabs, keyOfOtherTab, signOutOtherTabs } from "./tabs.js";
import { t } from "../words/words.js";

const STORAGE_ITEM = "resma.key";
const NO_KEY = "";

/** @type {import("./shapes.js").Me | null} */
let me = null;
/** @type {(problem: Problem | null) => void} */
let ended = () => undefined;
/** @type {() => void} */
let resumed = () => undefined;

const storedKey = () => sessionStorage.getItem(STORAGE_ITEM);

useSession({ key: () => storedKey() || null, refused: (problem) => signOut(problem) });

joinTabs({ key: () => (me === null ? null : storedKey()), signedOut: () => signOut(), active: recordActivity });

// Without a key, signing out would protect nothing.
watchIdle(() => me !== null && storedKey() !== NO_KEY,
  () => signOut(new Problem(0, "session-idle", t("idle.ended", { minutes: IDLE_MINUTES }))));

/** Sets the function that is called when a session ends. @param {typeof ended} listener */
export function onSignOut(listener) {
  ended = listener;
}

/** Registers what happens when another tab's session arrives after the sign-in page was shown. @param {typeof resumed} listener */
export function onLateResume(listener) {
  resumed = listener;
}

/** Returns the user who is signed in, or null. */
export function currentUser() {
  return me;
}

/** Returns the name in the user's token, or null. */
export function nameOfToken() {
  return nameInToken(storedKey());
}

/** Whether the user who is signed in has a scope. @param {string} scope */
export function can(scope) {
  return me?.scopes.includes(scope) ?? false;
}

/**
 * Signs in with a key, or without one. @param {string | null} key
 * @throws {Problem} if the API does not accept it
 */
export async function signIn(key) {
  // A character that is not allowed in a header would look like a lost connection.
  if (key !== null && !/^[\x21-\x7e]+$/.test(key)) throw new Problem(0, "key-malformed", t("sign-in.hint"));
  me = (await call("GET", "me", { key })).data;
  sessionStorage.setItem(STORAGE_ITEM, key ?? NO_KEY);
  recordActivity();
}

/** Resumes the session of this tab or of another open tab, or completes a sign-in at the provider. @returns {Promise<Problem | null>} why it cannot be resumed */
export async function resume() {
  try {
    const key = await tokenOfReturn() ?? storedKey() ?? await keyOfOtherTab(resumeLate);
    if (key === null) return null;
    await signIn(key || null);
    return null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!error.passes) sessionStorage.removeItem(STORAGE_ITEM);
    return error;
  }
}

/** Signs in with another tab's key, unless the user was faster or the API refuses it. @param {string} key */
async function resumeLate(key) {
  if (me !== null) return;
  try {
    await signIn(key || null);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return;
  }
  resumed();
}

/** Returns the caller of requests without a key, or null if a key is required. @returns {Promise<import("./shapes.js").Me | null>} */
export async function findKeyless() {
  try {
    return (await call("GET", "me", { key: null })).data;
  } catch {
    return null;
  }
}

/** Signs out all tabs at the request of the user. */
export function signOutEverywhere() {
  signOutOtherTabs();
  signOut();
}

/** Signs out this tab. @param {Problem | null} problem reason, if the user did not sign out */
export function signOut(problem = null) {
  if (storedKey() === null && me === null) return;
  sessionStorage.removeItem(STORAGE_ITEM);
  me = null;
  ended(problem);
}
