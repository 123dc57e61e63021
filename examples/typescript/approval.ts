// An agent for long tasks: it pays orders, and asks a person about the large ones, which may take days.
//
//     mabus agents start payer --capability pay -- node $PWD/examples/typescript/dist/approval.js
//     mabus tasks submit pay --id march '{"orders":[{"id":"a","amount":20},{"id":"b","amount":5000}],"limit":100}'
//     mabus tasks follow march
//     mabus tasks answer march true
import { serve } from "@mabus/agent/exec";

interface State { next: number; paid: string[]; refused: string[] }

await serve(async (message) => {
  const { orders, limit = 100 } = message.payload;
  const state: State = message.checkpoint ?? { next: 0, paid: [], refused: [] };
  while (state.next < orders.length) {
    const order = orders[state.next];
    const approved = order.amount <= limit || (await message.ask({ approve: order })) === true;
    (approved ? state.paid : state.refused).push(order.id); // here the order would be paid, by its id
    state.next++;
    await message.save(state);
    await message.progress({ done: state.next, of: orders.length });
  }
  return { paid: state.paid, refused: state.refused };
});
