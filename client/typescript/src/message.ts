import type { Usage } from "./json.js";

/** Who the agent is, and its own settings. */
export interface Self {
  agent: { id?: string; type?: string; capabilities?: string[]; concurrency?: number; tags?: string[]; metadata?: unknown };
  config: any;
}

/** How long to wait for a call. */
export interface CallOptions {
  /** In milliseconds; a call never outlives the message that it is made for. */
  timeout?: number;
  /** The W3C traceparent of a span of the program's own; that of the message unless given. */
  traceparent?: string;
}

/** How loud a line of the log is. */
export type Level = "trace" | "debug" | "info" | "warn" | "error";

/**
 * What somebody wants of the agent, and the ways to say something before the answer. Once the message is cancelled, its
 * methods reject with a MabusError of the code cancelled, or deadline_exceeded.
 */
export interface Message {
  readonly id: string;
  /** Any JSON value, as the sender wrote it. */
  readonly payload: any;
  /** The id of the durable task that the message is, or undefined. A task may run more than once. */
  readonly task: string | undefined;
  /** Counts the attempts at the task from 1; 0 when the message is no task. */
  readonly attempt: number;
  /** What an earlier attempt at the task saved last, or null. */
  readonly checkpoint: any;
  /** Who sent the message, if the sender named itself. */
  readonly principal: string | undefined;
  /** The job that the message belongs to. Calls made for the message belong to it too. */
  readonly job: string | undefined;
  /**
   * The id of the session whose question the message is, or undefined. The payload is then a SessionQuestion, and what the
   * handler returns is the agent's answer to it.
   */
  readonly session: string | undefined;
  /** The W3C traceparent that came with the message, or undefined: the parent of spans that the program makes by itself. */
  readonly traceparent: string | undefined;
  /** When the sender stops waiting. */
  readonly deadline: Date | undefined;
  /** Nobody waits for an answer. */
  readonly isCast: boolean;
  /** The caller reads the answer in parts. Without it chunks and progress go nowhere. */
  readonly stream: boolean;
  /** Aborted when nobody waits for the message any more: hand it to fetch, timers and the like. */
  readonly signal: AbortSignal;
  readonly self: Self;

  /** Sends a piece of the answer. What the handler returns is the end of it, or all of it again. Waits while much is unread. */
  chunk(payload: unknown): Promise<void>;
  /** Tells how far the work is. */
  progress(payload: unknown): Promise<void>;
  /**
   * Saves how far a task is, at most 8 MiB: the next attempt gets the newest as message.checkpoint. It is stored before a
   * question or an answer that follows counts. For a message that is no task it does nothing.
   */
  save(checkpoint: unknown): Promise<void>;
  /**
   * Asks the caller something. One that does not read parts cannot be asked: failed_precondition (no_reader). A task that
   * asks is put aside until somebody answers, which may take days: the promise rejects as cancelled. With the answer the task
   * is handed to an agent anew, by its newest checkpoint, and there the same question is answered at once.
   */
  ask(question: unknown): Promise<any>;
  /** Asks another agent, and rejects with what that answered. */
  call(agent: string, payload: unknown, options?: CallOptions): Promise<any>;
  /** Asks any one agent that has the capability. */
  callCapability(capability: string, payload: unknown, options?: CallOptions): Promise<any>;
  /** Sends to another agent and waits for no answer. */
  cast(agent: string, payload: unknown): Promise<void>;
  /** Adds to what the answer has cost, also when it will be an error. */
  spend(usage: Usage): void;
  /** Writes to the host's log; outside an agent host to standard error. */
  log(text: string, level?: Level): Promise<void>;
}

/** What an agent does: any JSON value that it returns is the answer. Undefined counts as null. */
export type Handler = (message: Message) => unknown | Promise<unknown>;
