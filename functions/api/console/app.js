// Entry point of the console: the top bar, the menu, and the current view.

import { Problem } from "./lib/api.js";
import { byId, h, put } from "./lib/dom.js";
import { clearDraft } from "./forms/draft.js";
import { problemBox } from "./parts/notices.js";
import { clearPages } from "./parts/pager.js";
import { userName } from "./parts/requester.js";
import { currentLocation, focusHeading, go, leave, nameTab, showRoute } from "./lib/router.js";
import { can, currentUser, onLateResume, onSignOut, resume, signOutEverywhere } from "./lib/session.js";
import { applyTheme, chooseTheme, currentTheme } from "./lib/theme.js";
import { showSignIn } from "./views/sign_in.js";
import { chooseLanguage, currentLanguage, t } from "./words/words.js";

const REQUEST_SCOPES = ["reports:read", "reports:write"];
const READ_SCOPES = ["reports:read"];
const SCHEDULE_SCOPES = ["schedules:manage", "reports:read"];

/** Views. The module of a view is loaded when it is first shown. @type {import("./lib/router.js").Route[]} */
const ROUTES = [
  {
    pattern: /^\/reports\/new$/, title: "new-report.title", nav: "/reports/new", scopes: REQUEST_SCOPES,
    load: async () => (await import("./views/new_report.js")).showNewReport,
  },
  {
    pattern: /^\/reports$/, title: "reports.title", nav: "/reports", scopes: READ_SCOPES,
    load: async () => (await import("./views/reports.js")).showReports,
  },
  {
    pattern: /^\/reports\/([^/]+)$/, title: "report.title", nav: "/reports", scopes: READ_SCOPES,
    load: async () => (await import("./views/report.js")).showReport,
  },
  {
    pattern: /^\/schedules$/, title: "schedules.title", nav: "/schedules", scopes: SCHEDULE_SCOPES,
    load: async () => (await import("./views/schedules.js")).showSchedules,
  },
  {
    pattern: /^\/schedules\/new$/, title: "schedules.new", nav: "/schedules", scopes: SCHEDULE_SCOPES,
    load: async () => (await import("./views/schedule_form.js")).showScheduleForm,
  },
  {
    pattern: /^\/schedules\/([^/]+)\/edit$/, title: "schedules.edit", nav: "/schedules", scopes: SCHEDULE_SCOPES,
    load: async () => (await import("./views/schedule_form.js")).showScheduleForm,
  },
  {
    pattern: /^\/schedules\/([^/]+)$/, title: "schedule.title", nav: "/schedules", scopes: SCHEDULE_SCOPES,
    load: async () => (await import("./views/schedule.js")).showSchedule,
  },
  {
    pattern: /^\/webhooks$/, title: "webhooks.title", nav: "/webhooks", scopes: ["webhooks:manage"],
    load: async () => (await import("./views/webhooks.js")).showWebhooks,
  },
  {
    pattern: /^\/webhooks\/([^/]+)$/, title: "deliveries.title", nav: "/webhooks", scopes: ["webhooks:manage"],
    load: async () => (await import("./views/deliveries.js")).showDeliveries,
  },
  {
    pattern: /^\/destinations$/, title: "destinations.title", nav: "/destinations", scopes: ["destinations:manage"],
    load: async () => (await import("./views/destinations.js")).showDestinations,
  },
  {
    pattern: /^\/destinations\/([^/]+)$/, title: "deliveries.title", nav: "/destinations", scopes: ["destinations:manage"],
    load: async () => (await import("./views/destination.js")).showDestination,
  },
  {
    pattern: /^\/certificates$/, title: "certificates.title", nav: "/certificates", scopes: ["destinations:manage"],
    load: async () => (await import("./views/certificates.js")).showCertificates,
  },
  {
    pattern: /^\/dead-letters$/, title: "dead.title", nav: "/dead-letters", scopes: ["dead-letters:manage"],
    load: async () => (await import("./views/dead_letters.js")).showDeadLetters,
  },
  {
    pattern: /^\/api-keys$/, title: "keys.title", nav: "/api-keys", scopes: ["keys:manage"],
    load: async () => (await import("./views/api_keys.js")).showApiKeys,
  },
];

const isOffered = (/** @type {import("./lib/router.js").Route} */ route) => route.scopes.every(can);

/** Draws the page. @param {boolean} isMove whether the user came from another view */
async function draw(isMove) {
  document.documentElement.lang = { en: "en", pt: "pt-BR" }[currentLanguage()];
  put(byId("skip"), t("page.skip"));
  drawTop();
  const { path, query } = currentLocation();
  if (currentUser() === null) return;
  const route = ROUTES.find((each) => each.pattern.test(path));
  drawNav(route?.nav ?? null);
  if (route !== undefined && isOffered(route)) {
    await showRoute(route, path, query, isMove).catch((error) => showError(route, error));
    return;
  }
  const first = ROUTES.find(isOffered);
  if (first !== undefined && path === "/") go(/** @type {string} */ (first.nav));
  else if (route === undefined && first !== undefined) showMessage("page.not-found", "page.nothing-here");
  else showMessage("page.not-allowed-title", first === undefined ? "page.no-scopes" : "page.not-allowed", currentUser()?.scopes.join(", ") || "–");
}

/** Shows a message instead of a view. @param {string} title @param {string} words @param {string | null} [scopes] scopes of the user, if they are the reason */
function showMessage(title, words, scopes = null) {
  leave();
  nameTab(t(title));
  put(byId("main"), h("h1", {}, t(title)), h("p", {}, t(words)), scopes !== null && h("p", { class: "soft" }, t("page.scopes", { scopes })));
  focusHeading(byId("main"));
}

/** Shows the problem of a view that could not be loaded, with a button to try again. */
function showError(/** @type {import("./lib/router.js").Route} */ route, /** @type {unknown} */ error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  if (!(error instanceof Problem)) throw error;
  if (currentUser() === null) return;
  nameTab(t(route.title));
  put(byId("main"), h("h1", {}, t(route.title)), problemBox(error),
    error.passes && h("button", { type: "button", onclick: () => draw(true) }, t("page.retry")));
  focusHeading(byId("main"));
}

function drawNav(/** @type {string | null} */ current) {
  const entries = ROUTES.filter((route) => route.nav && route.pattern.test(route.nav) && isOffered(route));
  const links = entries.map((route) =>
    h("li", {}, h("a", { href: `#${route.nav}`, "aria-current": route.nav === current ? "page" : null }, t(route.title))));
  byId("nav").hidden = links.length === 0;
  byId("nav").setAttribute("aria-label", t("page.menu"));
  // Relative like all URLs, because on AWS the page is below the path of a stage.
  const docs = h("li", { class: "docs" }, h("a", { href: "docs", target: "_blank", rel: "noopener" }, t("page.api-docs"), " ↗"));
  put(byId("nav"), h("ul", {}, links, docs));
  // On narrow screens the menu is one line that scrolls.
  byId("nav").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

function drawTop() {
  const user = currentUser();
  put(byId("who"),
    user && h("span", { class: "user" }, h("bdi", { class: "tenant" }, user.tenantName),
      h("bdi", { class: "person", title: t("who.signed-in", { subject: user.subject }) }, userName(user))),
    choice("page.language", isNarrow() ? { en: "EN", pt: "PT" } : { en: "English", pt: "Português" }, currentLanguage(), (value) => { chooseLanguage(value); redraw(); byId("who").querySelector("select")?.focus(); }),
    choice("page.theme", { system: t("theme.system"), light: t("theme.light"), dark: t("theme.dark") }, currentTheme(), chooseTheme),
    user && h("button", { type: "button", class: "quiet", onclick: () => signOutEverywhere() }, t("page.sign-out")));
}

/** Whether the top bar is narrow; the limit is that of style.css. */
function isNarrow() {
  return matchMedia("(max-width: 36rem)").matches;
}

/** Creates a select of the top bar. */
function choice(label, options, current, choose) {
  return h("select", {
    class: "small", "aria-label": t(label),
    onchange: (event) => choose(event.target.value),
  }, Object.entries(options).map(([value, text]) => h("option", { value, selected: value === current }, text)));
}

function redraw() {
  if (currentUser() === null) enter(null);
  else draw(false);
}

/** Shows the sign-in view. @param {Problem | null} problem why the previous session ended */
function enter(problem) {
  leave();
  byId("nav").hidden = true;
  draw(false);
  nameTab(t("sign-in.title"));
  showSignIn(byId("main"), problem, () => draw(true));
}

/** Clears what the user entered and viewed, so that the next user of this browser does not see it. */
function clearUserData() {
  clearDraft();
  clearPages();
  history.replaceState(null, "", location.pathname);
}

async function start() {
  applyTheme();
  byId("skip").addEventListener("click", (event) => { event.preventDefault(); byId("main").focus(); });
  window.addEventListener("hashchange", () => draw(true));
  onSignOut((problem) => {
    if (problem === null) clearUserData();
    enter(problem);
  });
  onLateResume(() => draw(true));
  const problem = await resume();
  if (currentUser() === null) enter(problem);
  else await draw(false);
}

start();
