// Starts Swagger UI with the OpenAPI document of this API.

const folder = new URL(".", window.location.href).href;
const documentUrl = `${folder}openapi.json`;

/** Replaces the server in the document by the URL of this page, because the browser sends requests only there. */
const sameServer = {
  statePlugins: {
    spec: {
      wrapActions: {
        updateJsonSpec: (original) => (document) =>
          original({ ...document, servers: [{ url: folder.replace(/\/$/, ""), description: "This deployment" }] }),
      },
    },
  },
};

/** Returns the headers that authenticate the requests of the page. */
function keyHeaders(system) {
  const { bearer, apiKey } = system.authSelectors.authorized().toJS();
  if (bearer) return { Authorization: `Bearer ${bearer.value}` };
  return apiKey ? { "X-Api-Key": apiKey.value } : {};
}

/** Reloads the document: with a key it has the report types of this deployment. An invalid key changes nothing. */
async function reload(system) {
  const answer = await fetch(documentUrl, { headers: keyHeaders(system) });
  if (answer.ok) system.specActions.updateSpec(await answer.text());
}

const reloadWithKey = {
  statePlugins: {
    auth: {
      wrapActions: Object.fromEntries(
        ["authorize", "logout"].map((name) => [
          name,
          (original, system) => (payload) => {
            original(payload);
            return reload(system);
          },
        ]),
      ),
    },
  },
};

window.ui = SwaggerUIBundle({
  dom_id: "#swagger-ui",
  url: documentUrl,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  filter: true,
  persistAuthorization: false, // the key is not stored in the browser
  validatorUrl: null, // otherwise the document would be sent to a service of Swagger
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [sameServer, reloadWithKey],
});
