/**
 * Mabus over NATS: agents that live in this process, outside any agent host, and a client of agents and tasks.
 *
 *     import { connect } from "@mabus/agent/nats";
 *
 *     const mabus = await connect({ servers: "nats://127.0.0.1:4222" });
 *     await mabus.serve({ id: "up", capabilities: ["upper"] }, (message) => message.payload.text.toUpperCase());
 *     console.log(await mabus.callCapability("upper", { text: "hello" }));
 */
import { connect as dial, type NodeConnectionOptions } from "@nats-io/transport-node";
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

/** How to connect: the options of @nats-io/transport-node, and these. */
export interface Options extends NodeConnectionOptions {
  /** The first token of every subject; mabus unless given. */
  namespace?: string;
  /** Who asks, if the connection names itself. */
  principal?: string;
}

/** Connects. The connection comes back by itself when it is lost, for ever. */
export async function connect(options: Options = {}): Promise<Mabus> {
  const { namespace, principal, ...rest } = options;
  if (namespace !== undefined) checkID("namespace", namespace);
  if (principal !== undefined) checkID("principal", principal);
  const inboxPrefix = rest.inboxPrefix ?? (principal === undefined ? "_INBOX" : `_INBOX_${principal}`);
  const nc = await dial({
    maxReconnectAttempts: -1, reconnectTimeWait: 50, reconnectJitter: 50, pingInterval: 1000,
    ...rest, inboxPrefix,
  });
  return new Mabus(nc, new Wire(nc, namespace, principal, inboxPrefix));
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
