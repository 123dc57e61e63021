import { parseDuration } from "./duration.js";
import { MabusError } from "./error.js";
import { nuid } from "@nats-io/nats-core";
import type { Wire } from "./wire.js";

interface Granted {
  id: string;
  token: string;
  renew: string;
  hold: string;
}

/** Proof that this process lives: renewed every two seconds, and given up by itself when it cannot be. */
export class Lease {
  readonly id: string;
  /** Aborted when the holder may no longer act. */
  readonly lost: AbortSignal;
  readonly #wire: Wire;
  readonly #abort = new AbortController();
  readonly #renew: number;
  readonly #hold: number;
  #token: string;
  #until: number; // on the monotonic clock
  #next: NodeJS.Timeout;
  #end: NodeJS.Timeout;

  static async acquire(wire: Wire): Promise<Lease> {
    const sent = performance.now();
    return new Lease(wire, await wire.method<Granted>("registry.leases.acquire", { id: nuid.next() }, { id: nuid.next() }), sent);
  }

  private constructor(wire: Wire, g: Granted, sent: number) {
    this.#wire = wire;
    this.id = g.id;
    this.lost = this.#abort.signal;
    this.#token = g.token;
    this.#renew = parseDuration(g.renew) ?? 2000;
    this.#hold = parseDuration(g.hold) ?? 12_000;
    this.#until = sent + this.#hold;
    this.#next = setTimeout(() => void this.#again(), this.#renew);
    this.#end = setTimeout(() => this.#watch(), this.#hold);
  }

  /** Whether the holder may act at this moment; right also just after the process was stopped for a while. */
  get held(): boolean {
    return !this.lost.aborted && performance.now() < this.#until;
  }

  /** Gives the lease back: what lives by it is dead at once. */
  async release(): Promise<void> {
    if (this.lost.aborted) return;
    this.#lose("the lease was given back");
    await this.#wire.method("registry.leases.release", { id: this.id, token: this.#token });
  }

  #watch(): void {
    if (!this.held) return this.#lose("the lease could not be renewed in time");
    this.#end = setTimeout(() => this.#watch(), this.#until - performance.now());
  }

  async #again(): Promise<void> {
    const sent = performance.now();
    let wait = this.#renew / 20;
    try {
      const g = await this.#wire.method<Granted>("registry.leases.renew", { id: this.id, token: this.#token }, { timeout: this.#renew });
      if (!this.held) return this.#lose("the lease ran out");
      this.#token = g.token;
      this.#until = sent + this.#hold;
      wait = Math.max(sent + this.#renew - performance.now(), 0);
    } catch (e) {
      if (e instanceof MabusError && (e.code === "fenced" || e.reason === "unknown_lease")) return this.#lose(e.message);
    }
    if (!this.lost.aborted) this.#next = setTimeout(() => void this.#again(), wait);
  }

  #lose(why: string): void {
    clearTimeout(this.#next);
    clearTimeout(this.#end);
    this.#abort.abort(new MabusError("unavailable", why, "draining"));
  }
}
