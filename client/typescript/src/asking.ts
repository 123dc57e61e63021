import { MabusError } from "./error.js";
import { decode, defaultTimeout, encode, type Cause, type RequestOptions, type Wire } from "./wire.js";

/** How an agent is asked. */
export interface AskOptions {
  /** In milliseconds; 5000 unless given. */
  timeout?: number;
  /** Gives the call up. */
  signal?: AbortSignal;
  /** The id of the request, under which anybody who is the same principal may cancel it. */
  id?: string;
  /** The W3C traceparent of the caller's span; within a handler that of its message unless given. */
  traceparent?: string;
}

/** Asks agents, from a client or from within a handler, whose calls end with its message. */
export class Asking {
  readonly #wire: Wire;
  readonly #within: { cause?: Cause; signal?: AbortSignal; ends?: number };

  constructor(wire: Wire, within: { cause?: Cause; signal?: AbortSignal; ends?: number } = {}) {
    this.#wire = wire;
    this.#within = within;
  }

  async call(agent: string, payload: unknown, options: AskOptions): Promise<any> {
    checkID("agent", agent);
    return this.#ask(`agent.${agent}`, payload, options, notFound(agent));
  }

  async callCapability(capability: string, payload: unknown, options: AskOptions): Promise<any> {
    checkID("capability", capability);
    const none = new MabusError("unavailable", `no running agent has the capability ${capability}`, "no_agent");
    return this.#ask(`capability.${capability}`, payload, options, none);
  }

  async cast(agent: string, payload: unknown, options: AskOptions = {}): Promise<void> {
    checkID("agent", agent);
    await this.#ask(`agent.${agent}`, payload, { ...options, cast: true } as AskOptions, notFound(agent));
  }

  async #ask(subject: string, payload: unknown, options: AskOptions, unheard: MabusError): Promise<any> {
    const { signal, ends, cause } = this.#within;
    signal?.throwIfAborted();
    const left = ends === undefined ? defaultTimeout : ends - performance.now();
    const request: RequestOptions = {
      ...options, timeout: Math.max(Math.min(options.timeout ?? left, ends === undefined ? Infinity : left), 0.001),
      cause: { ...cause, ...(options.traceparent !== undefined && { trace: options.traceparent }) },
      signal: signal && options.signal ? AbortSignal.any([signal, options.signal]) : signal ?? options.signal,
    };
    try {
      return decode((await this.#wire.request(subject, encode(payload), request)).body);
    } catch (e) {
      throw e instanceof MabusError && e.reason === "nobody_listens" ? unheard : e;
    }
  }
}

export function notFound(agent: string): MabusError {
  return new MabusError("not_found", `no running agent is called ${agent}`, "agent_not_found");
}

/** Refuses what cannot be part of a subject. */
export function checkID(what: string, id: string): void {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(id)) throw new MabusError("invalid", `${what} must be 1 to 64 of A-Z a-z 0-9 _ -`, { fields: [what] });
}
