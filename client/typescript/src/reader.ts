import { headers, nuid, type Msg, type Subscription } from "@nats-io/nats-core";
import { cancelled, MabusError } from "./error.js";
import { decode, encode, H, maxTimeout, unheard, type Wire } from "./wire.js";

/** A part of an answer. The last one is the result. */
export interface Part {
  kind: "chunk" | "progress" | "need_input" | "result";
  payload: any;
  /** Answers a need_input with any JSON value. */
  answer(input: unknown): void;
}

const room = 64; // parts that may be sent ahead
const silence = 15_000; // ms after which the sender is taken for lost

/** How an answer is read in parts. */
export interface StreamOptions {
  /** In milliseconds; an hour unless given. */
  timeout?: number;
  /** Gives the request up. */
  signal?: AbortSignal;
  /** The id of the request, under which anybody who is the same principal may cancel it. */
  id?: string;
}

/** Reads an answer part by part. Whoever stops reading early cancels the work. */
export async function* read(wire: Wire, subject: string, payload: unknown, options: StreamOptions, missing: MabusError): AsyncGenerator<Part, void, void> {
  const timeout = Math.min(options.timeout ?? maxTimeout, maxTimeout);
  const id = options.id ?? nuid.next();
  const inbox = new Inbox(wire, timeout, options.signal);
  let over = false;
  let drop = (): void => {};
  try {
    const h = headers();
    h.set(H.timeout, `${timeout}ms`);
    h.set(H.request, id);
    h.set(H.stream, String(room));
    const packed = await wire.pack(encode(payload), h);
    drop = packed.drop;
    wire.nc.publish(wire.subject(subject), packed.data, { headers: h, reply: inbox.subject });
    let seq = 0;
    let taken = 0;
    let credit = "";
    while (!over) {
      const msg = await inbox.next();
      if (unheard(msg)) {
        over = true;
        throw missing;
      }
      const kind = msg.headers?.get(H.kind) || (msg.headers?.has(H.code) ? "error" : "result"); // an answer in one piece is a stream of one part
      const whole = !msg.headers?.get(H.kind);
      credit = msg.headers?.get(H.credit) || credit;
      const number = whole ? seq + 1 : Number(msg.headers?.get(H.seq)) + (kind === "heartbeat" ? 1 : 0);
      if (number !== seq + 1) throw new MabusError("unavailable", `a part of the answer on ${subject} is missing`, { maybe_executed: true });
      if (kind === "heartbeat") continue;
      seq = number;
      over = kind === "result" || kind === "error";
      const value = decode(await wire.open(msg));
      yield {
        kind: kind as Part["kind"], payload: value,
        answer: (input) => {
          if (kind !== "need_input" || !msg.reply) throw new MabusError("invalid", "only a part of kind need_input is answered");
          wire.nc.publish(msg.reply, encode(input ?? null));
        },
      };
      if ((kind === "chunk" || kind === "progress") && ++taken >= room / 2 && credit !== "") {
        const grant = headers();
        grant.set(H.credit, String(taken));
        wire.nc.publish(credit, undefined, { headers: grant });
        taken = 0;
      }
    }
  } finally {
    if (!over) wire.cancel(id, inbox.subject);
    inbox.close();
    drop();
  }
}

/** What has come and is not read yet. The credit bounds it. */
class Inbox {
  readonly subject: string;
  readonly #sub: Subscription;
  readonly #queue: Msg[] = [];
  readonly #end: NodeJS.Timeout;
  readonly #quiet: NodeJS.Timeout;
  readonly #signal: AbortSignal | undefined;
  readonly #abort = (): void => this.#fail(this.#signal?.reason instanceof MabusError ? this.#signal.reason : cancelled("the caller gave up"));
  #failed: MabusError | undefined;
  #wake = (): void => {};

  constructor(wire: Wire, timeout: number, signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.subject = wire.inbox();
    this.#sub = wire.nc.subscribe(this.subject, { callback: (err, msg) => {
      this.#quiet.refresh();
      if (err) return this.#fail(new MabusError("unavailable", err.message, { maybe_executed: true }));
      if (this.#queue.length > 0 && msg.headers?.get(H.kind) === "heartbeat") return; // a slow reader needs none
      if (this.#queue.length > room + 8) return this.#fail(new MabusError("unavailable", "the sender went beyond its credit", { maybe_executed: true }));
      this.#queue.push(msg);
      this.#wake();
    } });
    this.#end = setTimeout(() => this.#fail(new MabusError("deadline_exceeded", "the answer is not complete in time", { reason: "timeout", maybe_executed: true })), timeout);
    this.#quiet = setTimeout(() => this.#fail(new MabusError("unavailable", `nothing was heard for ${silence / 1000}s`, { maybe_executed: true })), silence);
    if (signal?.aborted) this.#abort();
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  /** Returns the next message; what is here already comes before any reason to stop. */
  async next(): Promise<Msg> {
    for (;;) {
      const msg = this.#queue.shift();
      if (msg !== undefined) return msg;
      if (this.#failed !== undefined) throw this.#failed;
      await new Promise<void>((done) => { this.#wake = done; });
    }
  }

  close(): void {
    this.#sub.unsubscribe();
    clearTimeout(this.#end);
    clearTimeout(this.#quiet);
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  #fail(why: MabusError): void {
    this.#failed ??= why;
    this.#wake();
  }
}

