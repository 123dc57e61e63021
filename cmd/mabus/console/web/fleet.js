// The page of hosts, agents and services.
import { h } from "./dom.js";
import { ago, bar, brief, bytes, count, millis, mono, share, status, tags, took } from "./format.js";
import { Section } from "./table.js";

const rank = { failed: 0, dead: 0, starting: 1, stopping: 1, running: 2, live: 2, stopped: 3, registered: 4 };

export function fleet() {
  let onHost = new Map();
  const hosts = new Section({
    title: "Hosts", id: "hosts", page: 12, tables: ["hosts"], key: (r) => r.id, text: (r) => `${r.id} ${r.status} ${(r.tags ?? []).join(" ")}`,
    empty: "No agent host has registered. Start one with `mabus serve agenthost`.", sort: [1, 1],
    columns: [
      { label: "Host", cell: (r) => mono(r.id), sort: (r) => r.id },
      { label: "Status", cell: (r) => [status(r.status), r.draining ? status("draining") : null], sort: (r) => `${rank[r.status]} ${r.id}` },
      { label: "Agents", num: true, cell: (r) => `${count(r.agents)}${r.max_agents ? ` / ${count(r.max_agents)}` : ""}`, sort: (r) => r.agents },
      { label: "CPU", long: true, cell: (r) => (r.load_report ? bar(r.load_report.cpu, "share of its processors, measured by the host") : bar((r.load ?? 0) / 100, "share of its processors, in tens")), sort: (r) => r.load_report?.cpu ?? (r.load ?? 0) / 100, num: true },
      { label: "Memory in use", long: true, num: true, cell: (r) => (r.load_report?.memory_total ? `${bytes(r.load_report.memory)} of ${bytes(r.load_report.memory_total)}` : "–"), sort: (r) => r.load_report?.memory_share ?? 0 },
      { label: "CPUs", num: true, cell: (r) => r.cpus || "–", sort: (r) => r.cpus ?? 0 },
      { label: "Tags", long: true, cell: (r) => tags(r.tags) },
      { label: "Version", cell: (r) => r.version || "–", sort: (r) => r.version },
      { label: "Since", cell: (r) => ago(r.registered_at), sort: (r) => r.registered_at },
    ],
  });
  const agents = new Section({
    title: "Agents", id: "agents", tables: ["agents"], key: (r) => r.id, href: (r) => `#/fleet/agent/${r.id}`,
    text: (r) => `${r.id} ${r.status} ${r.type ?? ""} ${(r.capabilities ?? []).join(" ")} ${(r.tags ?? []).join(" ")} ${r.host ?? ""} ${r.reason ?? ""}`,
    empty: "No agent is registered. Start one with `mabus agents start ID --module echo`.", sort: [1, 1],
    columns: [
      { label: "Agent", cell: (r) => mono(r.id), sort: (r) => r.id },
      { label: "Status", long: true, cell: (r) => [status(r.status), r.status === "failed" && r.reason ? h("div", { class: "why", title: r.reason }, brief(r.reason, 60)) : null], sort: (r) => `${rank[r.status]} ${r.id}` },
      { label: "Type", cell: (r) => r.type || "worker", sort: (r) => r.type ?? "" },
      { label: "Capabilities", long: true, cell: (r) => tags(r.capabilities) },
      { label: "Host", cell: (r) => (r.host ? mono(r.host) : "–"), sort: (r) => r.host ?? "" },
      { label: "Waiting", num: true, cell: (r) => (r.work ? count(r.work.waiting) : "–"), sort: (r) => r.work?.waiting ?? -1 },
      { label: "Active", num: true, cell: (r) => (r.work ? count(r.work.active) : "–"), sort: (r) => r.work?.active ?? -1 },
      { label: "Takes", num: true, cell: (r) => took(r.work?.latency), sort: (r) => millis(r.work?.latency) },
      { label: "Errors", num: true, cell: (r) => (r.work ? share(r.work.errors ?? 0) : "–"), sort: (r) => r.work?.errors ?? -1 },
      { label: "Restarts", num: true, cell: (r) => count(r.restarts), sort: (r) => r.restarts ?? 0 },
      { label: "Changed", cell: (r) => ago(r.changed_at), sort: (r) => r.changed_at },
    ],
  });
  const services = new Section({
    title: "Services", id: "services", tables: ["services"], key: (r) => r.id, text: (r) => `${r.id} ${r.name} ${r.status}`, empty: "No service is registered.", sort: [0, 1],
    columns: [
      { label: "Service", cell: (r) => r.name, sort: (r) => `${r.name} ${r.id}` },
      { label: "Status", cell: (r) => status(r.status), sort: (r) => `${rank[r.status]} ${r.name}` },
      { label: "Instance", long: true, cell: (r) => mono(r.id), sort: (r) => r.id },
      { label: "Version", cell: (r) => r.version || "–", sort: (r) => r.version },
      { label: "Since", cell: (r) => ago(r.registered_at), sort: (r) => r.registered_at },
    ],
  });
  const joined = new Joined();
  return {
    title: "Fleet", page: "fleet", sections: [hosts, agents, services],
    tiles(live) {
      const s = live.table("totals").rows.get("agents");
      const n = (word) => s?.by_status?.[word] ?? 0;
      const lives = [...live.table("hosts").rows.values()].filter((h) => h.status === "live").length;
      return [
        { label: "Agents", value: s && count(s.total), from: "totals" },
        { label: "Running", value: s && count(n("running")), from: "totals" },
        { label: "Failed", value: s && count(n("failed")), from: "totals", bad: n("failed") > 0 },
        { label: "Health", value: s && `${s.health_percentage} %`, from: "totals", bad: s && s.health_percentage < 90, title: "of all agents that are registered, those that have not failed" },
        { label: "Live hosts", value: live.table("hosts").at && `${lives} / ${live.table("hosts").rows.size}`, from: "hosts", bad: lives < live.table("hosts").rows.size },
      ];
    },
    update(live, words) {
      const all = [...live.table("agents").rows.values()];
      onHost = new Map();
      for (const a of all) if (["starting", "running", "stopping"].includes(a.status)) onHost.set(a.host, (onHost.get(a.host) ?? 0) + 1);
      const loads = live.table("loads").rows;
      const fresh = live.stale("loads") === 0;
      const work = live.stale("work") === 0 ? live.table("work").rows : new Map();
      agents.update(live, all.map((a) => joined.of("a", a.id, a, a.status === "running" ? work.get(a.id) : undefined, (r, w) => ({ ...r, work: w }))), words);
      hosts.update(live, [...live.table("hosts").rows.values()].map((r) => joined.of("h", r.id, r, `${onHost.get(r.id) ?? 0} ${fresh && r.status === "live" ? JSON.stringify(loads.get(r.id)) : ""}`,
        (x) => ({ ...x, agents: onHost.get(x.id) ?? 0, load_report: fresh && x.status === "live" ? loads.get(x.id) : undefined }))), words);
      services.update(live, [...live.table("services").rows.values()], words);
    },
  };
}

// Joined makes one row of two, and gives the same object as long as both are the same.
export class Joined {
  known = new Map();
  of(kind, key, row, other, make) {
    const k = `${kind} ${key}`;
    const was = this.known.get(k);
    if (was && was.row === row && was.other === other) return was.made;
    const made = make(row, other);
    this.known.set(k, { row, other, made });
    return made;
  }
}
