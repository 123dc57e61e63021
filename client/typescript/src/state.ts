import { MabusError } from "./error.js";
import type { Outbound, Reply } from "./exec_message.js";

/** What an agent keeps from one start to the next, here or on another host. */
export interface Keeper {
  /** What the agent had saved last when the program started; null if nothing. */
  readonly state: any;
  /** Counts the states that were saved before this start; 0 when there was none. */
  readonly version: number;
  /**
   * Saves the agent's state, at most 16 MiB, and resolves when it is stored. It rejects with fenced (stale_state) when the agent
   * has been started elsewhere since, and then this program is about to be stopped.
   */
  save(state: unknown): Promise<void>;
}

/** The keeper of a program that an agent host has started. */
export class ExecKeeper implements Keeper {
  state: any = null;
  version = 0;
  /** Whether the host keeps states. */
  keeps = false;

  readonly #out: Outbound;
  #saving: Promise<unknown> = Promise.resolve();

  constructor(out: Outbound) {
    this.#out = out;
  }

  /** For the worker: the state of the init frame. */
  load(saved: { version: number; data?: unknown } | undefined): void {
    if (saved === undefined) return;
    this.keeps = true;
    this.state = saved.data ?? null;
    this.version = saved.version;
  }

  save(state: unknown): Promise<void> {
    const saved = this.#saving.then(() => this.#save(state)); // one after the other
    this.#saving = saved.catch(() => {});
    return saved;
  }

  async #save(state: unknown): Promise<void> {
    if (!this.keeps) throw new MabusError("unimplemented", "this host keeps no state of its agents");
    let forget = (): void => {};
    try {
      const reply = await new Promise<Reply>((settle) => { forget = this.#out.call({ type: "save", payload: state ?? null }, settle); });
      if (reply.error !== undefined) throw MabusError.from(reply.error);
    } finally {
      forget();
    }
  }
}
