// Signing in at an identity provider: OpenID Connect, authorization code flow with PKCE (RFC 7636).

import { Problem } from "./api.js";
import { t } from "../words/words.js";

const KEPT = "resma.sign-in";
const HERE = new URL("..", import.meta.url); // …/console/

/**
 * Where to sign in, or null where there is no provider.
 * @returns {Promise<{authorizationEndpoint: string, clientId: string, scope: string, audience: string | null} | null>}
 */
export async function findProvider() {
  try {
    const answer = await fetch(new URL("provider.json", HERE), { credentials: "omit", cache: "no-store" });
    const provider = answer.ok ? await answer.json() : null;
    return provider?.authorizationEndpoint ? provider : null;
  } catch {
    return null;
  }
}

/** Leaves for the provider, which sends the user back to this page. @param {NonNullable<Awaited<ReturnType<typeof findProvider>>>} provider */
export async function leaveForProvider({ authorizationEndpoint, clientId, scope, audience }) {
  const verifier = random();
  const state = random();
  sessionStorage.setItem(KEPT, JSON.stringify({ verifier, state, place: location.hash }));
  const challenge = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
  const address = new URL(authorizationEndpoint);
  const query = {
    response_type: "code", client_id: clientId, redirect_uri: redirectUri(), scope, state,
    code_challenge: base64url(new Uint8Array(challenge)), code_challenge_method: "S256", ...(audience ? { audience } : {}),
  };
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  location.assign(address);
}

/**
 * The access token, where the provider has just sent the user back; else null. The code leaves the URL and its history.
 * @returns {Promise<string | null>} @throws {Problem} where signing in failed
 */
export async function tokenOfReturn() {
  const query = new URLSearchParams(location.search);
  if (!query.has("state")) return null;
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  sessionStorage.removeItem(KEPT);
  history.replaceState(null, "", `${location.pathname}${kept?.place ?? ""}`);
  // Another state is another tab's, or somebody else's code.
  if (kept === null || kept.state !== query.get("state") || !query.has("code")) throw failed();
  const body = JSON.stringify({ code: query.get("code"), codeVerifier: kept.verifier, redirectUri: redirectUri() });
  try {
    const answer = await fetch(new URL("token", HERE), {
      method: "POST", headers: { "Content-Type": "application/json" }, body, credentials: "omit", cache: "no-store",
    });
    if (answer.ok) return (await answer.json()).accessToken;
  } catch {
    throw new Problem(0, "no-answer", t("error.no-answer"));
  }
  throw failed();
}

/** Names in a token of the user, for display only: the API verifies it. @param {string | null} token @returns {string | null} */
export function nameInToken(token) {
  try {
    const [, payload] = (token ?? "").split(".");
    const bytes = Uint8Array.from(atob(payload.replaceAll("-", "+").replaceAll("_", "/")), (each) => each.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes));
    const name = claims.name ?? claims.preferred_username ?? claims.email ?? claims.username;
    return typeof name === "string" ? name : null;
  } catch {
    return null; // an API key, or a token that is not for reading
  }
}

function failed() {
  return new Problem(0, "sign-in-failed", t("sign-in.failed"));
}

function redirectUri() {
  return location.origin + location.pathname;
}

/** 256 random bits. */
function random() {
  return base64url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64url(/** @type {Uint8Array} */ bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
