// The console in a browser: which page is open, whether it is true, and the keys.
import { h, fill } from "./dom.js";
import { count, span, tick } from "./format.js";
import { Live, setToken, takeToken } from "./stream.js";
import { fleet } from "./fleet.js";
import { jobs } from "./jobs.js";
import { market } from "./market.js";
import { events } from "./events.js";
import { kinds } from "./details.js";

const pages = { fleet, jobs, market, events };
const $ = (id) => document.getElementById(id);

let page = null; // what is shown: {view, live, words}
let detail = null; // what is open beside it: {view, live, route}
let back = null; // what had the focus before it was opened
let due = false;

// Changes are drawn together, once in a frame.
function changed() {
  if (due) return;
  due = true;
  requestAnimationFrame(draw);
}

function draw() {
  due = false;
  if (!page) return;
  const { view, live } = page;
  if (live.refused) return locked(live.refused);
  view.update(live, page.words);
  page.tiles.update(live);
  detail?.view.update(detail.live ?? live);
  about(live);
  badge(view.asking?.() ?? 0); // elsewhere nobody has counted
}

function badge(n) {
  const el = $("asks");
  el.hidden = n === 0;
  const text = count(n);
  if (el.textContent !== text) fill(el, text, h("span", { class: "unseen" }, " wait for an answer"));
}

// about says in the head and in the banner how true all of it is.
function about(live) {
  const lost = live.link !== "live" ? span(Date.now() - live.since) : "";
  const [word, text] = live.link === "waiting" ? ["waiting", "connecting"] : lost ? ["lost", "disconnected"] : live.connected ? ["live", "live"] : ["lost", "no NATS"];
  const link = $("link");
  if (link.dataset.link !== word || link.textContent !== text) {
    link.dataset.link = word;
    link.textContent = text;
  }
  const said = live.link === "lost" && Date.now() - live.since > 700
    ? `Not connected to the console${live.why ? ` (${live.why})` : ""}: what is shown is what was known then. Trying again.`
    : live.link === "live" && !live.connected ? "The console does not reach NATS: what is shown is what was known before. Trying again." : "";
  const banner = $("banner");
  if (banner.textContent !== said) banner.textContent = said;
  banner.hidden = !said;
  document.body.classList.toggle("old", Boolean(said));
  const c = live.console;
  const where = c ? `${c.namespace} · ${c.write ? `writes as ${c.principal || "nobody in particular"}` : "read-only"}` : "";
  if ($("about").textContent !== where) $("about").textContent = where;
}

// locked asks for the token when the console wants one.
function locked(why) {
  page?.live.close();
  detail?.live?.close();
  page = detail = null;
  $("detail").hidden = true;
  $("link").textContent = "locked";
  $("link").dataset.link = "lost";
  fill($("main"), h("form", { class: "locked", submit: (e) => {
    e.preventDefault();
    setToken(e.target.elements.token.value.trim());
    route();
  } }, h("h1", {}, "Token needed"), h("p", {}, why.message), h("label", { for: "token" }, "Token"), h("input", { id: "token", name: "token", required: true, autocomplete: "off" }), h("button", { class: "primary" }, "Open")));
}

class Tiles {
  constructor(view) {
    this.view = view;
    this.el = h("dl", { class: "tiles" });
    this.shown = "";
  }

  update(live) {
    const list = this.view.tiles(live).map((t) => ({ ...t, old: live.stale(t.from) > 0 }));
    const text = JSON.stringify(list);
    if (text === this.shown) return;
    this.shown = text;
    fill(this.el, list.map((t) => h("div", { class: ["tile", t.bad && "bad", t.ask && "ask", t.old && "stale"].filter(Boolean).join(" "), title: t.title }, h("dt", {}, t.label), h("dd", {}, t.value === undefined ? "–" : t.value, t.old ? h("span", { class: "unseen" }, " (old)") : null))));
  }
}

function show(name) {
  page?.live.close();
  const view = pages[name]();
  const tiles = new Tiles(view);
  const filter = h("input", { type: "search", id: "filter", placeholder: "Filter", "aria-label": `Filter ${view.title}`, "aria-keyshortcuts": "/", autocomplete: "off", spellcheck: "false", input: () => {
    page.words = filter.value.trim().toLowerCase();
    changed();
  } });
  page = { name, view, tiles, words: "" };
  fill($("main"), h("div", { class: "head" }, h("h1", {}, view.title), filter), tiles.el, view.sections.map((s) => s.el));
  page.live = new Live(view.page, "", changed);
  document.title = `${view.title} · Mabus`;
  for (const a of document.querySelectorAll("nav a")) {
    if (a.dataset.page === name) a.setAttribute("aria-current", "page");
    else a.removeAttribute("aria-current");
  }
}

function open(kind, id) {
  const route = `${kind}/${id}`;
  if (detail?.route === route) return;
  if (!detail) back = document.activeElement;
  detail?.live?.close();
  const view = kinds[kind](id);
  view.close.href = `#/${page.name}`;
  detail = { route, view, live: kind === "event" || kind === "alert" ? null : new Live(kind, id, changed) };
  fill($("detail"), view.el);
  $("detail").hidden = false;
  document.body.classList.add("detailed");
  view.heading.focus();
}

function close() {
  if (!detail) return;
  detail.live?.close();
  detail = null;
  $("detail").hidden = true;
  document.body.classList.remove("detailed");
  (back?.isConnected && back !== document.body ? back : $("main")).focus({ preventScroll: true });
}

// route opens what the address says: #/page or #/page/kind/id.
function route() {
  takeToken();
  const [name, kind, ...rest] = location.hash.replace(/^#\//, "").split("/");
  if (!pages[name]) return history.replaceState(null, "", "#/fleet"), route();
  const fresh = page?.name !== name;
  if (fresh) show(name);
  if (kinds[kind] && rest.length) open(kind, decodeURIComponent(rest.join("/")));
  else close();
  changed();
}

// Keys are explained by ?.
function key(e) {
  const field = e.target.closest("input, textarea, select");
  if (e.key === "Escape") {
    if (document.querySelector("dialog[open]")) return;
    if (field?.id === "filter") {
      field.value = "";
      page.words = "";
      field.blur();
      changed();
    } else if (field) field.blur();
    else if (detail) location.hash = `#/${page.name}`;
    return;
  }
  if (field || e.ctrlKey || e.metaKey || e.altKey || document.querySelector("dialog[open]")) return;
  const names = Object.keys(pages);
  if (names[e.key - 1]) location.hash = `#/${names[e.key - 1]}`;
  else if (e.key === "/") $("filter")?.focus();
  else if (e.key === "?") $("help").showModal();
  else return;
  e.preventDefault();
}

addEventListener("hashchange", route);
addEventListener("keydown", key);
addEventListener("visibilitychange", () => {
  page?.live.look();
  detail?.live?.look();
});
$("help-open").addEventListener("click", () => $("help").showModal());
document.querySelector(".skip").addEventListener("click", (e) => {
  e.preventDefault(); // the address is taken by the pages
  $("main").focus();
});
setInterval(() => {
  tick();
  changed();
}, 1000);
route();
