// What comes from the console: a snapshot of a page and then its changes, as server-sent events over fetch, which unlike EventSource can
// send the token.
import { setClock, now } from "./format.js";

const silence = 3500; // ms without a message after which the connection is taken for lost: the console sends one each second
const again = [250, 500, 1000, 2000, 4000]; // ms until the next attempt

// token is in the address once, and then in this tab alone.
export function takeToken() {
  const given = /[#&]token=([^&]+)/.exec(location.hash);
  if (given) {
    sessionStorage.setItem("token", decodeURIComponent(given[1]));
    history.replaceState(null, "", location.pathname);
  }
}

export const setToken = (token) => sessionStorage.setItem("token", token);

function headers(more) {
  const token = sessionStorage.getItem("token");
  return token ? { ...more, Authorization: `Bearer ${token}` } : { ...more };
}

// act carries out an action; it throws what the console answers when it refuses.
export async function act(name, body) {
  const resp = await fetch(`api/actions/${name}`, {
    method: "POST", body: JSON.stringify(body), headers: headers({ "Content-Type": "application/json" }),
  });
  const said = await resp.json().catch(() => ({ message: `HTTP ${resp.status}` }));
  if (!resp.ok) throw new Error(said.message);
  return said;
}

// Live is one page, or one thing, kept true. tables holds what is known: by name, each with rows (a Map), at, error, total and more.
export class Live {
  constructor(page, id, changed) {
    Object.assign(this, { page, id, changed, tables: {}, link: "waiting", connected: true, console: null, refused: null, since: Date.now(), heard: 0, tries: 0 });
    this.watch = setInterval(() => this.look(), 500);
    this.open();
  }

  close() {
    this.closed = true;
    clearInterval(this.watch);
    clearTimeout(this.retry);
    this.abort?.abort();
  }

  table(name) {
    return this.tables[name] ?? { rows: new Map(), total: 0 };
  }

  // stale tells how old a table is in ms, if that is older than it should be.
  stale(name) {
    const t = this.table(name);
    if (!t.at) return 0;
    const age = now() - Date.parse(t.at);
    return t.error || this.link !== "live" || age > t.stale_after ? Math.max(age, 1) : 0;
  }

  look() {
    if (document.hidden) {
      if (this.abort) this.drop(); // whoever does not look costs nothing
      return;
    }
    if (!this.abort && !this.retry && !this.refused) this.open();
    if (this.link === "live" && performance.now() - this.heard > silence) this.drop();
    this.changed(this);
  }

  drop() {
    this.abort?.abort();
    this.abort = null;
    if (this.link === "live") this.since = Date.now();
    this.link = "lost";
  }

  async open() {
    const abort = (this.abort = new AbortController());
    try {
      const query = this.id ? `?id=${encodeURIComponent(this.id)}` : "";
      const resp = await fetch(`api/stream/${this.page}${query}`, { signal: abort.signal, headers: headers() });
      if (!resp.ok) {
        const why = await resp.json().catch(() => ({ message: `HTTP ${resp.status}` }));
        if (resp.status === 401) this.refused = why; // the same token will not do the next time
        throw new Error(why.message);
      }
      const reader = resp.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let text = ""; ; ) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
        for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
          this.take(text.slice(0, end));
          text = text.slice(end + 2);
        }
      }
      this.why = null;
    } catch (e) {
      this.why = abort.signal.aborted ? null : e.message;
    }
    if (this.closed || (this.abort && this.abort !== abort)) return;
    this.drop();
    this.changed(this);
    if (this.refused) return;
    const wait = again[Math.min(this.tries++, again.length - 1)];
    this.retry = setTimeout(() => {
      this.retry = null;
      if (!this.closed && !document.hidden) this.open();
    }, wait);
  }

  take(frame) {
    const event = /^event: (.*)$/m.exec(frame)?.[1];
    const data = /^data: (.*)$/m.exec(frame)?.[1];
    if (!event || !data) return;
    const m = JSON.parse(data);
    setClock(m.now);
    this.heard = performance.now();
    this.tries = 0;
    this.link = "live";
    this.connected = m.connected;
    if (event === "snapshot") {
      this.console = m.console;
      const before = this.tables;
      this.tables = {};
      for (const [name, t] of Object.entries(m.tables)) {
        const rows = new Map();
        for (const [k, row] of Object.entries(t.set ?? {})) rows.set(k, row);
        // What has not been read again yet is still shown, as old as it is.
        if (!t.at && before[name]?.at) this.tables[name] = { ...before[name], stale_after: t.stale_after, error: t.error, carried: true };
        else this.tables[name] = { ...t, set: null, rows };
      }
    } else {
      for (const [name, t] of Object.entries(m.tables)) {
        const known = (this.tables[name] ??= { rows: new Map() });
        if (known.carried && t.at) { // the first read replaces what is left from before the connection was lost
          known.rows = new Map();
          known.carried = false;
        }
        for (const k of t.gone ?? []) known.rows.delete(k);
        for (const [k, row] of Object.entries(t.set ?? {})) known.rows.set(k, row);
        Object.assign(known, { at: t.at ?? known.at, error: t.error, total: t.total, more: t.more, stale_after: t.stale_after });
      }
    }
    this.changed(this);
  }
}
