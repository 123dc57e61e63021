// The page of tasks, what they ask of people, and sessions of agents.
import { h, keyed, say } from "./dom.js";
import { ago, brief, count, json, money, mono, span, status } from "./format.js";
import { act } from "./stream.js";
import { Section, showAge } from "./table.js";

const about = (r) => r.name || r.job || "–";
const took = (r) => (r.started_at && r.finished_at ? Date.parse(r.finished_at) - Date.parse(r.started_at) : -1);

export function jobs() {
  const asks = new Asks();
  const groups = new Section({
    title: "Jobs", id: "groups", tables: ["tasks", "outcomes", "budgets"], key: (r) => r.id, text: (r) => r.id, sort: [0, 1],
    empty: "No task that is listed below belongs to a job. `mabus run JOB.yaml` makes jobs.",
    columns: [
      { label: "Job", cell: (r) => mono(r.id), sort: (r) => r.id },
      { label: "Open", num: true, cell: (r) => count(r.open), sort: (r) => r.open },
      { label: "Asking", num: true, cell: (r) => (r.asking ? h("span", { class: "status ask", title: "wait for an answer" }, h("i", { "aria-hidden": "true" }, "◆"), count(r.asking)) : "–"), sort: (r) => r.asking },
      { label: "Succeeded", num: true, cell: (r) => count(r.succeeded), sort: (r) => r.succeeded },
      { label: "Failed", num: true, cell: (r) => (r.failed ? h("b", { class: "bad" }, count(r.failed)) : "0"), sort: (r) => r.failed },
      { label: "Cancelled", num: true, cell: (r) => count(r.cancelled), sort: (r) => r.cancelled },
      { label: "Spent", num: true, cell: (r) => (r.budget ? money(r.budget.spent) : "–"), sort: (r) => Number(r.budget?.spent ?? -1) },
      { label: "Cap", num: true, cell: (r) => (r.budget ? [money(r.budget.cap), r.budget.exhausted ? status("waiting_budget", "no more is spent until the cap is raised") : null] : "–"), sort: (r) => Number(r.budget?.cap ?? -1) },
    ],
  });
  const columns = (end) => [
    { label: "Task", cell: (r) => mono(r.id), sort: (r) => r.id },
    { label: "Status", long: true, cell: (r) => status(r.status, r.error?.message), sort: (r) => r.status },
    { label: "About", wide: true, cell: (r) => about(r), sort: about },
    { label: "Capability", cell: (r) => mono(r.capability), sort: (r) => r.capability },
    { label: "Attempt", num: true, cell: (r) => `${r.attempt ?? 0} / ${r.attempts || 3}`, sort: (r) => r.attempt ?? 0 },
    { label: "Agent", cell: (r) => (r.agent ? mono(r.agent) : "–"), sort: (r) => r.agent ?? "" },
    ...end,
  ];
  const text = (r) => `${r.id} ${r.status} ${r.name ?? ""} ${r.job ?? ""} ${r.capability} ${r.agent ?? ""} ${r.error?.message ?? ""}`;
  const open = new Section({
    title: "Open tasks", id: "tasks", tables: ["tasks"], key: (r) => r.id, href: (r) => `#/jobs/task/${r.id}`, text, sort: [6, -1],
    empty: "No task waits or runs.",
    columns: columns([{ label: "Submitted", cell: (r) => ago(r.submitted_at), sort: (r) => r.submitted_at }]),
  });
  const ended = new Section({
    title: "Last outcomes", id: "outcomes", tables: ["outcomes"], key: (r) => r.id, href: (r) => `#/jobs/task/${r.id}`, text, sort: [7, -1],
    empty: "No task has ended yet.",
    columns: columns([
      { label: "Took", num: true, cell: (r) => (took(r) < 0 ? "–" : span(took(r))), sort: took },
      { label: "Ended", cell: (r) => ago(r.finished_at), sort: (r) => r.finished_at },
      { label: "Error", wide: true, cell: (r) => brief(r.error?.message, 120) },
    ]),
  });
  const sessions = new Section({
    title: "Sessions", id: "sessions", tables: ["sessions"], key: (r) => r.id, href: (r) => `#/jobs/session/${r.id}`,
    text: (r) => `${r.id} ${r.type} ${r.state} ${r.protocol ?? ""} ${r.started_by ?? ""}`, empty: "No session of agents is known.", sort: [6, -1],
    columns: [
      { label: "Session", cell: (r) => mono(r.id), sort: (r) => r.id },
      { label: "State", cell: (r) => status(r.state, r.reason), sort: (r) => r.state },
      { label: "Type", cell: (r) => r.type.replaceAll("_", " "), sort: (r) => r.type },
      { label: "Members", num: true, cell: (r) => count(r.members?.length), sort: (r) => r.members?.length ?? 0 },
      { label: "Answered", num: true, cell: (r) => `${count(r.stats.answered)} / ${count(r.stats.asked)}`, sort: (r) => r.stats.answered },
      { label: "About", wide: true, cell: (r) => brief(r.question, 120) },
      { label: "Started", cell: (r) => ago(r.started_at), sort: (r) => r.started_at },
    ],
  });
  let waiting = 0;
  return {
    title: "Jobs", page: "jobs", sections: [asks, groups, open, ended, sessions],
    asking: () => waiting,
    tiles(live) {
      const t = live.table("totals").rows.get("tasks");
      const s = live.table("sessions_totals").rows.get("sessions");
      const rows = [...live.table("tasks").rows.values()];
      const of = (word) => rows.filter((r) => r.status === word).length;
      const cut = live.table("tasks").more ? "+" : "";
      return [
        { label: "Open tasks", value: live.table("tasks").at && count(rows.length) + cut, from: "tasks" },
        { label: "Running", value: live.table("tasks").at && count(of("running")) + cut, from: "tasks" },
        { label: "Asking", value: live.table("tasks").at && count(of("waiting_input")), from: "tasks", ask: of("waiting_input") > 0 },
        { label: "Outcomes kept", value: t && count(t.outcomes), from: "totals" },
        { label: "Active sessions", value: s && count(s.active), from: "sessions_totals" },
      ];
    },
    update(live, words) {
      const rows = [...live.table("tasks").rows.values()];
      const outcomes = [...live.table("outcomes").rows.values()];
      const asking = rows.filter((r) => r.status === "waiting_input");
      waiting = asking.length;
      asks.update(live, asking);
      groups.update(live, grouped(rows, outcomes, live.table("budgets").rows), words);
      open.update(live, rows, words);
      ended.update(live, outcomes, words);
      sessions.update(live, [...live.table("sessions").rows.values()], words);
    },
  };
}

// grouped counts the tasks that are listed, by their jobs.
function grouped(rows, outcomes, budgets) {
  const by = new Map();
  const of = (id) => {
    if (!by.has(id)) by.set(id, { id, open: 0, asking: 0, succeeded: 0, failed: 0, cancelled: 0, budget: budgets.get(id) });
    return by.get(id);
  };
  for (const r of rows) {
    if (!r.job) continue;
    of(r.job).open++;
    if (r.status === "waiting_input") of(r.job).asking++;
  }
  for (const r of outcomes) if (r.job) of(r.job)[r.status]++;
  for (const id of budgets.keys()) of(id);
  return [...by.values()];
}

// Asks are the questions of tasks that people have to answer.
class Asks {
  id = "asks-section";
  constructor() {
    this.age = h("span", { class: "age" });
    this.amount = h("span", { class: "amount" });
    this.cards = h("div", { class: "cards" });
    this.el = h("section", { id: this.id, class: "section asks", hidden: true }, h("header", {}, h("h2", {}, "Waiting for an answer"), this.amount, this.age), this.cards);
  }

  update(live, tasks) {
    this.el.hidden = tasks.length === 0;
    const amount = count(tasks.length);
    if (this.amount.textContent !== amount) this.amount.textContent = amount;
    const t = live.table("tasks");
    showAge(this.el, this.age, { loading: !t.at && !t.error, failed: t.error, old: live.stale("tasks") });
    keyed(this.cards, tasks.map((r) => this.one(r)), (r) => r.key, (r) => question(r.task, live.console?.write));
  }

  // A card stays what it is, with what is being typed, until another question is asked.
  known = new Map();
  one(task) {
    const key = `${task.id} ${JSON.stringify(task.question)}`;
    if (!this.known.has(key)) this.known.set(key, { key, task });
    return this.known.get(key);
  }
}

let forms = 0;

// question shows what a task asks, and where that is allowed a form for the answer.
export function question(task, write) {
  const title = h("h3", {}, h("a", { href: `#/jobs/task/${task.id}` }, mono(task.id)), task.name ? ` ${task.name}` : "");
  const asked = h("pre", { class: "asked" }, json(task.question));
  if (!write) return h("article", { class: "card ask" }, title, asked, h("p", { class: "hint" }, "This console only reads. Answer with ", mono(`mabus tasks answer ${task.id} ANSWER`), "."));
  const id = `answer-${++forms}`; // the same question may stand in two places
  const field = h("textarea", { id, rows: "2", required: true, placeholder: "A text, or a JSON value" });
  const wrong = h("p", { class: "wrong", role: "alert" });
  const send = h("button", { class: "primary" }, "Answer");
  const submit = async (e) => {
    e.preventDefault();
    send.disabled = true;
    wrong.textContent = "";
    let answer = field.value;
    try {
      answer = JSON.parse(answer);
    } catch {
      // it is a text
    }
    try {
      await act("answer-task", { id: task.id, answer });
      say(`The answer to ${task.id} is given.`);
      send.textContent = "Answered";
    } catch (err) {
      wrong.textContent = err.message;
      send.disabled = false;
    }
  };
  return h("article", { class: "card ask" }, title, asked, h("form", { submit }, h("label", { for: id }, "Answer"), field, send, wrong));
}
