import { cancelled, MabusError, type ErrorBody } from "./error.js";
import { Spending, type Usage } from "./json.js";
import type { CallOptions, Level, Message, Self } from "./message.js";

/** A message as the host sends it. */
export interface MessageFrame {
  id: string;
  payload: unknown;
  cast?: boolean;
  stream?: boolean;
  task?: { id: string; attempt: number };
  job?: string;
  principal?: string;
  session?: string;
  traceparent?: string;
  deadline?: string;
}

/** An input or reply of the host. */
export interface Reply {
  payload?: unknown;
  error?: ErrorBody;
}

/** Where a message's frames go. */
export interface Outbound {
  send(frame: Record<string, unknown>): Promise<void>;
  /** Waits until the frame is out. */
  flush(frame: Record<string, unknown>): Promise<void>;
  /** Sends a call; what it returns forgets the call. */
  call(frame: Record<string, unknown>, settle: (reply: Reply) => void): () => void;
}

/** A message of an agent host. */
export class ExecMessage implements Message {
  readonly id: string;
  readonly payload: any;
  readonly task: string | undefined;
  readonly attempt: number;
  readonly checkpoint: any;
  readonly principal: string | undefined;
  readonly job: string | undefined;
  readonly session: string | undefined;
  readonly traceparent: string | undefined;
  readonly deadline: Date | undefined;
  readonly isCast: boolean;
  readonly stream: boolean;
  readonly signal: AbortSignal;
  readonly self: Self;
  readonly spending = new Spending();

  readonly #out: Outbound;
  readonly #abort = new AbortController();
  #question: ((reply: Reply) => void) | undefined;
  #asking: Promise<unknown> = Promise.resolve();

  constructor(out: Outbound, self: Self, frame: MessageFrame, checkpoint: unknown) {
    this.#out = out;
    this.self = self;
    this.signal = this.#abort.signal;
    this.id = frame.id;
    this.payload = frame.payload;
    this.task = frame.task?.id;
    this.attempt = frame.task?.attempt ?? 0;
    this.checkpoint = checkpoint;
    this.principal = frame.principal;
    this.job = frame.job;
    this.session = frame.session;
    this.traceparent = frame.traceparent;
    this.deadline = frame.deadline === undefined ? undefined : new Date(frame.deadline);
    this.isCast = frame.cast === true;
    this.stream = frame.stream === true;
  }

  async chunk(payload: unknown): Promise<void> {
    await this.#part("chunk", payload, this.stream);
  }

  async progress(payload: unknown): Promise<void> {
    await this.#part("progress", payload, this.stream);
  }

  async save(checkpoint: unknown): Promise<void> {
    this.signal.throwIfAborted();
    if (this.task !== undefined) await this.#out.flush({ type: "checkpoint", id: this.id, payload: checkpoint ?? null });
  }

  ask(question: unknown): Promise<any> {
    const answer = this.#asking.then(() => this.#wait((settle) => {
      this.#question = settle;
      this.#out.send({ type: "need_input", id: this.id, payload: question ?? null }).catch((e: unknown) => settle({ error: MabusError.of(e) }));
      return () => { this.#question = undefined; };
    }));
    this.#asking = answer.catch(() => {});
    return answer;
  }

  call(agent: string, payload: unknown, options: CallOptions = {}): Promise<any> {
    return this.#call({ agent }, payload, options);
  }

  callCapability(capability: string, payload: unknown, options: CallOptions = {}): Promise<any> {
    return this.#call({ capability }, payload, options);
  }

  async cast(agent: string, payload: unknown): Promise<void> {
    this.signal.throwIfAborted();
    await this.#out.send({ type: "cast", for: this.id, agent, payload: payload ?? null });
  }

  spend(usage: Usage): void {
    this.spending.add(usage);
  }

  async log(text: string, level: Level = "info"): Promise<void> {
    await this.#out.send({ type: "log", level, message: text });
  }

  /** For the worker: nobody waits any more. */
  cancel(): void {
    this.#abort.abort(cancelled());
  }

  /** For the worker: the answer to the open question. */
  input(reply: Reply): void {
    this.#question?.(reply);
  }

  #call(target: Record<string, string>, payload: unknown, { timeout, traceparent }: CallOptions): Promise<any> {
    const frame = {
      type: "call", for: this.id, ...target, payload: payload ?? null,
      ...(timeout !== undefined && { timeout: `${timeout}ms` }), ...(traceparent !== undefined && { traceparent }),
    };
    return this.#wait((settle) => this.#out.call(frame, settle));
  }

  async #part(type: string, payload: unknown, wanted: boolean): Promise<void> {
    this.signal.throwIfAborted();
    if (wanted) await this.#out.send({ type, id: this.id, payload: payload ?? null });
  }

  /** Waits for what the host says to something that begin has sent. */
  async #wait(begin: (settle: (reply: Reply) => void) => () => void): Promise<any> {
    this.signal.throwIfAborted();
    let forget = (): void => {};
    let abort = (): void => {};
    try {
      const reply = await new Promise<Reply>((settle, fail) => {
        abort = () => fail(this.signal.reason);
        this.signal.addEventListener("abort", abort, { once: true });
        forget = begin(settle);
      });
      if (reply.error !== undefined) throw MabusError.from(reply.error);
      return reply.payload ?? null;
    } finally {
      this.signal.removeEventListener("abort", abort);
      forget();
    }
  }
}
