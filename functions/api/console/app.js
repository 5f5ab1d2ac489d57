// The page: who is signed in, the menu, and which view is shown.

import { Problem } from "./api.js";
import { byId, h, put } from "./dom.js";
import { problemBox } from "./notices.js";
import { currentPlace, focusHeading, go, leave, showRoute } from "./router.js";
import { can, currentUser, onSignOut, resume, signOut } from "./session.js";
import { applyTheme, chooseTheme, currentTheme } from "./theme.js";
import { showAsk } from "./view_ask.js";
import { showDeadLetters } from "./view_dead_letters.js";
import { showDeliveries } from "./view_deliveries.js";
import { showReport } from "./view_report.js";
import { showReports } from "./view_reports.js";
import { showSchedule } from "./view_schedule.js";
import { showScheduleForm } from "./view_schedule_form.js";
import { showSchedules } from "./view_schedules.js";
import { showSignIn } from "./view_sign_in.js";
import { showWebhooks } from "./view_webhooks.js";
import { chooseLanguage, currentLanguage, t } from "./words.js";

const ASKING = ["reports:read", "reports:write"];
const SCHEDULING = ["schedules:manage", "reports:read"];

/** @type {import("./router.js").Route[]} */
const ROUTES = [
  { pattern: /^\/ask$/, title: "ask.title", nav: "/ask", scopes: ASKING, show: showAsk },
  { pattern: /^\/reports$/, title: "reports.title", nav: "/reports", scopes: ["reports:read"], show: showReports },
  { pattern: /^\/reports\/([^/]+)$/, title: "report.title", nav: "/reports", scopes: ["reports:read"], show: showReport },
  { pattern: /^\/schedules$/, title: "schedules.title", nav: "/schedules", scopes: SCHEDULING, show: showSchedules },
  { pattern: /^\/schedules\/new$/, title: "schedules.new", nav: "/schedules", scopes: SCHEDULING, show: showScheduleForm },
  { pattern: /^\/schedules\/([^/]+)\/edit$/, title: "schedules.edit", nav: "/schedules", scopes: SCHEDULING, show: showScheduleForm },
  { pattern: /^\/schedules\/([^/]+)$/, title: "schedule.title", nav: "/schedules", scopes: SCHEDULING, show: showSchedule },
  { pattern: /^\/webhooks$/, title: "webhooks.title", nav: "/webhooks", scopes: ["webhooks:manage"], show: showWebhooks },
  { pattern: /^\/webhooks\/([^/]+)$/, title: "deliveries.title", nav: "/webhooks", scopes: ["webhooks:manage"], show: showDeliveries },
  { pattern: /^\/dead-letters$/, title: "dead.title", nav: "/dead-letters", scopes: ["dead-letters:manage"], show: showDeadLetters },
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
    await showRoute(route, path, query, isMove).catch(showFault);
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

function showFault(/** @type {unknown} */ error) {
  if (error instanceof DOMException && error.name === "AbortError") return;
  if (!(error instanceof Problem)) throw error;
  if (currentUser() !== null) byId("main").append(problemBox(error));
}

function drawNav(/** @type {string | null} */ current) {
  const entries = ROUTES.filter((route) => route.nav && route.pattern.test(route.nav) && isOffered(route));
  const links = entries.map((route) =>
    h("li", {}, h("a", { href: `#${route.nav}`, "aria-current": route.nav === current ? "page" : null }, t(route.title))));
  byId("nav").hidden = links.length === 0;
  byId("nav").setAttribute("aria-label", t("page.menu"));
  put(byId("nav"), h("ul", {}, links));
}

function drawTop() {
  const user = currentUser();
  put(byId("who"),
    user && h("span", { class: "tenant" }, user.tenantName),
    choice("page.language", { en: "English", pt: "Português" }, currentLanguage(), (value) => { chooseLanguage(value); redraw(); }),
    choice("page.theme", { system: t("theme.system"), light: t("theme.light"), dark: t("theme.dark") }, currentTheme(), chooseTheme),
    user && h("button", { type: "button", class: "quiet", onclick: () => signOut() }, t("page.sign-out")));
}

/** A small menu of the top bar. */
function choice(label, options, current, choose) {
  return h("select", {
    class: "small", "aria-label": t(label),
    onchange: (event) => choose(event.target.value),
  }, Object.entries(options).map(([value, text]) => h("option", { value, selected: value === current }, text)));
}

function redraw() {
  const label = document.activeElement?.getAttribute("aria-label");
  const index = [...byId("who").querySelectorAll("select")].findIndex((each) => each.getAttribute("aria-label") === label);
  if (currentUser() === null) enter(null);
  else draw(false);
  byId("who").querySelectorAll("select")[index]?.focus();
}

/** Shows the sign-in view. @param {Problem | null} problem why the session before has ended */
function enter(problem) {
  leave();
  byId("nav").hidden = true;
  draw(false);
  document.title = `${t("sign-in.title")} · Resma`;
  showSignIn(byId("main"), problem, () => draw(true));
}

async function start() {
  applyTheme();
  byId("skip").addEventListener("click", (event) => { event.preventDefault(); byId("main").focus(); });
  window.addEventListener("hashchange", () => draw(true));
  onSignOut((problem) => enter(problem));
  const problem = await resume();
  if (currentUser() === null) enter(problem);
  else await draw(false);
}

start();
