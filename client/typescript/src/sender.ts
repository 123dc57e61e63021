import { headers, type Msg, type MsgHdrs, type Subscription } from "@nats-io/nats-core";
import { MabusError } from "./error.js";
import { encode, H, unheard, type Wire } from "./wire.js";

const maxCredit = 4096;
const heartbeat = 5000; // ms

/** Sends the parts of one answer, in the order of the calls, and holds back what the reader has no room for. */
export class Sender {
  readonly #wire: Wire;
  readonly #to: string;
  readonly #home: string;
  readonly #sub: Subscription;
  #beat: NodeJS.Timeout;
  #credit: number;
  #seq = 0;
  #ended = false;
  #turn: Promise<unknown> = Promise.resolve(); // what is sent next waits for it
  #room = (): void => {};
  #input: ((answer: Msg) => void) | undefined;

  /** Begins an answer in parts if the request asks for one. */
  static for(wire: Wire, request: Msg): Sender | undefined {
    const ask = request.headers?.get(H.stream);
    if (!ask || !request.reply) return undefined;
    const credit = Number(ask);
    if (!Number.isInteger(credit) || credit < 1 || credit > maxCredit) {
      throw new MabusError("invalid", `the header ${H.stream} must be 1 to ${maxCredit}: how many parts may be sent ahead`, { fields: [H.stream] });
    }
    return new Sender(wire, request.reply, credit);
  }

  private constructor(wire: Wire, to: string, credit: number) {
    this.#wire = wire;
    this.#home = wire.inbox();
    this.#to = to;
    this.#credit = credit;
    this.#sub = wire.nc.subscribe(this.#home, { callback: (err, msg) => { if (!err) this.#hear(msg); } });
    this.#beat = setTimeout(() => this.#heartbeat(), heartbeat);
  }

  /** Sends a chunk or progress when the reader has room for it, or rejects when the signal is aborted first. */
  part(kind: "chunk" | "progress", payload: unknown, signal: AbortSignal): Promise<void> {
    const body = encode(payload ?? null);
    return this.#after(async () => {
      const h = headers();
      const { data, drop } = await this.#wire.pack(body, h);
      try {
        while (this.#credit === 0 && !signal.aborted) await this.#wait(signal);
        signal.throwIfAborted();
      } catch (e) {
        drop();
        throw e;
      }
      this.#credit--;
      this.#publish(kind, data, h);
    });
  }

  /** Asks the reader, whatever the room, and waits for its answer. */
  async ask(question: unknown, signal: AbortSignal): Promise<any> {
    const body = encode(question ?? null);
    if (this.#input !== undefined) throw new MabusError("failed_precondition", "the agent is asking already");
    let abort = (): void => {};
    const answer = new Promise<Msg>((settle, fail) => {
      this.#input = settle;
      abort = () => fail(signal.reason);
      signal.addEventListener("abort", abort, { once: true });
    });
    answer.catch(() => {}); // it may be awaited later than it fails
    try {
      await this.#after(async () => {
        signal.throwIfAborted();
        const h = headers();
        this.#publish("need_input", (await this.#wire.pack(body, h)).data, h, this.#home);
      });
      const msg = await answer;
      if (unheard(msg)) throw new MabusError("unavailable", "nobody reads the stream any more");
      return msg.data.length === 0 ? null : JSON.parse(new TextDecoder().decode(msg.data));
    } finally {
      this.#input = undefined;
      signal.removeEventListener("abort", abort);
    }
  }

  /** Sends the one last part. */
  async end(result: Uint8Array | MabusError, usage: string | undefined): Promise<void> {
    await this.#turn.catch(() => {});
    this.#ended = true;
    clearTimeout(this.#beat);
    let error = result instanceof MabusError ? result : undefined;
    const h = headers();
    if (usage !== undefined) h.set(H.usage, usage);
    try {
      if (!(result instanceof MabusError)) this.#publish("result", (await this.#wire.pack(result, h)).data, h);
    } catch (e) {
      error = MabusError.of(e); // the result could not be sent: say so in its place
    }
    if (error !== undefined) {
      this.#label(h, "error", ++this.#seq);
      this.#wire.replyError(this.#to, error, h);
    }
    this.#sub.unsubscribe();
  }

  #after(send: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(() => {
      if (this.#ended) throw new MabusError("failed_precondition", "the stream has ended");
      return send();
    });
    this.#turn = done.catch(() => {});
    return done;
  }

  #publish(kind: string, data: Uint8Array, h: MsgHdrs, reply?: string): void {
    this.#label(h, kind, ++this.#seq);
    this.#beat.refresh();
    this.#wire.nc.publish(this.#to, data, { headers: h, ...(reply !== undefined && { reply }) });
  }

  #label(h: MsgHdrs, kind: string, seq: number): void {
    h.set(H.kind, kind);
    h.set(H.seq, String(seq));
    if (seq <= 1) h.set(H.credit, this.#home);
  }

  #heartbeat(): void {
    if (this.#ended || this.#wire.nc.isClosed()) return;
    const h = headers();
    this.#label(h, "heartbeat", this.#seq);
    this.#wire.nc.publish(this.#to, undefined, { headers: h });
    this.#beat = setTimeout(() => this.#heartbeat(), heartbeat);
  }

  #wait(signal: AbortSignal): Promise<void> {
    return new Promise((done) => {
      this.#room = () => {
        signal.removeEventListener("abort", this.#room);
        done();
      };
      signal.addEventListener("abort", this.#room, { once: true });
    });
  }

  /** Takes what the reader sends: credit as a header, or else the input that was asked for. */
  #hear(msg: Msg): void {
    const grant = Number(msg.headers?.get(H.credit) || NaN);
    if (Number.isNaN(grant)) {
      if (this.#input !== undefined && (unheard(msg) || msg.data.length === 0 || isJSON(msg.data))) this.#input(msg);
      return;
    }
    if (Number.isInteger(grant) && grant > 0 && grant <= maxCredit) {
      this.#credit = Math.min(this.#credit + grant, maxCredit);
      this.#room();
    }
  }
}

function isJSON(data: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(data));
    return true;
  } catch {
    return false;
  }
}
