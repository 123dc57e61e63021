// The worker of the conformance kit in TypeScript: it does what test/conformance/README.md lists.
import { MabusError, serve, type Keeper, type Message } from "@mabus/agent/exec";

type Behaviour = (message: Message, payload: any, keeper: Keeper) => unknown;

const kept: unknown[] = [];

const behaviours: Record<string, Behaviour> = {
  echo: (_, p) => p.value,
  about: (m) => ({
    task: m.task ?? null, attempt: m.attempt, checkpoint: m.checkpoint, principal: m.principal ?? null, job: m.job ?? null,
    session: m.session ?? null, cast: m.isCast, agent: m.self.agent.id, config: m.self.config,
  }),
  fail: (_, p) => {
    throw p.code === undefined ? new Error(p.message) : new MabusError(p.code, p.message, p.reason);
  },
  stream: async (m, { n }) => {
    for (let i = 1; i <= n; i++) {
      await m.chunk(i);
      await m.progress({ done: i, of: n });
    }
    return n;
  },
  steps: async (m, p) => {
    const from: number = m.checkpoint?.done ?? 0;
    let done = from;
    while (done < p.n) {
      await m.save({ done: ++done });
      if (done === p.crash_at && m.attempt === 1) process.exit(3);
    }
    return { from, done };
  },
  approve: async (m, p) => {
    if (m.checkpoint === null) await m.save({ done: 1 });
    return { answer: await m.ask(p.question) };
  },
  ask: async (m, p) => ({ answer: await m.ask(p.question) }),
  slow: async (m) => {
    await m.chunk("begun");
    await new Promise((_, fail) => m.signal.addEventListener("abort", () => fail(m.signal.reason)));
  },
  call: (m, p) => {
    const options = p.timeout === undefined ? {} : { timeout: p.timeout * 1000 };
    return p.capability === undefined ? m.call(p.agent, p.payload, options) : m.callCapability(p.capability, p.payload, options);
  },
  cast: (m, p) => m.cast(p.agent, p.payload),
  spend: (m, p) => {
    m.spend({ tokensIn: p.tokens_in, tokensOut: p.tokens_out });
    m.spend({ cost: p.cost });
    if (p.fail) throw new MabusError("unavailable", "the model is away");
  },
  crash: () => process.exit(3),
  noise: () => {
    console.log("noise on standard output");
    process.stdout.write("more noise on standard output\n");
    console.error("noise on standard error");
  },
  nan: () => NaN,
  state: (_, __, { state, version }) => ({ state, version }),
  keep: async (_, p, keeper) => {
    kept.push(p.value);
    await keeper.save(p.value);
  },
  log: (m, p) => m.log(p.message, p.level),
};

await serve((message, keeper) => {
  const payload = message.session === undefined ? message.payload : message.payload.ask;
  const behaviour = behaviours[payload?.do];
  if (behaviour === undefined) throw new MabusError("invalid", `this worker does not know how to ${payload?.do}`);
  return behaviour(message, payload, keeper);
}, { state: () => kept.length === 0 ? null : { last: kept.at(-1) } });
