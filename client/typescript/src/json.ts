/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/**
 * Writes a JSON value and refuses what JSON does not hold: JSON.stringify would make null of NaN and of Infinity, drop
 * functions, and write halves of characters that no other side accepts.
 */
export function write(value: unknown): string {
  const text = JSON.stringify(value ?? null, (name, v: unknown) => {
    if (typeof v === "number" && !Number.isFinite(v)) throw new TypeError(`${name || "the value"} is ${v}, which JSON does not hold`);
    if (typeof v === "function" || typeof v === "symbol") throw new TypeError(`${name || "the value"} is a ${typeof v}, which JSON does not hold`);
    return v;
  });
  if (text === undefined) throw new TypeError("the value is nothing that JSON holds");
  if (/\\ud[89a-f]/i.test(text) && /(^|[^\\])(\\\\)*\\ud[89a-f]/i.test(text)) throw new TypeError("a text holds half of a character, which UTF-8 does not");
  return text;
}

/** Money and tokens that an answer has cost. */
export interface Usage {
  tokensIn?: number;
  tokensOut?: number;
  /** In millionths of the unit of money. */
  cost?: number | bigint;
}

/** Adds up usage. */
export class Spending {
  #tokensIn = 0;
  #tokensOut = 0;
  #cost = 0n;

  add(u: Usage): void {
    const { tokensIn = 0, tokensOut = 0, cost = 0 } = u;
    for (const n of [tokensIn, tokensOut, Number(cost)]) {
      if (!(n >= 0) || !Number.isInteger(n)) throw new RangeError("tokensIn, tokensOut and cost are whole numbers, 0 or more");
    }
    this.#tokensIn += tokensIn;
    this.#tokensOut += tokensOut;
    this.#cost += BigInt(cost);
  }

  /** The form on the wire, undefined for nothing. */
  wire(): { tokens_in?: number; tokens_out?: number; cost?: string } | undefined {
    if (this.#tokensIn === 0 && this.#tokensOut === 0 && this.#cost === 0n) return undefined;
    return {
      ...(this.#tokensIn > 0 && { tokens_in: this.#tokensIn }),
      ...(this.#tokensOut > 0 && { tokens_out: this.#tokensOut }),
      ...(this.#cost > 0n && { cost: this.#cost.toString() }),
    };
  }
}
