// Does what a client does, with the conforming worker as the agent "peer" and principal bob, and fails if something is not as it should be.
import assert from "node:assert/strict";
import { connect, MabusError, type Part } from "@mabus/agent/nats";

const mabus = await connect({ servers: process.env.NATS_URL!, principal: "bob" });

const failure = async (work: Promise<unknown>): Promise<[string, string]> => {
  try {
    await work;
  } catch (e) {
    if (e instanceof MabusError) return [e.code, e.reason];
    throw e;
  }
  return ["", ""];
};

// Calls.
assert.deepEqual(await mabus.call("peer", { do: "echo", value: [1, "ä"] }), [1, "ä"]);
assert.equal(await mabus.callCapability("peer", { do: "echo", value: 7 }), 7);
assert.equal((await mabus.call("peer", { do: "about" })).principal, "bob");
await mabus.cast("peer", { do: "echo", value: 7 });
assert.deepEqual(await failure(mabus.call("peer", { do: "fail", code: "not_found", message: "no page", reason: "bad_page" })), ["not_found", "bad_page"]);
assert.deepEqual(await failure(mabus.call("nobody")), ["not_found", "agent_not_found"]);
assert.deepEqual(await failure(mabus.callCapability("nobody")), ["unavailable", "no_agent"]);
assert.deepEqual(await failure(mabus.call("no body")), ["invalid", ""]);
assert.deepEqual(await failure(mabus.call("peer", { do: "slow" }, { timeout: 100 })), ["deadline_exceeded", "timeout"]);
assert.deepEqual(await failure(mabus.call("peer", { do: "slow" }, { signal: AbortSignal.timeout(50) })), ["cancelled", ""]);
setTimeout(() => mabus.cancel("mine"), 200);
assert.deepEqual(await failure(mabus.call("peer", { do: "slow" }, { id: "mine" })), ["cancelled", ""]);
const large = "x".repeat(3 << 20);
assert.equal(await mabus.call("peer", { do: "echo", value: large }, { timeout: 30_000 }), large);
assert.equal((await mabus.method<{ id: string }>("registry.agents.get", { id: "peer" })).id, "peer");

// Streams: more than the credit of one grant, a question, an early end, an error.
let chunks = 0;
let last: Part | undefined;
for await (const part of mabus.stream("peer", { do: "stream", n: 500 })) {
  if (part.kind === "chunk") assert.equal(part.payload, ++chunks);
  last = part;
}
assert.equal(chunks, 500);
assert.deepEqual([last?.kind, last?.payload], ["result", 500]);
for await (const part of mabus.streamCapability("peer", { do: "ask", question: "which?" })) {
  if (part.kind === "need_input") part.answer("blue");
  last = part;
}
assert.deepEqual(last?.payload, { answer: "blue" });
for await (const part of mabus.stream("peer", { do: "slow" })) {
  assert.equal(part.payload, "begun");
  break;
}
for await (const part of mabus.stream("peer", { do: "echo", value: large })) last = part;
assert.equal(last?.payload, large);
const drain = async (...args: Parameters<typeof mabus.stream>): Promise<void> => {
  for await (const _ of mabus.stream(...args)) { /* whatever it says */ }
};
assert.deepEqual(await failure(drain("peer", { do: "fail", code: "overloaded", message: "full", reason: "mine" })), ["overloaded", "mine"]);
assert.deepEqual(await failure(drain("nobody")), ["not_found", "agent_not_found"]);
assert.deepEqual(await failure(drain("peer", { do: "slow" }, { timeout: 200 })), ["deadline_exceeded", "timeout"]);

// Tasks.
const task = await mabus.tasks.submit({ capability: "peer", id: "from-typescript", payload: { do: "approve", question: "may I?" } });
assert.equal(task.id, "from-typescript");
const kinds: string[] = [];
const follow = mabus.tasks.follow(task.id);
for (;;) {
  const next = await follow.next();
  if (next.done) {
    assert.deepEqual([next.value.status, next.value.result], ["succeeded", { answer: "yes" }]);
    break;
  }
  kinds.push(next.value.kind);
  if (next.value.kind === "need_input") { // the task is put aside in a moment
    while ((await mabus.tasks.get(task.id)).status !== "waiting_input") await new Promise((done) => setTimeout(done, 20));
    await mabus.tasks.answer(task.id, "yes", next.value.seq);
  }
}
assert.deepEqual(kinds.slice(0, 2), ["need_input", "input"]);
assert.equal((await mabus.tasks.get(task.id, { wait: 1000 })).status, "succeeded");
assert.deepEqual(await failure(mabus.tasks.cancel(task.id)), ["failed_precondition", "cannot_cancel"]);

// An agent that comes and goes.
const agent = await mabus.serve({ id: "guest", capabilities: ["guest"] }, async (m) => m.call("peer", { do: "about" }));
assert.equal((await mabus.call("guest")).principal, "bob");
assert.deepEqual(await failure(mabus.serve({ id: "guest" }, () => null)), ["conflict", "already_registered"]);
assert.equal((await mabus.callCapability("guest")).principal, "bob");
await agent.stop();
assert.deepEqual(await failure(mabus.call("guest")), ["not_found", "agent_not_found"]);
await mabus.close();
console.log("all of it");
