// A table that people can sort, filter and walk through with the arrow keys. On a narrow screen its rows become cards.
import { h, fill, keyed } from "./dom.js";
import { count, span } from "./format.js";

const many = 100; // rows that are shown at first, and more for each press of the button

// Section is a heading, the age of what is below it, and a table. Options:
//   title, id, tables: names of the tables that it shows (their ages count)
//   columns: [{label, cell(row), sort(row), num, wide: wraps, long: needs a line of its own in a card}]
//   key(row): what tells rows apart;  href(row): what Enter opens;  text(row): what the filter looks at
//   sort: [column, -1 or 1];  empty: what to say when there is nothing;  page: rows to show at first
export class Section {
  constructor(options) {
    Object.assign(this, { shown: options.page ?? many, sortBy: options.sort?.[0] ?? 0, dir: options.sort?.[1] ?? 1 }, options);
    this.heading = h("h2", { id: `h-${this.id}` }, this.title);
    this.amount = h("span", { class: "amount" });
    this.age = h("span", { class: "age" });
    this.heads = this.columns.map((c, i) =>
      h("th", { scope: "col", role: "columnheader", class: c.num ? "num" : null }, c.sort ? h("button", { type: "button", click: () => this.order(i) }, c.label, h("i", { "aria-hidden": "true" })) : c.label),
    );
    this.body = h("tbody", { role: "rowgroup", keydown: (e) => this.walk(e), focusin: (e) => this.rove(e.target.closest("tr")) });
    // The roles are said, since a browser forgets them for a table that is laid out as cards.
    this.table = h("table", { role: "table", "aria-labelledby": `h-${this.id}` }, h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, this.heads)), this.body);
    this.empties = h("p", { class: "empty" });
    this.more = h("button", { type: "button", class: "more", click: () => this.grow() });
    this.el = h("section", { id: this.id, class: "section" }, h("header", {}, this.heading, this.amount, this.age, this.tools), h("div", { class: "scroll" }, this.table), this.empties, this.more);
    this.mark();
  }

  order(i) {
    this.dir = this.sortBy === i ? -this.dir : this.columns[i].num ? -1 : 1;
    this.sortBy = i;
    this.mark();
    this.draw();
  }

  mark() {
    this.heads.forEach((th, i) => (i === this.sortBy ? th.setAttribute("aria-sort", this.dir > 0 ? "ascending" : "descending") : th.removeAttribute("aria-sort")));
  }

  grow() {
    const first = this.shown;
    this.shown += many;
    this.draw();
    this.body.rows[first]?.focus();
  }

  // update takes the rows and how true they are. words is the filter, in lower case.
  update(live, list, words = "") {
    Object.assign(this, { live, list, words });
    this.draw();
  }

  draw() {
    const { list, live, columns } = this;
    if (!list) return;
    const by = columns[this.sortBy].sort;
    let rows = this.words ? list.filter((r) => this.text(r).toLowerCase().includes(this.words)) : list.slice();
    if (by) {
      const keys = new Map(rows.map((r) => [r, by(r) ?? ""]));
      rows.sort((a, b) => {
        const x = keys.get(a), y = keys.get(b);
        return this.dir * (x < y ? -1 : x > y ? 1 : 0);
      });
    }
    keyed(this.body, rows.slice(0, this.shown), this.key, (row, old) => this.row(row, old));
    this.roving();
    const known = this.tables.map((n) => live.table(n));
    const total = Math.max(known[0].total ?? 0, list.length);
    const more = known.some((t) => t.more);
    const all = list.length < total ? ` of ${count(total)}` : more ? " and more" : "";
    const amount = this.words ? `${count(rows.length)} of ${count(list.length)}${all && " listed"}` : `${count(list.length)}${all}`;
    if (this.amount.textContent !== amount) this.amount.textContent = amount;
    const loading = known.some((t) => !t.at && !t.error);
    const failed = known.find((t) => t.error);
    const old = Math.max(...this.tables.map((n) => live.stale(n)));
    showAge(this.el, this.age, { loading, failed: failed?.error, old });
    this.table.hidden = rows.length === 0;
    const nothing = rows.length ? "" : loading ? "Loading…" : failed && !list.length ? failed.error.message : this.words ? "Nothing here has that in it." : this.empty;
    if (this.empties.textContent !== nothing) this.empties.textContent = nothing;
    this.empties.hidden = !nothing;
    this.more.hidden = rows.length <= this.shown;
    if (!this.more.hidden) this.more.textContent = `Show more: ${count(this.shown)} of ${count(rows.length)}`;
  }

  row(row, old) {
    const cells = this.columns.map((c, i) => {
      const inside = c.cell(row);
      const link = i === 0 && this.href ? h("a", { href: this.href(row), tabindex: "-1" }, inside) : inside;
      return h(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, role: i === 0 ? "rowheader" : "cell", class: [c.num && "num", c.wide && "wide", c.long && "long"].filter(Boolean).join(" ") || null, "data-label": c.label }, h("span", {}, link));
    });
    if (old) {
      fill(old, cells);
      old.classList.remove("new");
      return old;
    }
    const tr = h("tr", { role: "row", tabindex: "-1", click: (e) => this.click(e, tr) }, cells);
    return tr;
  }

  click(e, tr) {
    if (e.target.closest("a, button, input") || String(getSelection())) return;
    tr.querySelector("th a")?.click();
  }

  // One row of the table is in the order of Tab; the arrow keys say which.
  roving() {
    if (!this.body.querySelector('tr[tabindex="0"]')) this.body.rows[0]?.setAttribute("tabindex", "0");
  }

  rove(tr) {
    if (!tr) return;
    for (const other of this.body.querySelectorAll('tr[tabindex="0"]')) other.setAttribute("tabindex", "-1");
    tr.setAttribute("tabindex", "0");
  }

  walk(e) {
    const tr = e.target.closest("tr");
    if (!tr || e.target !== tr || e.ctrlKey || e.metaKey || e.altKey) return;
    const rows = this.body.rows;
    const at = tr.sectionRowIndex;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1, PageDown: Math.min(at + 10, rows.length - 1), PageUp: Math.max(at - 10, 0) }[e.key];
    if (e.key === "Enter") tr.querySelector("th a")?.click();
    else if (to === undefined) return;
    else rows[to]?.focus();
    e.preventDefault();
  }
}

// showAge marks what is old as old.
export function showAge(el, age, { loading, failed, old }) {
  const stale = !loading && (old > 0 || failed);
  el.classList.toggle("stale", Boolean(stale));
  const text = loading ? "loading" : stale ? `▲ ${old ? `as of ${old < 1000 ? "just now" : `${span(old)} ago`}` : "never read"}${failed ? `: ${failed.message}` : ""}` : "";
  if (age.textContent !== text) age.textContent = text;
}
