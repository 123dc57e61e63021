// An agent in a process of its own, which speaks NATS itself and lives by its own lease. It needs no agent host.
//
//     NATS_URL=nats://127.0.0.1:4222 node examples/typescript/dist/external.js
//
// In strict mode it has credentials of its own: mabus auth add desk --kind agent --capability desk
//
//     NATS_CREDS=.mabus/auth/creds/mabus/desk.creds node examples/typescript/dist/external.js
//     mabus call --stream desk '{"text":"to be or not to be"}'
import { connect, MabusError } from "@mabus/agent/nats";

const mabus = await connect({ servers: process.env.NATS_URL ?? "nats://127.0.0.1:4222", credentials: process.env.NATS_CREDS });

await mabus.serve({ id: process.env.AGENT_ID ?? "desk", capabilities: ["desk"], concurrency: 4, mailbox: 64 }, async (message) => {
  if (message.session !== undefined) return true; // it agrees to whatever a session of the coordination asks
  const { text, ask, relay, n = 0, slow = false } = message.payload;
  if (ask !== undefined) return { answer: await message.ask(ask) };
  if (relay !== undefined) return await message.call(relay.agent, relay.payload);
  if (slow) await new Promise((_, fail) => message.signal.addEventListener("abort", () => fail(message.signal.reason)));
  for (let i = 0; i < n; i++) await message.chunk(i);
  if (typeof text !== "string") throw new MabusError("invalid", 'want {"text": "some words"}', "no_text");
  for (const word of text.split(" ")) if (text.length < 1000) await message.chunk(word);
  message.spend({ tokensIn: text.length, cost: 12 });
  return { text, principal: message.principal ?? null, job: message.job ?? null };
});

console.log("serving");
for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => void mabus.close().then(() => process.exit(0)));
