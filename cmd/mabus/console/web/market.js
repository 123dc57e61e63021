// The page of auctions, markets and money.
import { h } from "./dom.js";
import { ago, count, money, mono, status } from "./format.js";
import { Joined } from "./fleet.js";
import { Section } from "./table.js";

const over = { open: 0, closing: 1, awarded: 2, closed: 3, expired: 4, cancelled: 5, resolved: 4, void: 5 };

// what an auction is about, as far as a list of auctions tells.
const what = (r) => (r.asset ? `${count(r.quantity || 1)} × ${r.asset}` : r.items?.map((i) => i.name).join(", ") || r.category || "–");

export function market() {
  const auctions = new Section({
    title: "Auctions", id: "auctions", tables: ["auctions"], key: (r) => r.id, href: (r) => `#/market/auction/${r.id}`,
    text: (r) => `${r.id} ${r.type} ${r.state} ${r.owner} ${r.leader ?? ""} ${r.category ?? ""} ${what(r)}`,
    empty: "No auction is under way or has just ended. Open one with `mabus auctions create`.", sort: [1, 1],
    columns: [
      { label: "Auction", cell: (r) => mono(r.id), sort: (r) => r.id },
      { label: "State", cell: (r) => status(r.state, r.reason), sort: (r) => `${over[r.state]} ${r.ends_at}` },
      { label: "Type", cell: (r) => `${r.reverse ? "reverse " : ""}${r.type.replaceAll("_", " ")}`, sort: (r) => r.type },
      { label: "Asset or category", wide: true, cell: what, sort: what },
      { label: "Owner", cell: (r) => who(r.owner), sort: (r) => r.owner },
      { label: "Price", num: true, cell: (r) => money(r.price), sort: (r) => Number(r.price ?? -1) },
      { label: "Leader", cell: (r) => who(r.leader), sort: (r) => r.leader ?? "" },
      { label: "Bids", num: true, cell: (r) => count(r.bids), sort: (r) => r.bids },
      { label: "Ends", cell: (r) => ago(r.ended_at || r.ends_at), sort: (r) => r.ended_at || r.ends_at },
    ],
  });
  const markets = new Section({
    title: "Markets", id: "markets", tables: ["markets"], key: (r) => r.id, href: (r) => `#/market/book/${r.id}`,
    text: (r) => `${r.id} ${r.name} ${r.type} ${r.state} ${r.commodity ?? ""}`, empty: "No market is open. Open one with `mabus markets create`.", sort: [1, 1],
    columns: [
      { label: "Market", cell: (r) => mono(r.id), sort: (r) => r.id },
      { label: "State", cell: (r) => status(r.state), sort: (r) => `${over[r.state]} ${r.id}` },
      { label: "Name", wide: true, cell: (r) => r.name, sort: (r) => r.name },
      { label: "Type", cell: (r) => r.type.replaceAll("_", " "), sort: (r) => r.type },
      { label: "Bid", num: true, cell: (r) => money(r.bid), sort: (r) => Number(r.bid ?? -1) },
      { label: "Ask", num: true, cell: (r) => money(r.ask), sort: (r) => Number(r.ask ?? -1) },
      { label: "Last", num: true, cell: (r) => money(r.last_price), sort: (r) => Number(r.last_price ?? -1) },
      { label: "Orders", num: true, cell: (r) => count(r.open_orders), sort: (r) => r.open_orders },
      { label: "Trades", num: true, cell: (r) => count(r.trades), sort: (r) => r.trades },
      { label: "Traded", num: true, cell: (r) => money(r.value), sort: (r) => Number(r.value) },
    ],
  });
  const supply = new Section({
    title: "Supply", id: "supply", tables: ["assets"], key: (r) => r.id, text: (r) => `${r.id} ${r.issuer} ${r.description ?? ""}`, empty: "There is no asset.", sort: [0, 1],
    columns: [
      { label: "Asset", cell: (r) => mono(r.id), sort: (r) => r.id },
      { label: "Issued", num: true, cell: (r) => money(r.issued), sort: (r) => Number(r.issued) },
      { label: "Available", num: true, cell: (r) => money(r.audit?.available), sort: (r) => Number(r.audit?.available ?? -1) },
      { label: "Held", num: true, cell: (r) => money(r.audit?.held), sort: (r) => Number(r.audit?.held ?? -1) },
      { label: "Accounts", num: true, cell: (r) => (r.audit ? count(r.audit.accounts) : "–"), sort: (r) => r.audit?.accounts ?? -1 },
      { label: "Audit", cell: (r) => (r.audit ? status(r.audit.agree ? "agrees" : "disagrees", "what accounts have, against what was issued") : h("span", { class: "hint" }, r.why ?? "–")), sort: (r) => String(r.audit?.agree) },
      { label: "Issuer", cell: (r) => mono(r.issuer), sort: (r) => r.issuer },
    ],
  });
  const find = h("form", { class: "find", submit: (e) => {
    e.preventDefault();
    const owner = e.target.elements.owner.value.trim();
    if (owner) location.hash = `#/market/owner/${encodeURIComponent(owner)}`;
  } }, h("label", { for: "owner" }, "Accounts of"), h("input", { id: "owner", name: "owner", pattern: "[A-Za-z0-9_\\-]{1,64}", placeholder: "principal", autocomplete: "off", spellcheck: "false" }), h("button", {}, "Show"));
  const accounts = new Section({
    title: "Accounts", id: "accounts", tables: ["accounts"], key: (r) => r.id, href: (r) => `#/market/owner/${r.id.split("/")[0]}`, text: (r) => r.id, sort: [0, 1], tools: find,
    empty: "None of those who take part has an account that this console may see.",
    columns: [
      { label: "Account", cell: (r) => mono(r.id), sort: (r) => r.id },
      { label: "Available", num: true, cell: (r) => money(r.available), sort: (r) => Number(r.available) },
      { label: "Held", num: true, cell: (r) => money(r.held), sort: (r) => Number(r.held) },
      { label: "Entries", num: true, cell: (r) => count(r.entries), sort: (r) => r.entries },
    ],
  });
  const joined = new Joined();
  return {
    title: "Market", page: "market", sections: [auctions, markets, supply, accounts],
    tiles(live) {
      const t = live.table("totals").rows;
      const a = t.get("auctions"), m = t.get("markets");
      const open = a?.types.reduce((n, x) => n + x.open, 0);
      const credit = live.table("assets").rows.get("credit");
      return [
        { label: "Open auctions", value: a && count(open), from: "totals" },
        { label: "Auctions so far", value: a && count(a.total), from: "totals" },
        { label: "Sold for", value: a && money(a.traded), from: "totals" },
        { label: "Traded in markets", value: m && money(m.value), from: "totals" },
        { label: "Credit issued", value: credit && money(credit.issued), from: "assets" },
      ];
    },
    update(live, words) {
      auctions.update(live, [...live.table("auctions").rows.values()], words);
      markets.update(live, [...live.table("markets").rows.values()], words);
      const audit = live.table("supply");
      const fresh = !live.stale("supply");
      const why = audit.error ? audit.error.message : fresh ? undefined : "the last audit is old";
      supply.update(live, [...live.table("assets").rows.values()].map((r) => joined.of("s", r.id, r, fresh ? audit.rows.get(r.id) ?? why : why, (x, y) => (typeof y === "object" ? { ...x, audit: y } : { ...x, why: y }))), words);
      accounts.update(live, [...live.table("accounts").rows.values()], words);
    },
  };
}

export const who = (principal) => (principal ? h("a", { href: `#/market/owner/${principal}`, tabindex: "-1" }, mono(principal)) : "–");
