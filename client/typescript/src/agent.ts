import { setTimeout } from "node:timers/promises";
import { nuid, type Msg, type Subscription } from "@nats-io/nats-core";
import { cancelled, MabusError } from "./error.js";
import { Lease } from "./lease.js";
import { Mailbox } from "./mailbox.js";
import type { Handler } from "./message.js";
import type { Wire } from "./wire.js";

/** What an agent is. The fields are those of AgentSpec in docs/protocol.md. */
export interface AgentSpec {
  id: string;
  type?: string;
  capabilities?: string[];
  tags?: string[];
  metadata?: object;
  config?: object;
  /** How many messages are handled at once; 1 unless given. */
  concurrency?: number;
  /** How many messages wait before others are refused as overloaded; 1024 unless given. */
  mailbox?: number;
}

/** How long to wait before the agent is announced again after its lease was lost, in ms. */
const retry = 500;

/** How long what is on its way may take to come in when the agent listens no more, in ms. */
const drainTime = 1000;

/**
 * An agent in this process, outside any agent host. It lives by a lease: when that cannot be renewed, the agent stops acting
 * before anybody else may take it for dead, and comes back by itself when the registry can be reached again.
 */
export class Agent {
  readonly #wire: Wire;
  readonly #spec: AgentSpec;
  readonly #box: Mailbox;
  readonly #stop = new AbortController();
  #lease: Lease | undefined;
  #subs: Subscription[] = [];
  #life: Promise<void> = Promise.resolve();

  /** Registers the agent, listens for its messages, and returns when it can be called. Rejects if its id is taken. */
  static async start(wire: Wire, spec: AgentSpec, handler: Handler): Promise<Agent> {
    const agent = new Agent(wire, spec, handler);
    try {
      await agent.#begin();
    } catch (e) {
      await agent.#retire();
      throw e;
    }
    agent.#life = agent.#live();
    return agent;
  }

  private constructor(wire: Wire, spec: AgentSpec, handler: Handler) {
    this.#wire = wire;
    this.#spec = spec;
    this.#box = new Mailbox(wire, spec, handler, () => this.held);
  }

  /** Whether the agent may act now. */
  get held(): boolean {
    return this.#lease?.held === true;
  }

  /** Takes no more messages, finishes those that are being handled (5s unless given, in ms), and deregisters the agent. */
  async stop(patience = 5000): Promise<void> {
    this.#stop.abort();
    await this.#life;
    await this.#unsubscribe();
    await this.#box.close(patience);
    await this.#wire.method(`registry.${this.#record}.deregister`, { id: this.#spec.id }, { id: nuid.next() }).catch(() => {}); // the lease's end tells it too
    await this.#lease?.release().catch(() => {});
  }

  /** The methods of the agent's own record: with credentials an agent is granted those of itself alone. */
  get #record(): string {
    return this.#wire.strict && this.#wire.principal === this.#spec.id ? "self" : "agents";
  }

  async #begin(): Promise<void> {
    const lease = await Lease.acquire(this.#wire);
    this.#lease = lease;
    const spec = { ...this.#spec, runtime: "external", lease: lease.id };
    await this.#wire.method(`registry.${this.#record}.register`, spec, { id: nuid.next() });
    this.#subscribe();
    await this.#wire.nc.flush();
    await this.#wire.method(`registry.${this.#record}.transition`, { id: this.#spec.id, status: "running" }, { id: nuid.next() });
  }

  /** Watches the lease, and begins anew when it is lost. */
  async #live(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      if (this.#lease !== undefined && !this.#lease.lost.aborted) {
        await either(this.#lease.lost, this.#stop.signal);
        continue;
      }
      this.#box.abort(new MabusError("unavailable", "the agent has lost its lease", { reason: "draining", maybe_executed: true }));
      await this.#retire();
      await either(AbortSignal.timeout(retry), this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      await this.#begin().catch(() => this.#retire()); // the registry is away, or has not seen yet that the old lease is dead
    }
  }

  async #retire(): Promise<void> {
    await this.#unsubscribe();
    await this.#lease?.release().catch(() => {});
    this.#lease = undefined;
  }

  #subscribe(): void {
    const { namespace } = this.#wire;
    const listen = (rest: string, queue?: string): void => {
      for (const subject of [`${namespace}.${rest}`, `${namespace}.as.*.${rest}`]) {
        this.#subs.push(this.#wire.nc.subscribe(subject, { ...(queue !== undefined && { queue }), callback: (err, msg) => { if (!err) this.#take(msg); } }));
      }
    };
    listen(`agent.${this.#spec.id}`);
    for (const c of this.#spec.capabilities ?? []) {
      listen(`capability.${c}`, "agents");
      listen(`all.${c}`);
    }
    for (const subject of [`${namespace}.cancel.*`, `${namespace}.as.*.cancel.*`]) {
      this.#subs.push(this.#wire.nc.subscribe(subject, { callback: (err, msg) => {
        if (err) return;
        const id = msg.subject.slice(msg.subject.lastIndexOf(".") + 1);
        this.#box.cancel(principalOf(namespace, msg.subject), id, cancelled("the request was cancelled"), msg.string());
      } }));
    }
  }

  /** Listens no more. What is on its way still comes in, so that it is answered. */
  async #unsubscribe(): Promise<void> {
    const drained = Promise.allSettled(this.#subs.map((s) => s.drain()));
    this.#subs = [];
    await Promise.race([drained, setTimeout(drainTime, undefined, { ref: false })]); // the connection may be away
  }

  #take(msg: Msg): void {
    this.#box.put(msg, principalOf(this.#wire.namespace, msg.subject));
  }
}

/** Who sent a message, by its subject <namespace>.as.<principal>.<rest>. */
function principalOf(namespace: string, subject: string): string | undefined {
  const prefix = `${namespace}.as.`;
  return subject.startsWith(prefix) ? subject.slice(prefix.length).split(".", 1)[0] : undefined;
}

function either(...signals: AbortSignal[]): Promise<void> {
  return new Promise((done) => {
    for (const s of signals) {
      if (s.aborted) return done();
      s.addEventListener("abort", () => done(), { once: true });
    }
  });
}
