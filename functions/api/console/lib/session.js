// Who is signed in. The key lives as long as the tab, and is sent nowhere but to this stack and its other tabs here.

import { Problem, call, useSession } from "./api.js";
import { IDLE_MINUTES, noteActivity, watchIdle } from "./idle.js";
import { nameInToken, tokenOfReturn } from "./oidc.js";
import { joinTabs, keyOfOtherTab, signOutOtherTabs } from "./tabs.js";
import { t } from "../words/words.js";

const KEPT = "resma.key";
const KEYLESS = "";

/** @type {import("./shapes.js").Me | null} */
let me = null;
/** @type {(problem: Problem | null) => void} */
let ended = () => undefined;
/** @type {() => void} */
let resumed = () => undefined;

const keptKey = () => sessionStorage.getItem(KEPT);

useSession({ key: () => keptKey() || null, refused: (problem) => signOut(problem) });

joinTabs({ key: () => (me === null ? null : keptKey()), signedOut: () => signOut(), active: noteActivity });

// Without a key there is nothing that signing out protects.
watchIdle(() => me !== null && keptKey() !== KEYLESS,
  () => signOut(new Problem(0, "session-idle", t("idle.ended", { minutes: IDLE_MINUTES }))));

/** Registers what happens when a session ends, by its user or because the key is no longer accepted. @param {typeof ended} listener */
export function onSignOut(listener) {
  ended = listener;
}

/** Registers what happens when another tab's session arrives after the sign-in page was shown. @param {typeof resumed} listener */
export function onLateResume(listener) {
  resumed = listener;
}

/** Who is signed in, if anybody is. */
export function currentUser() {
  return me;
}

/** The name in the user's token, if there is one. */
export function nameOfToken() {
  return nameInToken(keptKey());
}

/** Whether the user who is signed in has a scope. @param {string} scope */
export function can(scope) {
  return me?.scopes.includes(scope) ?? false;
}

/**
 * Signs in; null is without a key. @param {string | null} key
 * @throws {Problem} where the API does not accept it
 */
export async function signIn(key) {
  // A character that no header can carry would look like a lost connection.
  if (key !== null && !/^[\x21-\x7e]+$/.test(key)) throw new Problem(0, "key-malformed", t("sign-in.hint"));
  me = (await call("GET", "me", { key })).data;
  sessionStorage.setItem(KEPT, key ?? KEYLESS);
  noteActivity();
}

/** Resumes a session: of this tab after a reload or a way to the identity provider, or of another open tab. @returns {Promise<Problem | null>} why it can't be resumed */
export async function resume() {
  try {
    const kept = await tokenOfReturn() ?? keptKey() ?? await keyOfOtherTab(resumeLate);
    if (kept === null) return null;
    await signIn(kept || null);
    return null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!error.passes) sessionStorage.removeItem(KEPT);
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

/** Who requests from this computer are, where they need no key. @returns {Promise<import("./shapes.js").Me | null>} */
export async function findKeyless() {
  try {
    return (await call("GET", "me", { key: null })).data;
  } catch {
    return null;
  }
}

/** Signs out every tab, by the user's own choice. */
export function signOutEverywhere() {
  signOutOtherTabs();
  signOut();
}

/** Signs out this tab. @param {Problem | null} problem why, where the user did not ask for it */
export function signOut(problem = null) {
  if (keptKey() === null && me === null) return;
  sessionStorage.removeItem(KEPT);
  me = null;
  ended(problem);
}
