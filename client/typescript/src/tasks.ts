import type { RequestOptions, Wire } from "./wire.js";
import { duration } from "./duration.js";

/** A task as it is submitted: the TaskSpec of docs/protocol.md. */
export interface TaskSpec {
  capability: string;
  payload?: unknown;
  id?: string;
  job?: string;
  name?: string;
  priority?: "high" | "low";
  attempts?: number;
  /** Go durations, such as "10m". */
  timeout?: string;
  backoff?: string;
  /** RFC 3339. */
  deadline?: string;
}

/** A task as it stands: the Task of docs/protocol.md. */
export interface Task extends TaskSpec {
  id: string;
  status: "queued" | "running" | "waiting_input" | "waiting_budget" | "succeeded" | "failed" | "cancelled";
  result?: any;
  error?: { code: string; message: string; details?: Record<string, unknown> };
  question?: any;
  usage?: { tokens_in?: number; tokens_out?: number; cost?: string };
  attempt?: number;
}

/** Something that a task has said. */
export interface TaskPart {
  seq: number;
  kind: string;
  attempt?: number;
  at: string;
  payload?: any;
}

interface Followed {
  parts: TaskPart[] | null;
  next: number;
  task?: Task;
}

const poll = 20_000; // ms of one request that waits

/** Durable tasks: they are stored until an agent with the capability has done them. */
export class Tasks {
  readonly #wire: Wire;

  constructor(wire: Wire) {
    this.#wire = wire;
  }

  /** Stores a task. The same id with the same task returns the first one. */
  submit(task: TaskSpec): Promise<Task> {
    return this.#ask("submit", task);
  }

  /** Returns a task; with wait, in milliseconds, it waits that long for the outcome. */
  get(id: string, { wait = 0 } = {}): Promise<Task> {
    return this.#ask("get", { id, ...(wait > 0 && { wait: duration(wait) }) }, wait);
  }

  /** Answers the open question of a task; with seq, only that one. The same answer again changes nothing. */
  answer(id: string, answer: unknown, seq?: number): Promise<Task> {
    return this.#ask("answer", { id, answer: answer ?? null, ...(seq !== undefined && { seq }) });
  }

  /** Gives a task the outcome cancelled. */
  cancel(id: string, reason?: string): Promise<Task> {
    return this.#ask("cancel", { id, ...(reason !== undefined && { reason }) });
  }

  /** Yields what a task says, from a sequence on, until it has an outcome. Questions are parts of the kind need_input. */
  async *follow(id: string, { from = 0, signal }: { from?: number; signal?: AbortSignal } = {}): AsyncGenerator<TaskPart, Task, void> {
    for (;;) {
      const got: Followed = await this.#ask("follow", { id, from, wait: duration(poll) }, poll, signal);
      yield* got.parts ?? [];
      from = got.next;
      if (got.task !== undefined && ["succeeded", "failed", "cancelled"].includes(got.task.status)) return got.task;
    }
  }

  #ask<T>(verb: string, request: object, wait = 0, signal?: AbortSignal): Promise<T> {
    const options: RequestOptions = { timeout: wait + 5000, signal };
    return this.#wire.method(`agenthost.tasks.${verb}`, request, options);
  }
}
