import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration, duration } from "../dist/duration.js";
import { MabusError } from "../dist/error.js";
import { Spending, write } from "../dist/json.js";

test("what JSON does not hold is refused", () => {
  for (const value of [NaN, Infinity, { a: [-Infinity] }, () => 1, Symbol("s"), 1n, "\ud800", { a: "x\udfff" }]) {
    assert.throws(() => write(value), TypeError, String(typeof value));
  }
  assert.equal(write(undefined), "null");
  assert.equal(write({ a: undefined, b: "🌍\\ud800" }), '{"b":"🌍\\\\ud800"}'); // a written escape is a text like any other
});

test("Go durations", () => {
  for (const [text, ms] of [["2s", 2000], ["1.5s", 1500], ["1h30m", 5_400_000], ["250ms", 250], ["10us", 0.01], ["1m0.5s", 60_500]]) {
    assert.equal(parseDuration(text), ms, text);
  }
  for (const text of ["", "2", "s", "-1s", "1 s", "soon"]) assert.equal(parseDuration(text), undefined, text);
  for (const ms of [0.001, 1, 1500, 3_600_000]) assert.equal(parseDuration(duration(ms)), ms);
});

test("usage adds up", () => {
  const s = new Spending();
  assert.equal(s.wire(), undefined);
  s.add({ tokensIn: 3, cost: 2n ** 60n });
  s.add({ tokensIn: 4, tokensOut: 1, cost: 1 });
  assert.deepEqual(s.wire(), { tokens_in: 7, tokens_out: 1, cost: "1152921504606846977" });
  for (const bad of [{ cost: -1 }, { tokensIn: 0.5 }, { tokensOut: NaN }]) assert.throws(() => s.add(bad), RangeError);
});

test("errors", () => {
  const e = MabusError.from({ code: "overloaded", message: "full", details: { reason: "mailbox_full", retry_after: "2s" } });
  assert.equal(e.reason, "mailbox_full");
  assert.deepEqual(e.toJSON(), { code: "overloaded", message: "full", details: { reason: "mailbox_full", retry_after: "2s" } });
  assert.equal(MabusError.from({ code: "of another version" }).code, "internal");
  assert.equal(MabusError.from("text").message, "text");
  assert.deepEqual(MabusError.of(new Error("out of paper")).toJSON(), { code: "failed_precondition", message: "Error: out of paper", details: { reason: "agent_error" } });
  assert.equal(new MabusError("invalid", "half \ud800").toJSON().message, "half \ufffd");
});
