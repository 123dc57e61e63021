import { createHash } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Msg } from "@nats-io/nats-core";
import { MabusError } from "./error.js";
import { decode, defaultTimeout, H, type Wire } from "./wire.js";

/** What a member of a session is asked: the payload of the message. The fields are those of SessionQuestion in docs/protocol.md. */
export interface SessionQuestion {
  session: string;
  type: string;
  round: number;
  phase: string;
  question?: any;
  ask?: any;
  deadline: string;
}

/** A question that is kept until its deadline, so that it is answered once. */
export interface Ask {
  readonly session: string;
  readonly round: number;
  /** What is asked; undefined while it is in the object store. */
  body: SessionQuestion | undefined;
  /** The deadline, in ms since 1970; a guess until the body is here. */
  until: number;
  answer?: { answer?: unknown; error?: string };
  sends: boolean;
  expiry?: NodeJS.Timeout;
}

const castTime = 600_000; // ms, for a question that names no deadline
const maxTimer = 2 ** 31 - 1; // ms that a timer takes; more would fire at once
const maxAsks = 8192;
const maxAnswer = 64 << 10; // bytes
const maxSenders = 16; // answers on their way at once
const firstPause = 50; // ms before an answer is repeated; twice as long before each further time
const lastPause = 2000;
const again = new Set(["unavailable", "overloaded", "deadline_exceeded", "rate_limited", "internal", "cancelled"]);

/** The questions of sessions to one agent, and their answers, which are requests in the agent's name. */
export class Sessions {
  readonly #wire: Wire;
  readonly #agent: string;
  readonly #held: () => boolean;
  readonly #known = new Map<string, Ask>();
  readonly #queue: Ask[] = [];
  readonly #senders = new Set<Promise<void>>();
  readonly #ended = new AbortController();

  constructor(wire: Wire, agent: string, held: () => boolean) {
    this.#wire = wire.as(agent);
    this.#agent = agent;
    this.#held = held;
  }

  /** Reads a question and notes it. One that was asked before is not to be handled again: its answer is sent once more, if known. */
  enter(msg: Msg): { ask: Ask; fresh: boolean } {
    const [, session, number] = /^([A-Za-z0-9_-]{1,64})\/([0-9]{1,4})$/.exec(msg.headers!.get(H.session)) ?? [];
    const round = Number(number);
    if (session === undefined || round < 1) {
      throw new MabusError("invalid", `the header ${H.session} must be a session's id, a slash and the number of a round`, { fields: [H.session] });
    }
    if (msg.subject !== `${this.#wire.namespace}.agent.${this.#agent}`) {
      throw new MabusError("permission_denied", `only the coordination asks in the name of a session: leave out the header ${H.session}`, { fields: [H.session] });
    }
    const ask: Ask = { session, round, body: undefined, until: Date.now() + castTime, sends: false };
    if (!msg.headers!.get(H.blob)) this.read(ask, decode(msg.data));
    const key = `${session}/${round}`;
    const earlier = this.#known.get(key);
    if (earlier !== undefined) {
      if (earlier.answer !== undefined && !earlier.sends) this.#push(earlier);
      return { ask: earlier, fresh: false };
    }
    if (this.#known.size >= maxAsks) throw new MabusError("overloaded", `sessions ask this agent ${maxAsks} questions already: try again later`, "server_full");
    this.#known.set(key, ask);
    this.#expire(ask);
    return { ask, fresh: true };
  }

  /** Takes the body of a question. */
  read(ask: Ask, body: unknown): void {
    const q = body as SessionQuestion;
    if (q?.session !== ask.session || q.round !== ask.round) {
      throw new MabusError("invalid", `the header ${H.session} and the question name different sessions or rounds`, { reason: "malformed", fields: [H.session] });
    }
    const deadline = Date.parse(q.deadline);
    if (!Number.isNaN(deadline) && deadline > 0) ask.until = deadline;
    if (ask.until <= Date.now()) throw new MabusError("deadline_exceeded", "the time of the question is over", "timeout");
    ask.body = q;
    if (ask.expiry !== undefined) this.#expire(ask);
  }

  #expire(ask: Ask): void {
    clearTimeout(ask.expiry);
    const left = ask.until - Date.now();
    ask.expiry = setTimeout(() => (left > maxTimer ? this.#expire(ask) : this.forget(ask)), Math.min(left, maxTimer));
    ask.expiry.unref();
  }

  /** Lets a question be asked anew. */
  forget(ask: Ask): void {
    clearTimeout(ask.expiry);
    const key = `${ask.session}/${ask.round}`;
    if (this.#known.get(key) === ask) this.#known.delete(key);
  }

  /** Sends what the handler returned, or why there is nothing: whoever asked does not wait for it. */
  answer(ask: Ask, result: Uint8Array | MabusError): void {
    if (result instanceof MabusError) ask.answer = { error: errorText(result) };
    else if (result.length > maxAnswer) ask.answer = { error: `payload_too_large: the answer has ${result.length} bytes, a session takes ${maxAnswer}` };
    else ask.answer = { answer: decode(result) };
    this.#push(ask);
  }

  /** Waits for the last answers (2s at most), and ends. */
  async close(): Promise<void> {
    const late = new AbortController();
    await Promise.race([Promise.all(this.#senders), pause(2000, undefined, { signal: late.signal }).catch(() => {})]);
    late.abort();
    this.#ended.abort();
    for (const ask of this.#known.values()) clearTimeout(ask.expiry);
    this.#known.clear();
  }

  #push(ask: Ask): void {
    ask.sends = true;
    this.#queue.push(ask);
    if (this.#senders.size >= maxSenders) return;
    const work: Promise<void> = this.#work().finally(() => this.#senders.delete(work));
    this.#senders.add(work);
  }

  async #work(): Promise<void> {
    for (let ask = this.#queue.shift(); ask !== undefined; ask = this.#queue.shift()) {
      const refused = await this.#send(ask, ask.answer!).catch((e: unknown) => MabusError.of(e));
      // The handler has no other answer, so the session need not wait for one.
      if (refused?.reason === "invalid_answer" && ask.answer!.error === undefined) await this.#send(ask, { error: errorText(refused) }).catch(() => {});
      else if (refused !== undefined && !["session_ended", "round_closed", "already_answered"].includes(refused.reason)) console.error(refused);
      ask.sends = false;
    }
  }

  /** Sends an answer until the coordination has heard it, or the question's time is over. Returns why it was not taken. */
  async #send(ask: Ask, answer: { answer?: unknown; error?: string }): Promise<MabusError | undefined> {
    const { session, round } = ask;
    const id = createHash("sha256").update(`${session}/${round}/${this.#agent}/${answer.error === undefined ? "answer" : "error"}`).digest("hex").slice(0, 32);
    let why: MabusError | undefined;
    for (let wait = firstPause; ; wait = Math.min(2 * wait, lastPause)) {
      const left = ask.until - Date.now();
      if (left <= 0 || this.#ended.signal.aborted) return why;
      if (this.#held()) {
        try {
          await this.#wire.method("coordination.sessions.answer", { session, round, ...answer }, { id, timeout: Math.min(left, defaultTimeout), signal: this.#ended.signal });
          return undefined;
        } catch (e) {
          why = MabusError.of(e);
          if (!again.has(why.code)) return why;
        }
      }
      await pause(wait, undefined, { signal: this.#ended.signal }).catch(() => {});
    }
  }
}

/** Why there is no answer: a reason for programs, and words for people. */
function errorText(e: MabusError): string {
  return Buffer.from(`${e.reason || e.code}: ${e.message}`.slice(0, 2048)).toString();
}
