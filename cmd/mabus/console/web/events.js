// The page of what has happened.
import { h } from "./dom.js";
import { ago, brief, bytes, clock, count, mono, status } from "./format.js";
import { Section } from "./table.js";

const ranks = { critical: 0, warning: 1, info: 2 };
const key = (r) => `${r.source} ${r.id}`;

export function events() {
  let paused = null; // the events that stand still while somebody reads
  let last = null;
  const pause = h("button", { type: "button", "aria-pressed": "false", click: () => {
    paused = paused ? null : [...(last?.table("events").rows.values() ?? [])];
    pause.setAttribute("aria-pressed", String(Boolean(paused)));
    page.update(last, page.words);
  } }, "Pause");
  const list = new Section({
    title: "Events", id: "events", tables: ["events"], key, href: (r) => `#/events/event/${encodeURIComponent(key(r))}`, tools: pause,
    text: (r) => `${r.type} ${r.subject ?? ""} ${r.source} ${r.principal ?? ""} ${r.correlationid ?? ""}`, empty: "Nothing has happened yet.", sort: [0, -1],
    columns: [
      { label: "Time", cell: (r) => clock(r.time), sort: (r) => r.time },
      { label: "Age", cell: (r) => ago(r.time), num: true },
      { label: "Type", long: true, cell: (r) => kind(r.type), sort: (r) => r.type },
      { label: "Subject", long: true, cell: (r) => mono(r.subject), sort: (r) => r.subject ?? "" },
      { label: "Source", long: true, cell: (r) => mono(r.source), sort: (r) => r.source },
      { label: "Principal", cell: (r) => (r.principal ? mono(r.principal) : "–"), sort: (r) => r.principal ?? "" },
      { label: "Correlation", long: true, cell: (r) => (r.correlationid ? mono(brief(r.correlationid, 24), r.correlationid) : "–"), sort: (r) => r.correlationid ?? "" },
    ],
  });
  const alerts = new Section({
    title: "Alerts", id: "alerts", tables: ["alerts"], key: (r) => r.id, href: (r) => `#/events/alert/${encodeURIComponent(r.id)}`, page: 20,
    text: (r) => `${r.rule} ${r.status} ${r.severity} ${r.message} ${r.series?.id ?? ""}`, empty: "No alert stands, and none has ended within a day.", sort: [1, 1],
    columns: [
      { label: "Rule", cell: (r) => mono(r.rule), sort: (r) => r.rule },
      { label: "Status", long: true, cell: (r) => [r.status === "active" ? status(r.severity) : status(r.status), r.flapping ? " flapping" : null], sort: (r) => `${r.status} ${ranks[r.severity]} ${r.raised_at}` },
      { label: "Message", wide: true, cell: (r) => r.message },
      { label: "About", long: true, cell: (r) => mono(r.series?.id || r.scope), sort: (r) => r.series?.id ?? "" },
      { label: "Seen by", cell: (r) => (r.acked_by ? mono(r.acked_by) : "–"), sort: (r) => r.acked_by ?? "" },
      { label: "Raised", cell: (r) => ago(r.raised_at), sort: (r) => r.raised_at },
      { label: "Over", cell: (r) => ago(r.cleared_at), sort: (r) => r.cleared_at ?? "" },
    ],
  });
  const page = {
    title: "Events", page: "events", sections: [alerts, list],
    tiles(live) {
      const t = live.table("totals").rows.get("events");
      const standing = [...live.table("alerts").rows.values()].filter((r) => r.status === "active").length;
      return [
        ...(alerts.el.hidden ? [] : [{ label: "Standing alerts", value: live.table("alerts").at && count(standing) + (live.table("alerts").more ? "+" : ""), from: "alerts", bad: standing > 0 }]),
        { label: "Events kept", value: t && count(t.current), from: "totals" },
        { label: "In the last minute", value: t && count(t.last_minute), from: "totals" },
        { label: "Stored so far", value: t && count(t.stored), from: "totals" },
        { label: "They take", value: t && bytes(t.bytes), from: "totals" },
      ];
    },
    update(live, words) {
      last = live;
      page.words = words;
      if (!live) return;
      const a = live.table("alerts");
      alerts.el.hidden = !a.at && (!a.error || a.error.code === "unimplemented"); // a service that knows of no alerts has none
      if (!alerts.el.hidden) alerts.update(live, [...a.rows.values()], words);
      const rows = [...live.table("events").rows.values()];
      const missed = paused ? rows.filter((r) => !paused.includes(r)).length : 0;
      const label = paused ? `Go on (${count(missed)} new)` : "Pause";
      if (pause.textContent !== label) pause.textContent = label;
      list.update(live, paused ?? rows, words);
    },
  };
  return page;
}

// kind sets off the end of a type, which says what happened.
function kind(type) {
  const at = type.lastIndexOf(".");
  return h("code", {}, h("span", { class: "hint" }, type.slice(0, at + 1)), type.slice(at + 1));
}
