/** The codes of errors: the closed set of docs/protocol.md. */
export type Code =
  | "invalid" | "not_found" | "conflict" | "failed_precondition" | "permission_denied" | "unauthenticated" | "overloaded"
  | "rate_limited" | "unavailable" | "deadline_exceeded" | "cancelled" | "fenced" | "unimplemented" | "internal";

const codes: readonly string[] = [
  "invalid", "not_found", "conflict", "failed_precondition", "permission_denied", "unauthenticated", "overloaded",
  "rate_limited", "unavailable", "deadline_exceeded", "cancelled", "fenced", "unimplemented", "internal",
] satisfies Code[];

const maxText = 4096; // characters of a message

/** What a program may want to know of an error beyond its code. */
export interface Details {
  reason?: string;
  maybe_executed?: boolean;
  fields?: string[];
  log_id?: string;
  retry_after?: string;
}

/** The error of a frame or a message. */
export interface ErrorBody {
  code: string;
  message: string;
  details?: Details;
}

/**
 * An error that the caller can act on. Thrown by a handler, it reaches the caller as it is; any other error becomes
 * failed_precondition with the reason agent_error.
 */
export class MabusError extends Error {
  readonly code: Code;
  readonly details: Details;

  constructor(code: Code, message: string, details: Details | string = {}) {
    super(message);
    this.name = "MabusError";
    this.code = code;
    this.details = typeof details === "string" ? { reason: details } : details;
  }

  /** Finer than the code; "" when nobody said. */
  get reason(): string {
    return this.details.reason ?? "";
  }

  toJSON(): ErrorBody {
    const message = Buffer.from(this.message.slice(0, maxText)).toString(); // without halves of characters
    const body: ErrorBody = { code: this.code, message };
    if (Object.keys(this.details).length > 0) body.details = this.details;
    return body;
  }

  /** Reads an error that came from outside. */
  static from(body: unknown): MabusError {
    const b = (typeof body === "object" && body !== null ? body : { message: String(body) }) as Partial<ErrorBody>;
    const code = (codes.includes(b.code ?? "") ? b.code : "internal") as Code;
    return new MabusError(code, String(b.message ?? ""), typeof b.details === "object" && b.details !== null ? b.details : {});
  }

  /** Turns what a handler threw into what its caller gets. */
  static of(thrown: unknown, signal?: AbortSignal): MabusError {
    if (thrown instanceof MabusError) return thrown;
    if (signal?.aborted && signal.reason instanceof MabusError && thrown instanceof Error && thrown.name === "AbortError") return signal.reason;
    return new MabusError("failed_precondition", thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown), "agent_error");
  }
}

/** The reason of an AbortSignal when nobody waits for the message any more. */
export function cancelled(message = "the message was cancelled"): MabusError {
  return new MabusError("cancelled", message);
}
