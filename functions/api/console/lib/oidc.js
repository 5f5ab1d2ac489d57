// Sign-in, renewal and sign-out at an OpenID Connect provider: authorization code flow with PKCE (RFC 7636).

import { Problem } from "./api.js";
import { t } from "../words/words.js";

const STORAGE_ITEM = "resma.sign-in";
const CONSOLE_URL = new URL("..", import.meta.url); // …/console/

/**
 * @typedef {{authorizationEndpoint: string, endSessionEndpoint: string | null, clientId: string, scope: string, audience: string | null}} SignInProvider
 * @typedef {{key: string, renewalKey: string}} ProviderSession an access token, and the key with which its session is renewed
 */

/** Errors of an authorization response (RFC 6749, section 4.1.2.1; OpenID Connect Core 1.0, section 3.1.2.6), by what the user can do. */
const REFUSALS = {
  access_denied: "sign-in-denied", consent_required: "sign-in-denied", interaction_required: "sign-in-denied", login_required: "sign-in-denied",
  server_error: "identity-provider-unavailable", temporarily_unavailable: "identity-provider-unavailable",
};

/** Returns where to sign in, or null if there is no provider. @returns {Promise<SignInProvider | null>} */
export async function findProvider() {
  try {
    const answer = await fetch(new URL("provider.json", CONSOLE_URL), { credentials: "omit", cache: "no-store" });
    const provider = answer.ok ? await answer.json() : null;
    return provider?.authorizationEndpoint ? provider : null;
  } catch {
    return null;
  }
}

/**
 * Opens the sign-in page of the provider, which sends the user back to this page.
 * @param {SignInProvider} provider
 * @param {{asksAgain?: boolean}} [options] `asksAgain`: the provider must ask who the user is, even if it knows
 */
export async function leaveForProvider({ authorizationEndpoint, clientId, scope, audience }, { asksAgain = false } = {}) {
  const verifier = random();
  const state = random();
  const nonce = random();
  sessionStorage.setItem(STORAGE_ITEM, JSON.stringify({ verifier, state, nonce, renewalKey: random(), hash: location.hash }));
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const url = new URL(authorizationEndpoint);
  const query = {
    response_type: "code", client_id: clientId, redirect_uri: pageUrl(), scope, state, nonce,
    code_challenge: base64url(new Uint8Array(challenge)), code_challenge_method: "S256",
    ...(audience ? { audience } : {}), ...(asksAgain ? { prompt: "login" } : {}),
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  location.assign(url);
}

/**
 * Returns the session if the provider has just sent the user back, otherwise null. The response is removed from the URL and the history.
 * @returns {Promise<ProviderSession | null>} @throws {Problem} if the sign-in failed
 */
export async function sessionOfReturn() {
  const stored = JSON.parse(sessionStorage.getItem(STORAGE_ITEM) ?? "null");
  sessionStorage.removeItem(STORAGE_ITEM);
  const query = new URLSearchParams(location.search);
  if (!["state", "code", "error"].some((name) => query.has(name))) return null;
  history.replaceState(null, "", `${location.pathname}${stored?.hash ?? ""}`);
  // Another state belongs to another tab, or the code to another user.
  if (stored === null || stored.state !== query.get("state")) throw ours("sign-in-expired");
  if (query.has("error")) throw refusal(query.get("error"));
  const { verifier, nonce, renewalKey } = stored;
  const body = { code: query.get("code"), issuer: query.get("iss"), codeVerifier: verifier, nonce, redirectUri: pageUrl(), renewalKey };
  const answer = await post("token", body);
  if (answer.ok) return { key: (await answer.json()).accessToken, renewalKey };
  throw ours(answer.status === 503 ? "identity-provider-unavailable" : "sign-in-failed");
}

/** Returns a new access token of a session, or null if the user must sign in again. @param {string} renewalKey @returns {Promise<string | null>} @throws {Problem} if there is no response */
export async function renewToken(renewalKey) {
  const answer = await post("token/renewal", { renewalKey });
  if (answer.ok) return (await answer.json()).accessToken;
  if (answer.status === 401) return null;
  throw ours("identity-provider-unavailable");
}

/** Revokes the refresh token of a session, as well as possible. @param {string} renewalKey */
export async function revoke(renewalKey) {
  await post("token/revocation", { renewalKey }).catch(() => null);
}

/** Ends a session: revokes its refresh token, and opens the sign-out page of the provider, which sends the user back. @param {string} renewalKey */
export async function endAtProvider(renewalKey) {
  const [provider] = await Promise.all([findProvider(), revoke(renewalKey)]);
  if (!provider?.endSessionEndpoint) return;
  const url = new URL(provider.endSessionEndpoint);
  url.searchParams.set("client_id", provider.clientId);
  // OpenID Connect RP-Initiated Logout 1.0, section 2, and the name that Amazon Cognito has for it. No ID token, because URLs are logged.
  url.searchParams.set("post_logout_redirect_uri", pageUrl());
  url.searchParams.set("logout_uri", pageUrl());
  location.assign(url);
}

/** Returns the name of the user in a token, for display only. The API verifies the token. @param {string | null} token @returns {string | null} */
export function nameInToken(token) {
  try {
    const [, payload] = (token ?? "").split(".");
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    const name = claims.name ?? claims.preferred_username ?? claims.email ?? claims.username;
    return typeof name === "string" ? name : null;
  } catch {
    return null; // an API key, or an opaque token
  }
}

/** Posts to the API, which answers only to this page: the cookie of the session is sent to no other URL. */
async function post(path, body) {
  try {
    return await fetch(new URL(path, CONSOLE_URL), {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      credentials: "same-origin", cache: "no-store", redirect: "error",
    });
  } catch {
    throw new Problem(0, "no-answer", t("error.no-answer"));
  }
}

function ours(/** @type {string} */ code, values = {}) {
  return new Problem(0, code, t(`sso.${code}`, values));
}

/** Returns the problem for an error of the provider. Its description is not shown, because anybody can write one into a URL. */
function refusal(/** @type {string | null} */ error) {
  const code = Object.hasOwn(REFUSALS, error ?? "") ? REFUSALS[error ?? ""] : null;
  return code ? ours(code) : ours("sign-in-misconfigured", { error: /^[a-z_]{1,40}$/.test(error ?? "") ? error : "?" });
}

/** Returns the URL of this page, to which the provider sends the user back. */
function pageUrl() {
  return location.origin + location.pathname;
}

/** Returns 256 random bits. */
function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(/** @type {Uint8Array} */ bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
