import { createHash, randomBytes } from "node:crypto";
import { createInbox, headers, nuid, PermissionViolationError, type Msg, type MsgHdrs, type NatsConnection, type Subscription } from "@nats-io/nats-core";
import { Blobs } from "./blobs.js";
import { duration } from "./duration.js";
import { cancelled, MabusError } from "./error.js";
import { write } from "./json.js";

export const H = {
  timeout: "Mabus-Timeout", request: "Mabus-Request-Id", blob: "Mabus-Blob", error: "Nats-Service-Error", code: "Nats-Service-Error-Code",
  stream: "Mabus-Stream", kind: "Mabus-Kind", seq: "Mabus-Seq", credit: "Mabus-Credit", job: "Mabus-Job", usage: "Mabus-Usage",
  cast: "Mabus-Cast", session: "Mabus-Session", trace: "traceparent",
} as const;

export const defaultTimeout = 5000; // ms, of a request that does not say
export const maxTimeout = 3_600_000; // ms

/** Where a message comes from: what its nested messages carry on. */
export interface Cause {
  job?: string;
  trace?: string;
}

/** How a request is made. */
export interface RequestOptions {
  /** In milliseconds; 5000 unless given. */
  timeout?: number;
  /** Gives the request up, and tells so to whoever has it. */
  signal?: AbortSignal | undefined;
  /** The id of the request, under which it may be repeated and cancelled. */
  id?: string;
  cause?: Cause;
  /** Ask again for 400 ms when nobody listens: for services, which may be starting. */
  patient?: boolean;
  /** Send it as a cast. */
  cast?: boolean;
}

const empty = new Uint8Array(0);
const text = new TextDecoder("utf-8", { fatal: true });

/** Tells a request from every other one, also of the same id, without telling where its answer goes. */
export function stamp(reply: string): string {
  return createHash("sha256").update(reply).digest("hex").slice(0, 16);
}

/** A connection, a namespace and a principal: how bodies travel. */
export class Wire {
  readonly nc: NatsConnection;
  readonly namespace: string;
  readonly principal: string | undefined;
  readonly blobs: Blobs;

  /** Whether the connection has credentials, which keep principals apart and let nobody but hosts and services use JetStream. */
  readonly strict: boolean;

  readonly #inboxes: string | undefined;
  readonly #asked: Map<string, Set<(e: MabusError) => void>>; // by the subject that was asked

  constructor(nc: NatsConnection, namespace = "mabus", principal?: string, inboxes?: string, strict = false, asked = new Map<string, Set<(e: MabusError) => void>>()) {
    this.#inboxes = inboxes;
    this.strict = strict;
    this.#asked = asked;
    this.nc = nc;
    this.namespace = namespace;
    this.principal = principal;
    this.blobs = new Blobs(nc, namespace);
  }

  /** The same connection in the name of another principal. */
  as(principal: string): Wire {
    return new Wire(this.nc, this.namespace, principal, this.#inboxes, this.strict, this.#asked);
  }

  /** The subject on which this principal asks. */
  subject(rest: string): string {
    return this.principal === undefined ? `${this.namespace}.${rest}` : `${this.namespace}.as.${this.principal}.${rest}`;
  }

  /** A subject of this client's own, for answers. */
  inbox(): string {
    // With credentials agents may publish on it too, so nobody must be able to guess it.
    return this.strict ? `${this.#inboxes}.${randomBytes(16).toString("hex")}` : createInbox(this.#inboxes);
  }

  /** Tells those who wait for an answer that the server has not passed on what was published. */
  async watch(): Promise<void> {
    for await (const s of this.nc.status()) {
      if (s.type !== "error" || !(s.error instanceof PermissionViolationError) || s.error.operation !== "publish") continue;
      for (const fail of this.#asked.get(s.error.subject) ?? []) fail(notGranted(s.error.subject));
    }
  }

  /** Calls a method of a service. */
  async method<T>(name: string, request: object, options: RequestOptions = {}): Promise<T> {
    const { body } = await this.request(name, encode(request), { patient: true, ...options });
    return decode(body) as T;
  }

  /** Sends a body and returns that of the answer; errors are MabusErrors. */
  async request(rest: string, body: Uint8Array, options: RequestOptions = {}): Promise<{ body: Uint8Array; headers: MsgHdrs | undefined }> {
    const timeout = Math.min(options.timeout ?? defaultTimeout, maxTimeout);
    const h = this.headers(timeout, options);
    const { data, drop } = await this.pack(body, h);
    const begun = performance.now(), reply = this.inbox();
    try {
      for (;;) {
        const answer = await this.#ask(this.subject(rest), reply, data, h, timeout - (performance.now() - begun), options.signal);
        if (!unheard(answer)) return { body: await this.open(answer), headers: answer.headers };
        if (options.patient !== true || performance.now() - begun > 400) throw nobody(rest);
        await new Promise((done) => setTimeout(done, 20));
      }
    } catch (e) {
      if (e instanceof MabusError && (e.code === "cancelled" || e.reason === "timeout") && h.has(H.request)) this.cancel(h.get(H.request), reply);
      throw e;
    } finally {
      drop();
    }
  }

  headers(timeout: number, options: RequestOptions): MsgHdrs {
    const h = headers();
    h.set(H.timeout, duration(timeout));
    // A request to a service gets no id of itself: it is short, and with an id a change keeps its answer.
    const id = options.id ?? (options.patient === true ? undefined : nuid.next());
    if (id !== undefined) h.set(H.request, id);
    if (options.cause?.job) h.set(H.job, options.cause.job);
    if (options.cause?.trace) h.set(H.trace, options.cause.trace);
    if (options.cast === true) h.set(H.cast, "1");
    return h;
  }

  /** Sends one message and waits for one answer. */
  #ask(subject: string, reply: string, data: Uint8Array, h: MsgHdrs, timeout: number, signal: AbortSignal | undefined): Promise<Msg> {
    return new Promise((settle, fail) => {
      if (signal?.aborted) return fail(reason(signal));
      const refused = (e: MabusError): void => { end(); fail(e); };
      const others = this.#asked.get(subject) ?? new Set();
      this.#asked.set(subject, others.add(refused));
      const end = (): void => {
        others.delete(refused);
        if (others.size === 0 && this.#asked.get(subject) === others) this.#asked.delete(subject);
        sub.unsubscribe();
        clearTimeout(timer);
        signal?.removeEventListener("abort", abort);
      };
      const abort = (): void => { end(); fail(reason(signal!)); };
      const timer = setTimeout(() => {
        end();
        fail(new MabusError("deadline_exceeded", `no answer on ${subject} in time`, { reason: "timeout", maybe_executed: true }));
      }, timeout);
      const sub: Subscription = this.nc.subscribe(reply, { max: 1, callback: (err, msg) => {
        end();
        if (err instanceof PermissionViolationError) fail(notGranted(reply));
        else if (err) fail(new MabusError("unavailable", `the answer on ${subject} did not come: ${err.message}`, { maybe_executed: true }));
        else settle(msg);
      } });
      signal?.addEventListener("abort", abort, { once: true });
      try {
        this.nc.publish(subject, data, { headers: h, reply });
      } catch (e) {
        end();
        fail(new MabusError("unavailable", `cannot send to ${subject}: ${String(e)}`));
      }
    });
  }

  /** Tells whoever has the request to give it up; with its reply subject also whoever gets it later. */
  cancel(id: string, reply?: string): void {
    if (!this.nc.isClosed()) this.nc.publish(this.subject(`cancel.${id}`), reply === undefined ? undefined : stamp(reply));
  }

  /** The largest body that travels in a message, in bytes. */
  get inlineLimit(): number {
    return (this.nc.info?.max_payload ?? 1 << 20) - 8192;
  }

  /** Puts a body where it fits: into the message, or into the object store under a header; drop removes it from there. */
  async pack(body: Uint8Array, h: MsgHdrs): Promise<{ data: Uint8Array; drop: () => void }> {
    if (body.length <= this.inlineLimit) return { data: body, drop: () => {} };
    if (this.strict) throw noStore(`a body of ${body.length} bytes, above the server's ${this.inlineLimit},`);
    const ref = await this.blobs.put(body);
    h.set(H.blob, ref);
    return { data: empty, drop: () => void this.blobs.delete(ref) };
  }

  /** The body of an answer; throws the error that it is. */
  async open(answer: Msg): Promise<Uint8Array> {
    const h = answer.headers;
    if (h?.has(H.code)) throw readError(answer);
    const ref = h?.get(H.blob);
    if (!ref) return answer.data;
    if (this.strict) throw noStore("an answer above what fits a message");
    try {
      return await this.blobs.get(ref);
    } catch (e) {
      throw new MabusError("unavailable", `the answer is in the object store and cannot be read: ${String(e)}`, { maybe_executed: true });
    } finally {
      void this.blobs.delete(ref);
    }
  }

  /** Publishes an error as an answer. */
  replyError(to: string, e: MabusError, h: MsgHdrs = headers()): void {
    const body = encode(e);
    h.set(H.error, e.toJSON().message.replace(/[\x00-\x1f\x7f]/g, " ").slice(0, 512) || "error");
    h.set(H.code, e.code);
    this.nc.publish(to, body, { headers: h });
  }
}

function notGranted(subject: string): MabusError {
  return new MabusError("permission_denied", `NATS does not let these credentials use ${subject}: ask an operator for others (mabus auth add)`, "not_granted");
}

function noStore(what: string): MabusError {
  return new MabusError("failed_precondition", `${what} needs JetStream, which these credentials may not use`, "no_store");
}

function reason(signal: AbortSignal): MabusError {
  return signal.reason instanceof MabusError ? signal.reason : cancelled("the caller gave up");
}

/** Nobody listens on the subject. */
export function unheard(answer: Msg): boolean {
  return answer.data.length === 0 && answer.headers?.code === 503;
}

export function nobody(rest: string): MabusError {
  return new MabusError("unavailable", `nobody listens on ${rest}: is the service running?`, "nobody_listens");
}

function readError(answer: Msg): MabusError {
  try {
    return MabusError.from(decode(answer.data));
  } catch {
    return MabusError.from({ code: answer.headers!.get(H.code), message: answer.headers!.get(H.error) });
  }
}

/** Writes a value as a body. */
export function encode(value: unknown): Uint8Array {
  return value === undefined ? empty : new TextEncoder().encode(write(value));
}

/** Reads a body: one JSON value in UTF-8, {} when it is empty. */
export function decode(body: Uint8Array): any {
  if (body.length === 0) return {};
  try {
    return JSON.parse(text.decode(body));
  } catch (e) {
    throw new MabusError("invalid", `the body is not one JSON value: ${String(e)}`, "malformed");
  }
}
