import { headers } from "@nats-io/nats-core";
import { MabusError } from "./error.js";
import { write } from "./json.js";
import { H, type Wire } from "./wire.js";

/** Answers a message with what its handler returned. */
export async function reply(wire: Wire, to: string, result: Uint8Array | MabusError, usage: string | undefined): Promise<void> {
  const h = headers();
  if (usage !== undefined) h.set(H.usage, usage);
  if (result instanceof MabusError) return wire.replyError(to, result, h);
  try {
    const { data } = await wire.pack(result, h);
    wire.nc.publish(to, data, { headers: h });
  } catch (e) { // the work is done all the same
    const why = MabusError.of(e);
    wire.replyError(to, new MabusError(why.code, why.message, { ...why.details, maybe_executed: true }), h);
  }
}

/** Usage as a header. */
export function usageHeader(wired: object | undefined): string | undefined {
  return wired === undefined ? undefined : write(wired);
}
