import type { Msg } from "@nats-io/nats-core";
import type { AgentSpec } from "./agent.js";
import { checkID } from "./asking.js";
import { parseDuration } from "./duration.js";
import { cancelled, MabusError } from "./error.js";
import type { Handler } from "./message.js";
import { NatsMessage } from "./nats_message.js";
import { reply, usageHeader } from "./reply.js";
import { Sender } from "./sender.js";
import { Sessions, type Ask } from "./session.js";
import { decode, defaultTimeout, encode, H, maxTimeout, stamp, type Wire } from "./wire.js";

/** A message on its way to the handler. */
interface Item {
  msg: Msg;
  principal: string | undefined;
  isCast: boolean;
  acked: boolean;
  ends: number; // on the monotonic clock, in ms
  abort: AbortController;
  timer: NodeJS.Timeout;
  sender: Sender | undefined;
  ask: Ask | undefined; // of a session: its answer goes there
  key: string;
}

const castTime = 600_000; // ms that a cast has: nobody waits for it, but it must not hold the agent for ever
const earlyKept = 1024; // requests that were given up elsewhere, or too late, and are remembered
const ack = new TextEncoder().encode("{}");

/** Messages wait here, in order and bounded, until the handler has room for them. */
export class Mailbox {
  readonly #wire: Wire;
  readonly #spec: AgentSpec;
  readonly #handler: Handler;
  readonly #held: () => boolean;
  readonly #waiting: Item[] = [];
  readonly #active = new Set<Promise<void>>();
  readonly #items = new Set<Item>(); // waiting and active
  readonly #early = new Set<string>(); // requests that were given up before they came, the oldest first
  readonly #sessions: Sessions;
  #closed = false;

  constructor(wire: Wire, spec: AgentSpec, handler: Handler, held: () => boolean) {
    this.#wire = wire;
    this.#spec = spec;
    this.#handler = handler;
    this.#held = held;
    this.#sessions = new Sessions(wire, spec.id, held);
  }

  put(msg: Msg, principal: string | undefined): void {
    const asksAck = msg.reply !== undefined && msg.reply !== "" && !!msg.headers?.get(H.cast);
    const asked = !!msg.headers?.get(H.session);
    const isCast = !asked && (!msg.reply || asksAck);
    let ask: Ask | undefined;
    try {
      if (this.#closed) throw new MabusError("unavailable", "the agent is stopping: ask again", "draining");
      if (asked) {
        const entered = this.#sessions.enter(msg);
        if (!entered.fresh) return this.#accept(msg);
        ask = entered.ask;
        if (ask.body?.type === "byzantine_consensus" && (ask.body.phase === "join" || ask.body.phase === "run")) {
          this.#accept(msg);
          this.#sessions.answer(ask, new MabusError("unimplemented", "byzantine sessions need an agent host, which keeps the agent's key"));
          return;
        }
      }
      if (this.#waiting.length >= (this.#spec.mailbox || 1024)) {
        throw new MabusError("overloaded", `${this.#waiting.length} messages wait for agent ${this.#spec.id} already: try again later`, "mailbox_full");
      }
      const item = this.#item(msg, principal, isCast, ask);
      if (item.key !== "" && this.#early.size > 0 && this.#early.has(`${item.key}/${stamp(msg.reply!)}`)) item.abort.abort(cancelled("the request was given up"));
      this.#items.add(item);
      this.#waiting.push(item);
      if ((asksAck || asked) && !msg.headers?.get(H.blob)) this.#acknowledge(item);
    } catch (e) {
      if (ask !== undefined) this.#sessions.forget(ask);
      if (msg.reply) this.#wire.replyError(msg.reply, MabusError.of(e));
      return;
    }
    this.#pump();
  }

  #item(msg: Msg, principal: string | undefined, isCast: boolean, ask: Ask | undefined): Item {
    const id = msg.headers?.get(H.request);
    if (id) checkID(H.request, id);
    const given = msg.headers?.get(H.timeout);
    const timeout = given ? parseDuration(given) : defaultTimeout;
    if (timeout === undefined || timeout <= 0 || timeout > maxTimeout) {
      throw new MabusError("invalid", `the header ${H.timeout} must be a duration above 0s and up to 3600s, such as "1.5s"`, { fields: [H.timeout] });
    }
    const sender = isCast || ask ? undefined : Sender.for(this.#wire, msg);
    const abort = new AbortController();
    const time = ask ? Math.max(Math.min(ask.until - Date.now(), castTime), 0) : isCast ? castTime : timeout;
    const timer = setTimeout(() => abort.abort(new MabusError("deadline_exceeded", "the agent did not answer in time", { reason: "timeout", maybe_executed: true })), time);
    return { msg, principal, isCast, acked: false, ends: performance.now() + time, abort, timer, sender, ask, key: id && !isCast && !ask ? `${principal ?? ""}/${id}` : "" };
  }

  /** Ends the requests of a principal that have the id; with a stamp also the one that has it, if it comes later. */
  cancel(principal: string | undefined, id: string, why: MabusError, given = ""): void {
    if (given.length === 16) {
      this.#early.add(`${principal ?? ""}/${id}/${given}`);
      if (this.#early.size > earlyKept) this.#early.delete(this.#early.values().next().value!);
    }
    for (const item of this.#items) if (item.key === `${principal ?? ""}/${id}`) item.abort.abort(why);
    this.#drop((item) => item.key === `${principal ?? ""}/${id}`, why);
  }

  /** Ends everything. */
  abort(why: MabusError): void {
    for (const item of this.#items) item.abort.abort(why);
    this.#drop(() => true, why);
  }

  /** Refuses what waits, and lets what is being handled finish. */
  async close(patience: number): Promise<void> {
    this.#closed = true;
    this.#drop(() => true, new MabusError("unavailable", "the agent is stopping: ask again", "draining"));
    const all = Promise.all(this.#active);
    let late: NodeJS.Timeout | undefined;
    await Promise.race([all, new Promise((done) => { late = setTimeout(done, patience); })]);
    clearTimeout(late);
    await this.#sessions.close();
    this.abort(cancelled("the agent is stopping")); // their callers have their answer; the handlers themselves are not waited for
  }

  #drop(which: (item: Item) => boolean, why: MabusError): void {
    for (const item of this.#waiting.filter(which)) {
      this.#waiting.splice(this.#waiting.indexOf(item), 1);
      void this.#settle(item, why, undefined);
    }
  }

  #pump(): void {
    while (this.#active.size < (this.#spec.concurrency || 1) && this.#waiting.length > 0) {
      const work: Promise<void> = this.#handle(this.#waiting.shift()!).finally(() => {
        this.#active.delete(work);
        this.#pump();
      });
      this.#active.add(work);
    }
  }

  async #handle(item: Item): Promise<void> {
    const self = { agent: { ...this.#spec }, config: this.#spec.config ?? {} };
    const message = new NatsMessage(this.#wire, self, item.msg, item.principal, item.isCast, item.ends, item.abort.signal, item.sender, item.ask?.session);
    let result: Uint8Array | MabusError;
    let running: Promise<unknown> = Promise.resolve();
    try {
      item.abort.signal.throwIfAborted();
      if (!this.#held()) throw new MabusError("unavailable", "the agent has lost its lease: ask again", "draining");
      const ref = item.msg.headers?.get(H.blob);
      message.payload = decode(ref ? await this.#wire.blobs.get(ref) : item.msg.data);
      if (item.ask !== undefined && ref) this.#sessions.read(item.ask, message.payload);
      if ((item.isCast || item.ask !== undefined) && item.msg.reply && !item.acked) this.#acknowledge(item);
      running = (async () => this.#handler(message))();
      result = encode((await within(item.abort.signal, running)) ?? null);
    } catch (e) {
      if (!(e instanceof MabusError)) console.error(e);
      result = MabusError.of(e, item.abort.signal);
    }
    await this.#settle(item, result, usageHeader(message.spending.wire()));
    await running.catch(() => {}); // one that does not look at its signal has its caller answered, but keeps its place
  }

  async #settle(item: Item, result: Uint8Array | MabusError, usage: string | undefined): Promise<void> {
    clearTimeout(item.timer);
    this.#items.delete(item);
    try {
      if (item.ask !== undefined) this.#answer(item, item.ask, result);
      else if (item.sender !== undefined) await item.sender.end(result, usage);
      else if (item.isCast && result instanceof MabusError && item.msg.reply && !item.acked) this.#wire.replyError(item.msg.reply, result);
      else if (!item.isCast && item.msg.reply) await reply(this.#wire, item.msg.reply, result, usage);
    } catch (e) { // the connection is gone
      console.error(e);
    }
  }

  /** Whoever has asked hears by an answer, or, if it does not know yet that the question is here, at once. */
  #answer(item: Item, ask: Ask, result: Uint8Array | MabusError): void {
    if (item.acked || !item.msg.reply || !(result instanceof MabusError)) return this.#sessions.answer(ask, result);
    this.#sessions.forget(ask);
    this.#wire.replyError(item.msg.reply, result);
  }

  #acknowledge(item: Item): void {
    item.acked = true;
    this.#accept(item.msg);
  }

  #accept(msg: Msg): void {
    if (msg.reply) this.#wire.nc.publish(msg.reply, ack);
  }
}

function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((settle, fail) => {
    const abort = (): void => fail(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    work.then(settle, fail).finally(() => signal.removeEventListener("abort", abort));
  });
}
