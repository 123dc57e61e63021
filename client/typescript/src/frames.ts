import { createWriteStream } from "node:fs";
import type { Writable } from "node:stream";
import { once } from "node:events";
import { write } from "./json.js";

/** Writes frames, one per line and in the order of the calls, without holding up the event loop while the host does not read. */
export class FrameWriter {
  readonly #out: Writable;

  constructor(fd: number) {
    this.#out = createWriteStream("", { fd, autoClose: false });
    this.#out.setMaxListeners(0); // one for each message that waits to write
    this.#out.on("error", () => process.exit(1)); // the host does not read any more
  }

  /** Queues a frame, and waits when much is queued. It throws a TypeError for what JSON does not hold. */
  async write(frame: Record<string, unknown>): Promise<void> {
    if (this.#out.write(write(frame) + "\n")) return;
    await once(this.#out, "drain");
  }

  /** Writes a frame, and waits until the host could read it even if the program ended now. */
  async flush(frame: Record<string, unknown>): Promise<void> {
    const line = write(frame) + "\n";
    await new Promise<void>((done) => this.#out.write(line, () => done()));
  }

  /** Waits until everything is written. */
  end(): Promise<void> {
    return new Promise((done) => this.#out.end(done));
  }
}

/** The lines of a stream, without line breaks and without empty ones. */
export async function* lines(input: NodeJS.ReadableStream): AsyncGenerator<string> {
  let rest: Buffer[] = [];
  for await (const data of input) {
    let chunk = data as Buffer;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10)) {
      rest.push(chunk.subarray(0, end));
      const line = Buffer.concat(rest).toString("utf8").trim();
      rest = [];
      chunk = chunk.subarray(end + 1);
      if (line !== "") yield line;
    }
    if (chunk.length > 0) rest.push(chunk);
  }
}
