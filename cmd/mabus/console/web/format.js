// How values are shown. What they mean is in shared/api.
import { h } from "./dom.js";

let ahead = 0; // by how many ms the console's clock is ahead of this one

// setClock takes the time of a message, so that ages are right on a machine whose clock is not.
export function setClock(now) {
  ahead = Date.parse(now) - Date.now();
}

export const now = () => Date.now() + ahead;

// span shows a length of time in ms: "340 ms", "12 s", "3 min", "2 h", "5 d".
export function span(ms) {
  const n = Math.abs(ms);
  if (n < 1) return "< 1 ms";
  if (n < 1000) return `${Math.round(n)} ms`;
  if (n < 60_000) return `${Math.floor(n / 1000)} s`;
  if (n < 3_600_000) return `${Math.floor(n / 60_000)} min`;
  if (n < 172_800_000) return `${Math.floor(n / 3_600_000)} h`;
  return `${Math.floor(n / 86_400_000)} d`;
}

// millis reads a duration as Go writes it, such as "1m2.5s" or "340.218µs", in ms.
export function millis(text) {
  const units = { ns: 1e-6, "µs": 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  let ms = 0;
  for (const [, n, unit] of (text ?? "").matchAll(/([\d.]+)(ns|µs|ms|s|m|h)/g)) ms += Number(n) * units[unit];
  return ms;
}

// took shows such a duration to three digits.
export function took(text) {
  const ms = millis(text);
  if (ms >= 10_000) return span(ms);
  if (ms >= 1000) return `${(ms / 1000).toPrecision(3)} s`;
  return ms >= 1 ? `${ms.toPrecision(3)} ms` : ms > 0 ? `${Math.round(ms * 1000)} µs` : "–";
}

function relative(at) {
  const ms = now() - at;
  if (Math.abs(ms) < 1000) return "now";
  return ms > 0 ? `${span(ms)} ago` : `in ${span(ms)}`;
}

// ago shows a time by its distance, which goes on by itself, and in full to who points at it.
export function ago(text) {
  if (!text) return "–";
  const at = Date.parse(text);
  return h("time", { datetime: text, title: new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" }), "data-at": at }, relative(at));
}

// tick renews the distances of all times on the page.
export function tick() {
  for (const el of document.querySelectorAll("time[data-at]")) {
    const text = relative(Number(el.dataset.at));
    if (el.textContent !== text) el.textContent = text;
  }
}

// clock shows the time of a day, to the millisecond.
export function clock(text) {
  const at = new Date(text);
  const two = (n) => String(n).padStart(2, "0");
  const shown = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
  return h("time", { datetime: text, title: at.toLocaleString(undefined, { dateStyle: "full", timeStyle: "long" }) }, shown);
}

export const count = (n) => Number(n ?? 0).toLocaleString("en-GB");

// money shows micro-units, which are texts of digits, as units with as many decimals as they need and two at least.
export function money(micro) {
  if (micro == null || micro === "") return "–";
  const n = BigInt(micro);
  const abs = n < 0n ? -n : n;
  const rest = String(abs % 1_000_000n).padStart(6, "0").replace(/0{1,4}$/, "");
  return `${n < 0n ? "−" : ""}${(abs / 1_000_000n).toLocaleString("en-GB")}.${rest}`;
}

export function bytes(n) {
  if (!n) return "–";
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (n < 1024) return `${n < 10 && unit !== "B" ? n.toFixed(1) : Math.round(n)} ${unit}`;
    n /= 1024;
  }
  return `${n.toFixed(1)} TiB`;
}

export const share = (x) => `${Math.round(100 * x)} %`;

// Statuses have a shape beside their colour: good, busy, idle, bad, ask.
const tones = {
  good: ["running", "live", "succeeded", "completed", "open", "standing", "won", "result", "resolved", "answered", "agrees"],
  busy: ["starting", "stopping", "queued", "closing", "awarded", "active", "draining", "committed", "progress", "waits or runs"],
  bad: ["failed", "dead", "error", "timeout", "forfeited", "void", "silent", "disagrees", "critical"],
  ask: ["waiting_input", "waiting_budget", "need_input", "warning"],
};
const shapes = { good: "●", busy: "◐", bad: "▲", ask: "◆", idle: "○" };

// status shows where something stands, by shape, colour and word.
export function status(word, title) {
  const tone = Object.keys(tones).find((t) => tones[t].includes(word)) ?? "idle";
  return h("span", { class: `status ${tone}`, title }, h("i", { "aria-hidden": "true" }, shapes[tone]), (word ?? "").replaceAll("_", " "));
}

// bar shows a share from 0 to 1.
export function bar(x, label) {
  const fillBar = h("i");
  fillBar.style.width = `${Math.round(100 * Math.min(1, Math.max(0, x)))}%`;
  return h("span", { class: x > 0.9 ? "bar full" : "bar", title: label }, h("span", { class: "track", "aria-hidden": "true" }, fillBar), h("b", {}, share(x)));
}

export const mono = (text, title) => h("code", { title }, text ?? "");
export const tags = (list) => (list ?? []).map((t) => h("span", { class: "tag" }, t));

// json shows any JSON value; a text without its quotes.
export function json(value) {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

// brief is json on one line.
export function brief(value, most = 160) {
  const text = value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value);
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
