// Sign-in at an OpenID Connect provider by the authorization code flow with PKCE (RFC 7636).

import { Problem } from "./api.js";
import { t } from "../words/words.js";

const STORAGE_ITEM = "resma.sign-in";
const CONSOLE_URL = new URL("..", import.meta.url); // …/console/

/**
 * Returns where to sign in, or null if there is no provider.
 * @returns {Promise<{authorizationEndpoint: string, clientId: string, scope: string, audience: string | null} | null>}
 */
export async function findProvider() {
  try {
    const answer = await fetch(new URL("provider.json", CONSOLE_URL), { credentials: "omit", cache: "no-store" });
    const provider = answer.ok ? await answer.json() : null;
    return provider?.authorizationEndpoint ? provider : null;
  } catch {
    return null;
  }
}

/** Opens the sign-in page of the provider, which sends the user back to this page. @param {NonNullable<Awaited<ReturnType<typeof findProvider>>>} provider */
export async function leaveForProvider({ authorizationEndpoint, clientId, scope, audience }) {
  const verifier = random();
  const state = random();
  sessionStorage.setItem(STORAGE_ITEM, JSON.stringify({ verifier, state, hash: location.hash }));
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const url = new URL(authorizationEndpoint);
  const query = {
    response_type: "code", client_id: clientId, redirect_uri: redirectUri(), scope, state,
    code_challenge: base64url(new Uint8Array(challenge)), code_challenge_method: "S256", ...(audience ? { audience } : {}),
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  location.assign(url);
}

/**
 * Returns the access token if the provider has just sent the user back, otherwise null. The code is removed from the URL and the history.
 * @returns {Promise<string | null>} @throws {Problem} if the sign-in failed
 */
export async function tokenOfReturn() {
  const query = new URLSearchParams(location.search);
  if (!query.has("state")) return null;
  const stored = JSON.parse(sessionStorage.getItem(STORAGE_ITEM) ?? "null");
  sessionStorage.removeItem(STORAGE_ITEM);
  history.replaceState(null, "", `${location.pathname}${stored?.hash ?? ""}`);
  // Another state belongs to another tab, or the code to another user.
  if (stored === null || stored.state !== query.get("state") || !query.has("code")) throw failed();
  const body = JSON.stringify({ code: query.get("code"), codeVerifier: stored.verifier, redirectUri: redirectUri() });
  try {
    const answer = await fetch(new URL("token", CONSOLE_URL), {
      method: "POST", headers: { "Content-Type": "application/json" }, body, credentials: "omit", cache: "no-store",
    });
    if (answer.ok) return (await answer.json()).accessToken;
  } catch {
    throw new Problem(0, "no-answer", t("error.no-answer"));
  }
  throw failed();
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

function failed() {
  return new Problem(0, "sign-in-failed", t("sign-in.failed"));
}

function redirectUri() {
  return location.origin + location.pathname;
}

/** Returns 256 random bits. */
function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(/** @type {Uint8Array} */ bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
