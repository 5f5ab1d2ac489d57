// The page: who is signed in, the menu, and which view is shown.

import { Problem } from "./api.js";
import { byId, h, put } from "./dom.js";
import { forgetDraft } from "./draft.js";
import { problemBox } from "./notices.js";
import { currentPlace, focusHeading, go, leave, showRoute } from "./router.js";
import { can, currentUser, onSignOut, resume, signOut } from "./session.js";
import { applyTheme, chooseTheme, currentTheme } from "./theme.js";
import { showSignIn } from "./view_sign_in.js";
import { chooseLanguage, currentLanguage, t } from "./words.js";

const ASKING = ["reports:read", "reports:write"];
const READING = ["reports:read"];
const SCHEDULING = ["schedules:manage", "reports:read"];

/** A view's module is fetched when it is first shown. @type {import("./router.js").Route[]} */
const ROUTES = [
  {
    pattern: /^\/ask$/, title: "ask.title", nav: "/ask", scopes: ASKING,
    load: async () => (await import("./view_ask.js")).showAsk,
  },
  {
    pattern: /^\/reports$/, title: "reports.title", nav: "/reports", scopes: READING,
    load: async () => (await import("./view_reports.js")).showReports,
  },
  {
    pattern: /^\/reports\/([^/]+)$/, title: "report.title", nav: "/reports", scopes: READING,
    load: async () => (await import("./view_report.js")).showReport,
  },
  {
    pattern: /^\/schedules$/, title: "schedules.title", nav: "/schedules", scopes: SCHEDULING,
    load: async () => (await import("./view_schedules.js")).showSchedules,
  },
  {
    pattern: /^\/schedules\/new$/, title: "schedules.new", nav: "/schedules", scopes: SCHEDULING,
    load: async () => (await import("./view_schedule_form.js")).showScheduleForm,
  },
  {
    pattern: /^\/schedules\/([^/]+)\/edit$/, title: "schedules.edit", nav: "/schedules", scopes: SCHEDULING,
    load: async () => (await import("./view_schedule_form.js")).showScheduleForm,
  },
  {
    pattern: /^\/schedules\/([^/]+)$/, title: "schedule.title", nav: "/schedules", scopes: SCHEDULING,
    load: async () => (await import("./view_schedule.js")).showSchedule,
  },
  {
    pattern: /^\/webhooks$/, title: "webhooks.title", nav: "/webhooks", scopes: ["webhooks:manage"],
    load: async () => (await import("./view_webhooks.js")).showWebhooks,
  },
  {
    pattern: /^\/webhooks\/([^/]+)$/, title: "deliveries.title", nav: "/webhooks", scopes: ["webhooks:manage"],
    load: async () => (await import("./view_deliveries.js")).showDeliveries,
  },
  {
    pattern: /^\/dead-letters$/, title: "dead.title", nav: "/dead-letters", scopes: ["dead-letters:manage"],
    load: async () => (await import("./view_dead_letters.js")).showDeadLetters,
  },
];

const isOffered = (/** @type {import("./router.js").Route} */ route) => route.scopes.every(can);

/** Draws everything. @param {boolean} isMove */
async function draw(isMove) {
  document.documentElement.lang = { en: "en", pt: "pt-BR" }[currentLanguage()];
  put(byId("skip"), t("page.skip"));
  drawTop();
  const { path, query } = currentPlace();
  if (currentUser() === null) return;
  const route = ROUTES.find((each) => each.pattern.test(path));
  drawNav(route?.nav ?? null);
  if (route !== undefined && isOffered(route)) {
    await showRoute(route, path, query, isMove).catch((error) => showFault(route, error));
    return;
  }
  const first = ROUTES.find(isOffered);
  if (first !== undefined && path === "/") go(/** @type {string} */ (first.nav));
  else showNothing(first === undefined ? "page.no-scopes" : route === undefined ? "page.nothing-here" : "page.not-allowed");
}

function showNothing(/** @type {string} */ words) {
  leave();
  const scopes = currentUser()?.scopes.join(", ") || "–";
  put(byId("main"), h("h1", {}, t("page.sorry")), h("p", {}, t(words)), h("p", { class: "soft" }, t("page.scopes", { scopes })));
  focusHeading(byId("main"));
}

/** Instead of a view that did not come about: why, and another try. */
function showFault(/** @type {import("./router.js").Route} */ route, /** @type {unknown} */ error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  if (!(error instanceof Problem)) throw error;
  if (currentUser() === null) return;
  document.title = `${t(route.title)} · Resma`;
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
  put(byId("nav"), h("ul", {}, links));
  // On a phone the menu is one line, which scrolls.
  byId("nav").querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
}

function drawTop() {
  const user = currentUser();
  put(byId("who"),
    user && h("span", { class: "tenant" }, user.tenantName),
    choice("page.language", isNarrow() ? { en: "EN", pt: "PT" } : { en: "English", pt: "Português" }, currentLanguage(), (value) => { chooseLanguage(value); redraw(); byId("who").querySelector("select")?.focus(); }),
    choice("page.theme", { system: t("theme.system"), light: t("theme.light"), dark: t("theme.dark") }, currentTheme(), chooseTheme),
    user && h("button", { type: "button", class: "quiet", onclick: () => signOut() }, t("page.sign-out")));
}

/** Whether the top bar has room for little, as style.css has it. */
function isNarrow() {
  return matchMedia("(max-width: 36rem)").matches;
}

/** A small menu of the top bar. */
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

/** Shows the sign-in view. @param {Problem | null} problem why the session before has ended */
function enter(problem) {
  leave();
  byId("nav").hidden = true;
  draw(false);
  document.title = `${t("sign-in.title")} · Resma`;
  showSignIn(byId("main"), problem, () => draw(true));
}

/** Whoever signs in next at this desk sees nothing of what was filled in or looked at. */
function forget() {
  forgetDraft();
  history.replaceState(null, "", location.pathname);
}

async function start() {
  applyTheme();
  byId("skip").addEventListener("click", (event) => { event.preventDefault(); byId("main").focus(); });
  window.addEventListener("hashchange", () => draw(true));
  onSignOut((problem) => {
    if (problem === null) forget();
    enter(problem);
  });
  const problem = await resume();
  if (currentUser() === null) enter(problem);
  else await draw(false);
}

start();
