import type { Msg } from "@nats-io/nats-core";
import { MabusError } from "./error.js";
import { Spending, type Usage } from "./json.js";
import type { CallOptions, Level, Message, Self } from "./message.js";
import { Asking } from "./asking.js";
import type { Sender } from "./sender.js";
import { H, type Cause, type Wire } from "./wire.js";

/** A message that came over NATS. */
export class NatsMessage implements Message {
  readonly id: string;
  payload: any = null;
  readonly task = undefined;
  readonly attempt = 0;
  readonly checkpoint = null;
  readonly principal: string | undefined;
  readonly job: string | undefined;
  readonly session: string | undefined;
  readonly traceparent: string | undefined;
  readonly deadline: Date;
  readonly isCast: boolean;
  readonly stream: boolean;
  readonly signal: AbortSignal;
  readonly self: Self;
  readonly spending = new Spending();
  readonly #asking: Asking;
  readonly #sender: Sender | undefined;
  readonly #questions: { last: Promise<unknown> } = { last: Promise.resolve() };

  constructor(wire: Wire, self: Self, msg: Msg, principal: string | undefined, isCast: boolean, ends: number, signal: AbortSignal, sender: Sender | undefined, session: string | undefined) {
    this.id = msg.headers?.get(H.request) ?? "";
    this.principal = principal;
    this.session = session;
    this.job = msg.headers?.get(H.job) || undefined;
    this.deadline = new Date(Date.now() + ends - performance.now());
    this.isCast = isCast;
    this.stream = sender !== undefined;
    this.signal = signal;
    this.self = self;
    this.#sender = sender;
    this.traceparent = msg.headers?.get(H.trace) || undefined;
    const cause: Cause = { ...(this.job !== undefined && { job: this.job }), ...(this.traceparent !== undefined && { trace: this.traceparent }) };
    this.#asking = new Asking(wire, { cause, signal, ends });
  }

  async chunk(payload: unknown): Promise<void> {
    this.signal.throwIfAborted();
    await this.#sender?.part("chunk", payload, this.signal);
  }

  async progress(payload: unknown): Promise<void> {
    this.signal.throwIfAborted();
    await this.#sender?.part("progress", payload, this.signal);
  }

  async save(_checkpoint: unknown): Promise<void> {
    this.signal.throwIfAborted(); // only tasks have a next attempt, and those go to agents that a host runs
  }

  ask(question: unknown): Promise<any> {
    const answer = this.#questions.last.then(() => {
      this.signal.throwIfAborted();
      if (this.#sender === undefined) throw new MabusError("failed_precondition", "the caller wants one answer and cannot be asked: call with a stream", "no_reader");
      return this.#sender.ask(question, this.signal);
    });
    this.#questions.last = answer.catch(() => {});
    return answer;
  }

  call(agent: string, payload: unknown, options: CallOptions = {}): Promise<any> {
    return this.#asking.call(agent, payload, options);
  }

  callCapability(capability: string, payload: unknown, options: CallOptions = {}): Promise<any> {
    return this.#asking.callCapability(capability, payload, options);
  }

  cast(agent: string, payload: unknown): Promise<void> {
    return this.#asking.cast(agent, payload);
  }

  spend(usage: Usage): void {
    this.spending.add(usage);
  }

  async log(text: string, level: Level = "info"): Promise<void> {
    console.error(`${level}: ${text}`);
  }
}
