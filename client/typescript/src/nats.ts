/**
 * Mabus over NATS: agents that live in this process, outside any agent host, and a client of agents and tasks.
 *
 *     import { connect } from "@mabus/agent/nats";
 *
 *     const mabus = await connect({ servers: "nats://127.0.0.1:4222" });
 *     await mabus.serve({ id: "up", capabilities: ["upper"] }, (message) => message.payload.text.toUpperCase());
 *     console.log(await mabus.callCapability("upper", { text: "hello" }));
 */
import { readFileSync } from "node:fs";
import { connect as dial, credsAuthenticator, type NodeConnectionOptions } from "@nats-io/transport-node";
import type { NatsConnection } from "@nats-io/nats-core";
import { Agent, type AgentSpec } from "./agent.js";
import { Asking, checkID, notFound, type AskOptions } from "./asking.js";
import { MabusError } from "./error.js";
import type { Handler } from "./message.js";
import { read, type Part, type StreamOptions } from "./reader.js";
import { Tasks } from "./tasks.js";
import { Wire } from "./wire.js";

export { Agent, type AgentSpec } from "./agent.js";
export type { AskOptions } from "./asking.js";
export { MabusError, type Code, type Details } from "./error.js";
export type { Json, Usage } from "./json.js";
export type { CallOptions, Handler, Level, Message, Self } from "./message.js";
export type { Part, StreamOptions } from "./reader.js";
export type { SessionQuestion } from "./session.js";
export type { Task, TaskPart, Tasks, TaskSpec } from "./tasks.js";

/** How to connect: the options of @nats-io/transport-node, and these. With an authenticator principal is the name that the credentials are of. */
export interface Options extends NodeConnectionOptions {
  /** The first token of every subject; mabus unless given. */
  namespace?: string;
  /** Who asks, if the connection names itself; whose the credentials are, unless given. */
  principal?: string;
  /** The file that `mabus auth add` has made, in place of an authenticator. */
  credentials?: string;
}

/** Connects. The connection comes back by itself when it is lost, for ever. */
export async function connect(options: Options = {}): Promise<Mabus> {
  const { namespace, credentials, ...rest } = options;
  let { principal } = options;
  delete rest.principal;
  if (credentials !== undefined) {
    const creds = readFileSync(credentials);
    rest.authenticator = credsAuthenticator(creds);
    principal ??= nameIn(creds.toString());
  }
  if (namespace !== undefined) checkID("namespace", namespace);
  if (principal !== undefined) checkID("principal", principal);
  const strict = rest.authenticator !== undefined && principal !== undefined;
  const inboxPrefix = rest.inboxPrefix ?? (principal === undefined ? "_INBOX" : strict ? `_ANSWER.${principal}` : `_INBOX_${principal}`);
  const nc = await dial({
    maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 50, pingInterval: 1000,
    ...rest, inboxPrefix,
  });
  const wire = new Wire(nc, namespace, principal, inboxPrefix, strict);
  void wire.watch();
  return new Mabus(nc, wire);
}

/** The name in the JWT of a file of credentials. */
function nameIn(creds: string): string {
  const [, claims] = /BEGIN NATS USER JWT-+\s+\S+?\.(\S+?)\.\S+/.exec(creds) ?? [];
  try {
    return JSON.parse(Buffer.from(claims ?? "", "base64url").toString()).name;
  } catch {
    throw new MabusError("invalid", "the file of credentials has no user's JWT: make one with `mabus auth add`");
  }
}

/** A connection to Mabus. */
export class Mabus {
  /** The connection itself. */
  readonly nc: NatsConnection;
  readonly tasks: Tasks;
  readonly #wire: Wire;
  readonly #asking: Asking;
  readonly #agents = new Set<Agent>();

  constructor(nc: NatsConnection, wire: Wire) {
    this.nc = nc;
    this.#wire = wire;
    this.#asking = new Asking(wire);
    this.tasks = new Tasks(wire);
  }

  /** Runs an agent in this process until its stop, or close, is called. Rejects with conflict if a live agent has its id. */
  async serve(spec: AgentSpec, handler: Handler): Promise<Agent> {
    const agent = await Agent.start(this.#wire, spec, handler);
    this.#agents.add(agent);
    return agent;
  }

  /** Calls a method of docs/protocol.md, such as "registry.agents.get". */
  method<T>(name: string, request: object, options: AskOptions = {}): Promise<T> {
    return this.#wire.method(name, request, options);
  }

  /** Asks an agent, and rejects with what it answered, or not_found (agent_not_found). */
  call(agent: string, payload?: unknown, options: AskOptions = {}): Promise<any> {
    return this.#asking.call(agent, payload, options);
  }

  /** Asks any one agent that has the capability; unavailable (no_agent) if there is none. */
  callCapability(capability: string, payload?: unknown, options: AskOptions = {}): Promise<any> {
    return this.#asking.callCapability(capability, payload, options);
  }

  /** Sends to an agent, and resolves as soon as the message is in its mailbox. */
  cast(agent: string, payload?: unknown, options: AskOptions = {}): Promise<void> {
    return this.#asking.cast(agent, payload, options);
  }

  /** Asks an agent and yields its answer part by part; the last is the result. Whoever stops reading early cancels the work. */
  stream(agent: string, payload?: unknown, options: StreamOptions = {}): AsyncGenerator<Part, void, void> {
    checkID("agent", agent);
    return read(this.#wire, `agent.${agent}`, payload, options, notFound(agent));
  }

  /** The same with any one agent that has the capability. */
  streamCapability(capability: string, payload?: unknown, options: StreamOptions = {}): AsyncGenerator<Part, void, void> {
    checkID("capability", capability);
    const none = new MabusError("unavailable", `no running agent has the capability ${capability}`, "no_agent");
    return read(this.#wire, `capability.${capability}`, payload, options, none);
  }

  /** Gives up the request that carries the id, if this principal made it. */
  cancel(id: string): void {
    checkID("request id", id);
    this.#wire.cancel(id);
  }

  /** Stops the agents and ends the connection. */
  async close(): Promise<void> {
    await Promise.all([...this.#agents].map((agent) => agent.stop()));
    await this.nc.drain();
  }
}
