// The session. Its key is stored until the tab is closed, and is sent only to this deployment and to other tabs of this console.

import { Problem, call, useSession } from "./api.js";
import { IDLE_MINUTES, recordActivity, watchIdle } from "./idle.js";
import { endAtProvider, nameInToken, renewToken, revoke, sessionOfReturn } from "./oidc.js";
import { joinTabs, sessionOfOtherTab, signOutOtherTabs } from "./tabs.js";
import { t } from "../words/words.js";

const STORAGE_ITEM = "resma.key";
const RENEWAL_ITEM = "resma.renewal"; // of a session that began at the identity provider
const NO_KEY = "";
// Tabs renew one after the other, because a refresh token may be valid once only.
const RENEWAL_LOCK = `resma.renewal ${new URL("..", import.meta.url).pathname}`;

/** @type {import("./shapes.js").Me | null} */
let me = null;
/** @type {(problem: Problem | null) => void} */
let ended = () => undefined;
/** @type {() => void} */
let resumed = () => undefined;
/** @type {Promise<string | null> | null} */
let renewing = null;

const storedKey = () => sessionStorage.getItem(STORAGE_ITEM);

const storedRenewalKey = () => sessionStorage.getItem(RENEWAL_ITEM);

useSession({ key: () => storedKey() || null, renewed: renew, refused: (problem) => signOut(storedRenewalKey() === null ? problem : expired()) });

joinTabs({ kept: keptSession, signedOut: () => signOut(), active: recordActivity });

// Without a key, signing out would protect nothing.
watchIdle(() => me !== null && storedKey() !== NO_KEY,
  () => {
    const renewalKey = storedRenewalKey();
    signOut(new Problem(0, "session-idle", t("idle.ended", { minutes: IDLE_MINUTES })));
    if (renewalKey !== null) revoke(renewalKey);
  });

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
export function signIn(key) {
  return keep({ key: key ?? NO_KEY, renewalKey: null });
}

/** Signs in, and stores the session if the API accepts it. @param {import("./tabs.js").KeptSession} session */
async function keep({ key, renewalKey }) {
  // A character that is not allowed in a header would look like a lost connection.
  if (key !== NO_KEY && !/^[\x21-\x7e]+$/.test(key)) throw new Problem(0, "key-malformed", t("sign-in.hint"));
  me = (await call("GET", "me", { key: key || null })).data;
  sessionStorage.setItem(STORAGE_ITEM, key);
  if (renewalKey === null) sessionStorage.removeItem(RENEWAL_ITEM);
  else sessionStorage.setItem(RENEWAL_ITEM, renewalKey);
  recordActivity();
}

/** Resumes the session of this tab or of another open tab, or completes a sign-in at the provider. @returns {Promise<Problem | null>} why it cannot be resumed */
export async function resume() {
  try {
    const started = await startedSession();
    if (started !== null) await keep(started).catch((error) => { throw isRejected(error) ? new Problem(401, "account-not-accepted", error.detail) : error; });
    else await continueSession(storedSession() ?? await sessionOfOtherTab(resumeLate));
    return null;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (!error.passes || error.code === "session-expired") clear();
    return error;
  }
}

/** Returns the session that was just started at the provider, or null. A session of this tab is not ended by a response that nobody requested. */
function startedSession() {
  return sessionOfReturn().catch((error) => {
    if (storedKey() === null) throw error;
    return null;
  });
}

/** Continues a session of this tab or another one, with a new token if the API rejects the token. @param {import("./tabs.js").KeptSession | null} session */
async function continueSession(session) {
  if (session === null) return;
  const { renewalKey } = session;
  try {
    await keep(session);
  } catch (error) {
    if (renewalKey === null || !isRejected(error)) throw error;
    const key = await alone(() => renewToken(renewalKey));
    if (key === null) throw expired();
    await keep({ key, renewalKey });
  }
}

/**
 * Returns a new token for one that the API has rejected, or null if the user must sign in again.
 * @param {string} rejected @returns {Promise<string | null>}
 */
async function renew(rejected) {
  const renewalKey = storedRenewalKey();
  if (renewalKey === null) return null;
  if (storedKey() !== rejected) return storedKey(); // another request has renewed it
  renewing ??= alone(() => renewToken(renewalKey)).finally(() => { renewing = null; });
  const key = await renewing;
  if (key === null || storedRenewalKey() !== renewalKey) return null; // signed out in the meantime
  sessionStorage.setItem(STORAGE_ITEM, key);
  return key;
}

/** Runs a function while no other tab does. @template T @param {() => Promise<T>} act @returns {Promise<T>} */
function alone(act) {
  return navigator.locks ? navigator.locks.request(RENEWAL_LOCK, act) : act(); // locks need a secure context
}

/** Returns the stored session of this tab, or null. @returns {import("./tabs.js").KeptSession | null} */
function storedSession() {
  const key = storedKey();
  return key === null ? null : { key, renewalKey: storedRenewalKey() };
}

/** Returns the session for other tabs, or null if nobody is signed in. */
function keptSession() {
  return me === null ? null : storedSession();
}

/** Whether the API has rejected a key. @param {unknown} error */
function isRejected(error) {
  return error instanceof Problem && error.status === 401;
}

/** Returns the problem of a session whose token has expired and cannot be renewed. */
function expired() {
  return new Problem(0, "session-expired", t("sso.session-expired"));
}

function clear() {
  sessionStorage.removeItem(STORAGE_ITEM);
  sessionStorage.removeItem(RENEWAL_ITEM);
}

/** Continues another tab's session, unless the user was faster or the API refuses it. @param {import("./tabs.js").KeptSession} session */
async function resumeLate(session) {
  if (me !== null) return;
  try {
    await continueSession(session);
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

/** Signs out all tabs at the request of the user, and the user at the identity provider. */
export async function signOutEverywhere() {
  const renewalKey = storedRenewalKey();
  signOutOtherTabs();
  signOut();
  if (renewalKey !== null) await endAtProvider(renewalKey);
}

/** Signs out this tab. @param {Problem | null} problem reason, if the user did not sign out */
export function signOut(problem = null) {
  if (storedKey() === null && me === null) return;
  clear();
  me = null;
  ended(problem);
}
