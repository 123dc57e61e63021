// An agent that counts the words of a text and says the most frequent ones one by one.
//
//     mabus agents start words -- node $PWD/examples/typescript/dist/summarise.js
//     mabus call --stream words '{"text":"to be or not to be","top":2}'
import { setTimeout } from "node:timers/promises";
import { MabusError, serve } from "@mabus/agent/exec";

await serve(async (message) => {
  const { text, top = 3, pause = 0 } = message.payload;
  if (typeof text !== "string") throw new MabusError("invalid", 'want {"text": "some words", "top": 3, "pause": 0}');
  const counts = new Map<string, number>();
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  const best = [...counts].sort((a, b) => b[1] - a[1]).slice(0, top);
  for (const [i, [word, count]] of best.entries()) {
    await message.chunk({ word, count });
    await message.progress({ done: i + 1, of: best.length });
    await setTimeout(pause * 1000, undefined, { signal: message.signal }); // whoever goes away is not worked for
  }
  return { words: words.length, different: counts.size };
});
