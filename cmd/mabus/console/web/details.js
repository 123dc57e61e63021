// What is shown of one thing, beside its page.
import { h, fill, say } from "./dom.js";
import { ago, brief, bytes, clock, count, json, money, mono, status, tags } from "./format.js";
import { question } from "./jobs.js";
import { act } from "./stream.js";
import { Section, showAge } from "./table.js";
import { who } from "./market.js";

// kinds are the things that have details, by their name in the address.
export const kinds = {
  agent: (id) => new Detail("Agent", id, ["agent"], "agent", agentFacts, []),
  task: (id) => new Detail("Task", id, ["task"], "task", taskFacts, [parts()]),
  session: (id) => new Detail("Session", id, ["session"], "session", sessionFacts, [asked()]),
  auction: (id) => new Detail("Auction", id, ["auction"], "auction", auctionFacts, [bids()]),
  book: (id) => new Detail("Market", id, ["market"], "market", marketFacts, [book("buys", "Buyers"), book("sells", "Sellers"), trades()]),
  owner: (id) => new Detail("Principal", id, ["accounts"], null, null, [accounts(), entries()]),
  alert: (id) => new Detail("Alert", id, ["alerts"], "alerts", alertFacts, []),
  event: (id) => new Detail("Event", id.slice(id.indexOf(" ") + 1), ["events"], "events", eventFacts, [], id),
};

class Detail {
  constructor(kind, id, tables, main, facts, sections, row) {
    Object.assign(this, { kind, id, tables, main, facts, sections, rowKey: row ?? id });
    this.age = h("span", { class: "age" });
    this.close = h("a", { class: "close", "aria-label": "Close details", title: "Close (Esc)" }, "✕");
    this.body = h("div", { class: "facts" });
    this.why = h("p", { class: "empty" });
    this.heading = h("h2", { tabindex: "-1" }, `${kind} `, mono(id));
    this.el = h("div", {}, h("header", {}, this.heading, this.close), h("p", { class: "aged" }, this.age), this.why, this.body, sections.map((s) => s.el));
  }

  update(live) {
    const t = live.table(this.main ?? this.tables[0]);
    const failed = this.tables.map((n) => live.table(n)).find((x) => x.error)?.error;
    showAge(this.el, this.age, { loading: !t.at && !failed, failed: t.at ? failed : null, old: Math.max(...this.tables.map((n) => live.stale(n))) });
    const row = this.main && t.rows.get(this.rowKey);
    const why = row || !this.main ? "" : failed ? failed.message : t.at ? "It is not among what is known any more." : "Loading…";
    if (this.why.textContent !== why) this.why.textContent = why;
    this.why.hidden = !why;
    const write = live.console?.write;
    if (row && (row !== this.row || write !== this.write)) {
      Object.assign(this, { row, write });
      fill(this.body, this.facts(row, write));
    }
    for (const s of this.sections) s.update(live, s.pick ? s.pick(live, this.rowKey) : [...live.table(s.tables[0]).rows.values()]);
  }
}

// facts makes a list of names and values; what is absent is left out.
function facts(pairs) {
  return h("dl", {}, pairs.filter(([, v]) => v != null && v !== "" && v !== false).map(([k, v]) => [h("dt", {}, k), h("dd", {}, v)]));
}

const block = (label, value) => (value === undefined ? null : [h("h3", {}, label), h("pre", { tabindex: "0", "aria-label": label }, json(value))]);

// button asks before it does something that cannot be taken back.
function button(label, words, action, body) {
  const wrong = h("p", { class: "wrong", role: "alert" });
  const press = h("button", { type: "button", class: "danger", click: async () => {
    if (!(await sure(words))) return;
    press.disabled = true;
    wrong.textContent = "";
    try {
      await act(action, body);
      say(`${label}: done.`);
    } catch (e) {
      wrong.textContent = e.message;
    }
    press.disabled = false;
  } }, label);
  return [press, wrong];
}

function sure(words) {
  return new Promise((done) => {
    const box = h("dialog", { "aria-label": words, close: () => { done(box.returnValue === "yes"); box.remove(); } },
      h("p", {}, words), h("form", { method: "dialog", class: "choice" }, h("button", { value: "no", autofocus: true }, "No"), h("button", { value: "yes", class: "danger" }, "Yes")));
    document.body.append(box);
    box.showModal();
  });
}

function agentFacts(s, write) {
  const a = s.agent, l = s.live;
  return [
    facts([
      ["Status", status(a.status)], ["Why", a.reason], ["Type", a.type || "worker"], ["Runtime", a.runtime || (a.module ? "native" : a.http ? "http" : null)], ["Module", a.module && mono(a.module)],
      ["Capabilities", a.capabilities?.length ? tags(a.capabilities) : null], ["Tags", a.tags?.length ? tags(a.tags) : null], ["Host", a.host && mono(a.host)],
      ["Wanted", a.wanted ? "yes: hosts keep it running" : "no"], ["Restarts", count(a.restarts)], ["Epoch", count(a.epoch)], ["Registered", ago(a.registered_at)], ["Changed", ago(a.changed_at)],
    ]),
    l && h("h3", {}, "Measured by its host"),
    l && facts([
      ["Started", ago(l.started_at)], ["Waiting", count(l.waiting)], ["Active", count(l.active)], ["Handled", count(l.handled)], ["Failed", count(l.failed)], ["Refused", count(l.refused)],
      ["Process", l.pid && count(l.pid)], ["Memory", l.memory && bytes(l.memory)], ["CPU time", l.cpu_time], ["Cost", l.usage && money(l.usage.cost)], ["Last error", l.last_error],
    ]),
    l?.log_tail?.length ? block("Last lines of its standard error", l.log_tail.join("\n")) : null,
    a.last_words ? block("Last words", a.last_words) : null,
    write && h("div", { class: "actions" },
      ["starting", "running"].includes(a.status) ? button("Stop", `Stop the agent ${a.id}? It finishes what it has begun.`, "stop-agent", { id: a.id }) : null,
      a.status !== "stopping" ? button("Restart", `Restart the agent ${a.id}?`, "restart-agent", { id: a.id }) : null),
  ];
}

function taskFacts(t, write) {
  const over = ["succeeded", "failed", "cancelled"].includes(t.status);
  return [
    facts([
      ["Status", status(t.status)], ["About", t.name], ["Job", t.job && mono(t.job)], ["Capability", mono(t.capability)], ["Priority", t.priority], ["Attempt", `${t.attempt ?? 0} of ${t.attempts || 3}`],
      ["Agent", t.agent && h("a", { href: `#/fleet/agent/${t.agent}` }, mono(t.agent))], ["Host", t.host && mono(t.host)], ["Submitted", ago(t.submitted_at)], ["By", t.principal && mono(t.principal)],
      ["Started", t.started_at && ago(t.started_at)], ["Ended", t.finished_at && ago(t.finished_at)], ["Deadline", t.deadline && ago(t.deadline)],
      ["Cost", t.usage && money(t.usage.cost)], ["Error", t.error && `${t.error.code}: ${t.error.message}`], ["Repeats", t.replay_of && h("a", { href: `#/jobs/task/${t.replay_of}` }, mono(t.replay_of))],
    ]),
    t.status === "waiting_input" ? question(t, write) : null,
    block("Payload", t.payload), block("Result", t.result),
    write && !over ? h("div", { class: "actions" }, button("Cancel the task", `Cancel the task ${t.id}?`, "cancel-task", { id: t.id, reason: "in the console" })) : null,
  ];
}

const parts = () => new Section({
  title: "What it says", id: "parts", tables: ["parts"], key: (r) => r.seq, text: (r) => JSON.stringify(r), sort: [0, -1], empty: "It has said nothing before its outcome.",
  columns: [
    { label: "Time", cell: (r) => clock(r.at), sort: (r) => r.seq },
    { label: "Kind", cell: (r) => status(r.kind) },
    { label: "Said", wide: true, cell: (r) => h("span", { class: "said" }, json(r.payload)) },
  ],
});

function sessionFacts(s, write) {
  return [
    facts([
      ["State", status(s.state)], ["Why", s.reason], ["Type", s.type.replaceAll("_", " ")], ["Algorithm", s.algorithm], ["Protocol", s.protocol && mono(s.protocol)],
      ["Members", count(s.members?.length)], ["Asked", count(s.stats.asked)], ["Answered", count(s.stats.answered)], ["Failed", count(s.stats.failed)], ["Silent", count(s.stats.silent)],
      ["Started", ago(s.started_at)], ["By", s.started_by && mono(s.started_by)], ["Ended", s.ended_at && ago(s.ended_at)], ["Part of", s.origin],
    ]),
    block("Question", s.question), block("Result", s.result),
    write && s.state === "active" ? h("div", { class: "actions" }, button("Cancel the session", `Cancel the session ${s.id}?`, "cancel-session", { id: s.id, reason: "in the console" })) : null,
  ];
}

const asked = () => new Section({
  title: "Questions and answers", id: "asked", tables: ["session"], key: (r) => `${r.round} ${r.member}`, text: (r) => JSON.stringify(r), sort: [0, -1], empty: "Nobody has been asked yet.",
  pick: (live, id) => {
    const s = live.table("session").rows.get(id);
    return (s?.rounds ?? []).flatMap((round) => round.asks.map((a) => ({ ...a, round: round.number, phase: round.phase, at: a.answered_at ?? round.asked_at })));
  },
  columns: [
    { label: "Round", num: true, cell: (r) => `${r.round} ${r.phase}`, sort: (r) => r.round },
    { label: "Member", cell: (r) => mono(r.member), sort: (r) => r.member },
    { label: "State", cell: (r) => status(r.state), sort: (r) => r.state },
    { label: "Answer", wide: true, cell: (r) => h("span", { class: "said" }, r.error || brief(r.answer, 400)) },
  ],
});

function auctionFacts(a) {
  return [
    facts([
      ["State", status(a.state)], ["Why", a.reason], ["Type", `${a.reverse ? "reverse " : ""}${a.type.replaceAll("_", " ")}`], ["Owner", who(a.owner)], ["Category", a.category],
      ["Price", money(a.price)], ["Leader", a.leader && who(a.leader)], ["Next price", a.next_price && money(a.next_price)], ["Reserve", a.reserve && money(a.reserve)],
      ["Bids", `${count(a.bids)} of ${count(a.bidders)} bidders`], ["Opened", ago(a.created_at)], ["Bidding ends", ago(a.ends_at)], ["Ended", a.ended_at && ago(a.ended_at)],
      ["Sold for", a.outcome && money(a.outcome.traded)], ["To", a.outcome && a.outcome.awards.map((x) => [who(x.bidder), ` ${money(x.amount)} `])], ["Head", mono(a.head?.slice(0, 16), a.head)],
    ]),
    block("About", a.item ?? a.items),
  ];
}

const bids = () => new Section({
  title: "Bids", id: "bids", tables: ["bids"], key: (r) => r.bidder, text: (r) => r.bidder, sort: [1, -1], empty: "Nobody has bid yet.",
  columns: [
    { label: "Bidder", cell: (r) => mono(r.bidder), sort: (r) => r.bidder },
    { label: "Price", num: true, cell: (r) => (r.price ? money(r.price) : h("span", { class: "hint" }, r.bundles?.length ? r.bundles.map((b) => money(b.price)).join(", ") : "sealed")), sort: (r) => Number(r.price ?? -1) },
    { label: "State", cell: (r) => status(r.state), sort: (r) => r.state },
    { label: "When", cell: (r) => ago(r.at), sort: (r) => r.at },
  ],
});

function marketFacts(m) {
  return [facts([
    ["State", status(m.state)], ["Name", m.name], ["Type", m.type.replaceAll("_", " ")], ["Trades", m.commodity && mono(m.commodity)], ["Owner", who(m.owner)], ["Last price", m.last_price && money(m.last_price)],
    ["Open orders", count(m.open_orders)], ["Trades so far", `${count(m.trades)} for ${money(m.value)}`], ["Fees", money(m.fees)],
    ["Outcomes", m.outcomes?.map((o, i) => h("div", {}, `${i + 1}. ${o}: ${m.prices?.[i] ?? "–"}`))], ["Opened", ago(m.created_at)], ["Closes", m.closes_at && ago(m.closes_at)], ["Clears", m.clears_at && ago(m.clears_at)],
  ])];
}

const book = (side, title) => new Section({
  title, id: `book-${side}`, tables: ["book"], key: (r) => r.price, text: (r) => r.price, sort: [0, side === "buys" ? -1 : 1], empty: "No order rests here, or nobody may see them.",
  pick: (live, id) => live.table("book").rows.get(id)?.[side] ?? [],
  columns: [
    { label: "Price", num: true, cell: (r) => money(r.price), sort: (r) => Number(r.price) },
    { label: "Units", num: true, cell: (r) => count(r.quantity), sort: (r) => r.quantity },
    { label: "Orders", num: true, cell: (r) => count(r.orders), sort: (r) => r.orders },
  ],
});

const trades = () => new Section({
  title: "Last trades", id: "trades", tables: ["trades"], key: (r) => r.number, text: (r) => `${r.buyer} ${r.seller}`, sort: [0, -1], empty: "Nothing has been traded.",
  columns: [
    { label: "No.", num: true, cell: (r) => count(r.number), sort: (r) => r.number },
    { label: "Price", num: true, cell: (r) => money(r.price), sort: (r) => Number(r.price) },
    { label: "Units", num: true, cell: (r) => count(r.quantity), sort: (r) => r.quantity },
    { label: "Buyer", cell: (r) => r.buyer ?? "–" },
    { label: "Seller", cell: (r) => r.seller ?? "–" },
    { label: "When", cell: (r) => ago(r.at), sort: (r) => r.at },
  ],
});

const accounts = () => new Section({
  title: "Accounts", id: "owned", tables: ["accounts"], key: (r) => r.id, text: (r) => r.id, sort: [0, 1], empty: "It has no account.",
  columns: [
    { label: "Account", cell: (r) => mono(r.id), sort: (r) => r.id },
    { label: "Available", num: true, cell: (r) => money(r.available), sort: (r) => Number(r.available) },
    { label: "Held", num: true, cell: (r) => money(r.held), sort: (r) => Number(r.held) },
  ],
});

const entries = () => new Section({
  title: "Last entries of main/credit", id: "entries", tables: ["entries"], key: (r) => r.number, text: (r) => `${r.kind} ${r.ref} ${r.counter}`, sort: [0, -1], empty: "It has no entry.",
  columns: [
    { label: "No.", num: true, cell: (r) => count(r.number), sort: (r) => r.number },
    { label: "Amount", num: true, cell: (r) => money(r.amount), sort: (r) => Number(r.amount) },
    { label: "Balance", num: true, cell: (r) => money(r.balance), sort: (r) => Number(r.balance) },
    { label: "Kind", cell: (r) => r.kind, sort: (r) => r.kind },
    { label: "For", cell: (r) => mono(r.ref) },
    { label: "When", cell: (r) => ago(r.at), sort: (r) => r.at },
  ],
});

function eventFacts(e) {
  return [
    facts([
      ["Type", mono(e.type)], ["Subject", e.subject && mono(e.subject)], ["Source", mono(e.source)], ["Time", [clock(e.time), " (", ago(e.time), ")"]], ["Principal", e.principal && mono(e.principal)],
      ["Correlation", e.correlationid && mono(e.correlationid)], ["Causation", e.causationid && mono(e.causationid)], ["Trace", e.traceparent && mono(e.traceparent)], ["Id", mono(e.id)],
    ]),
    block("Data", e.data),
  ];
}

function alertFacts(a) {
  return [
    facts([
      ["Status", a.status === "active" ? status(a.severity) : status(a.status)], ["Severity", a.severity], ["Rule", mono(a.rule)], ["Message", a.message], ["Figure", `${a.statistic} of ${a.series?.metric ?? "?"}`],
      ["Threshold", `${a.comparison} ${a.threshold}`], ["Measured", a.value != null ? String(a.value) : a.absent ? "nothing: the series fell silent" : null], ["About", a.series?.id && mono(a.series.id)],
      ["Raised", ago(a.raised_at)], ["Over", a.cleared_at && ago(a.cleared_at)], ["Why", a.end?.replaceAll("_", " ")], ["Times raised", count(a.episode)], ["Flapping", a.flapping && "yes: it stands until it has been quiet"],
      ["Seen by", a.acked_by && [mono(a.acked_by), " ", ago(a.acked_at)]], ["Note", a.note],
    ]),
  ];
}
