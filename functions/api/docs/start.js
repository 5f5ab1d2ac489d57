// Starts Swagger UI with the document of this API.

const folder = new URL(".", window.location.href).href;
const documentUrl = `${folder}openapi.json`;

/** The API is where this page is, whatever public URL the document names: a browser sends requests there only. */
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

/** The headers that the page authorizes requests with. */
function keyHeaders(system) {
  const { bearer, apiKey } = system.authSelectors.authorized().toJS();
  if (bearer) return { Authorization: `Bearer ${bearer.value}` };
  return apiKey ? { "X-Api-Key": apiKey.value } : {};
}

/** With a key the document has the report types of this deployment. With a key that is not valid it stays as it is. */
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
  persistAuthorization: false, // the key is not written to the browser's storage
  validatorUrl: null, // or the document would be sent to a service of Swagger's
  presets: [SwaggerUIBundle.presets.apis],
  plugins: [sameServer, reloadWithKey],
});
