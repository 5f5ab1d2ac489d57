// An OpenID Connect provider for tests of the console: the package oidc-provider, with sign-in pages of its own.
// Its configuration is one JSON object on standard input; it prints "ready" when it accepts connections.
//   {port, clientId, redirectUris, audience, accounts: {name: {seconds, and claims of the person's access tokens}}}

import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import Provider from "oidc-provider";

const settings = JSON.parse(readFileSync(0, "utf8"));
const issuer = `http://127.0.0.1:${settings.port}`;

const provider = new Provider(issuer, {
  clients: [{
    client_id: settings.clientId,
    token_endpoint_auth_method: "none",
    redirect_uris: settings.redirectUris,
    post_logout_redirect_uris: settings.redirectUris,
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
  }],
  findAccount: (_, accountId) => accountId in settings.accounts
    ? { accountId, claims: () => ({ sub: accountId, name: settings.accounts[accountId].name }) } : undefined,
  claims: { openid: ["sub"], profile: ["name"] },
  // As Cognito does: a refresh token for each sign-in, without a scope and without asking.
  issueRefreshToken: (_, client) => client.grantTypeAllowed("refresh_token"),
  loadExistingGrant: async ({ oidc }) => {
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope("openid profile");
    grant.addResourceScope(settings.audience, "access");
    await grant.save();
    return grant;
  },
  extraTokenClaims: (_, token) => {
    const { seconds, ...claims } = settings.accounts[token.accountId];
    return claims;
  },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  ttl: { AccessToken: (_, token) => settings.accounts[token.accountId].seconds, IdToken: 300, RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 600 },
  cookies: { keys: ["of-a-test"] },
  features: {
    devInteractions: { enabled: false },
    revocation: { enabled: true },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: (context, form) => {
        context.body = page("Sign out", `${form}<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out at the provider</button>`);
      },
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => settings.audience,
      useGrantedResource: () => true,
      getResourceServerInfo: (_, audience) => ({ audience, scope: "access", accessTokenFormat: "jwt" }),
    },
  },
});

provider.on("server_error", (_, error) => console.error(error));

const page = (title, content) => `<!DOCTYPE html><html lang="en"><title>${title}</title><link rel="icon" href="data:,"><h1>${title}</h1>${content}</html>`;

const SIGN_IN = page("Provider's sign-in", `<form method="post"><label>User <input name="user"></label>
  <button name="answer" value="login">Continue</button> <button name="answer" value="cancel">Cancel</button></form>`);

/** Shows the sign-in page, or continues the sign-in with the user's answer. */
async function interact(request, response) {
  if (request.method === "GET") {
    response.setHeader("Content-Type", "text/html; charset=utf-8").end(SIGN_IN);
    return;
  }
  let body = "";
  for await (const part of request) body += part;
  const form = new URLSearchParams(body);
  const result = form.get("answer") === "cancel"
    ? { error: "access_denied", error_description: "The user cancelled." }
    : { login: { accountId: form.get("user") } };
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
}

const handle = provider.callback();
const server = createServer((request, response) => {
  if (!request.url.startsWith("/interaction/")) handle(request, response);
  else interact(request, response).catch((error) => { console.error(error); response.writeHead(500).end(); });
});
server.listen(settings.port, "127.0.0.1", () => console.log("ready"));
