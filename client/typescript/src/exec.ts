/**
 * Agents that an agent host starts: the worker's side of docs/exec.md, on Node's standard library alone.
 *
 *     import { serve } from "@mabus/agent/exec";
 *
 *     await serve(async (message) => message.payload.text.toUpperCase());
 */
import { FrameWriter, lines } from "./frames.js";
import { MabusError } from "./error.js";
import { ExecMessage, type MessageFrame, type Outbound, type Reply } from "./exec_message.js";
import type { Message } from "./message.js";
import { ExecKeeper, type Keeper } from "./state.js";

export { MabusError, type Code, type Details } from "./error.js";
export type { Json, Usage } from "./json.js";
export type { CallOptions, Handler, Level, Message, Self } from "./message.js";
export type { Keeper } from "./state.js";

/** Answers a message. What it returns or resolves to is the answer, any JSON value. The keeper is the same for all messages. */
export type ExecHandler = (message: Message, keeper: Keeper) => unknown;

/** What an agent may have besides its handler. */
export interface ServeOptions {
  /** Called when the agent is stopped, moved or drained, after its last message. What it returns is saved; null saves nothing. */
  state?: () => unknown;
}

/** How long handlers may go on after standard input ended without a stop frame, because the host is dead, in ms. */
const orphanGrace = 5000;

/**
 * Serves the agent until the host says stop. The handler is called for as many messages at once as the agent's concurrency
 * says, one unless given. From here on, what the program prints by console.log or process.stdout goes to standard error,
 * because standard output belongs to the frames. Give child processes pipes of their own.
 */
export async function serve(handler: ExecHandler, options: ServeOptions = {}): Promise<void> {
  Object.defineProperty(process, "stdout", { configurable: true, get: () => process.stderr });
  await new Worker(handler, options, new FrameWriter(1)).run(process.stdin);
  process.stdin.destroy();
}

class Worker implements Outbound {
  self = { agent: {}, config: {} } as ExecMessage["self"];
  readonly #handler: ExecHandler;
  readonly #state: (() => unknown) | undefined;
  readonly #keeper = new ExecKeeper(this);
  readonly #out: FrameWriter;
  readonly #messages = new Map<string, ExecMessage>();
  readonly #checkpoints = new Map<string, unknown>();
  readonly #calls = new Map<string, (reply: Reply) => void>();
  readonly #work = new Set<Promise<void>>();
  #next = 0;
  #stopped = false;
  #asked = false; // for the state

  constructor(handler: ExecHandler, options: ServeOptions, out: FrameWriter) {
    this.#handler = handler;
    this.#state = options.state;
    this.#out = out;
  }

  send(frame: Record<string, unknown>): Promise<void> {
    return this.#out.write(frame);
  }

  flush(frame: Record<string, unknown>): Promise<void> {
    return this.#out.flush(frame);
  }

  call(frame: Record<string, unknown>, settle: (reply: Reply) => void): () => void {
    const id = `c${++this.#next}`;
    if (this.#stopped) {
      settle({ error: stopping() });
      return () => {};
    }
    this.#calls.set(id, settle);
    this.#out.write({ ...frame, id }).catch((e: unknown) => settle({ error: MabusError.of(e) }));
    return () => this.#calls.delete(id);
  }

  async run(input: NodeJS.ReadableStream): Promise<void> {
    for await (const line of lines(input)) {
      try {
        this.#take(JSON.parse(line) as Record<string, any>);
      } catch (e) { // a frame that this package does not understand must not end the worker
        console.error(e);
      }
    }
    if (!this.#stopped && this.self.agent.id !== undefined) { // the host is dead: nobody waits for anything. Without an init it is a person at a shell
      setTimeout(() => process.exit(1), orphanGrace).unref();
      for (const m of this.#messages.values()) m.cancel();
    }
    this.#hangUp();
    await Promise.all(this.#work);
    await this.#out.end();
  }

  #take(frame: Record<string, any>): void {
    switch (frame.type) {
      case "init":
        this.self = { agent: frame.agent ?? {}, config: frame.config ?? {} };
        this.#keeper.load(frame.state);
        void this.#out.write({ type: "ready", ...(this.#keeper.keeps && this.#state !== undefined && { stateful: true }) });
        break;
      case "state":
        if (this.#state !== undefined && !this.#asked) {
          this.#asked = true;
          const answers = [...this.#work];
          const work = Promise.all(answers).then(() => this.#tell(this.#state!));
          this.#work.add(work);
          void work.finally(() => this.#work.delete(work));
        }
        break;
      case "checkpoint":
        this.#checkpoints.set(frame.id, frame.payload);
        break;
      case "message": {
        const work = this.#answer(new ExecMessage(this, this.self, frame as MessageFrame, this.#checkpoints.get(frame.id) ?? null));
        this.#checkpoints.delete(frame.id);
        this.#work.add(work);
        void work.finally(() => this.#work.delete(work));
        break;
      }
      case "cancel":
        this.#messages.get(frame.id)?.cancel();
        break;
      case "input":
        this.#messages.get(frame.id)?.input(frame as Reply);
        break;
      case "reply":
        this.#calls.get(frame.id)?.(frame as Reply);
        this.#calls.delete(frame.id);
        break;
      case "stop":
        this.#stopped = true;
        this.#hangUp();
    }
  }

  async #answer(message: ExecMessage): Promise<void> {
    this.#messages.set(message.id, message);
    let frame: Record<string, unknown>;
    try {
      frame = { type: "result", id: message.id, payload: (await this.#handler(message, this.#keeper)) ?? null };
    } catch (e) {
      if (!(e instanceof MabusError)) console.error(e);
      frame = { type: "error", id: message.id, error: MabusError.of(e, message.signal) };
    }
    this.#messages.delete(message.id);
    const usage = message.spending.wire();
    try {
      await this.#out.write({ ...frame, usage });
    } catch (e) {
      const text = `the answer is no JSON value: ${e instanceof Error ? e.message : String(e)}`;
      await this.#out.write({ type: "error", id: message.id, error: text, usage }).catch(() => process.exit(1));
    }
  }

  /** Answers the host's question for the state. */
  async #tell(state: () => unknown): Promise<void> {
    try {
      const last = (await state()) ?? undefined;
      await this.#out.write({ type: "state", payload: last });
    } catch (e) {
      if (!(e instanceof MabusError)) console.error(e);
      await this.#out.write({ type: "state", error: MabusError.of(e) });
    }
  }

  /** No replies come any more, so nobody shall wait for one. */
  #hangUp(): void {
    this.#stopped = true;
    for (const settle of this.#calls.values()) settle({ error: stopping() });
    this.#calls.clear();
    for (const m of this.#messages.values()) m.input({ error: stopping() });
  }
}

function stopping(): MabusError {
  return new MabusError("unavailable", "the worker is being stopped, so no answer comes", "draining");
}
