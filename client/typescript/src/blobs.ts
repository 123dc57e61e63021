import { createHash } from "node:crypto";
import { jetstream } from "@nats-io/jetstream";
import { nanos, nuid, type NatsConnection } from "@nats-io/nats-core";
import { Objm, type ObjectStore } from "@nats-io/obj";
import { MabusError } from "./error.js";

const maxSize = 256 << 20; // bytes of a body
const maxAge = 7 * 24 * 3_600_000; // of an object, in ms
const maxBytes = 4 * 2 ** 30; // of the store

/** The object store for bodies that are too large for one message. */
export class Blobs {
  readonly #nc: NatsConnection;
  readonly #bucket: string;
  #store: Promise<ObjectStore> | undefined;

  constructor(nc: NatsConnection, namespace: string) {
    this.#nc = nc;
    this.#bucket = `${namespace}_blobs`;
  }

  /** Stores a body and returns its reference. */
  async put(body: Uint8Array): Promise<string> {
    if (body.length > maxSize) throw new MabusError("invalid", `the body has ${body.length} bytes, at most ${maxSize} are allowed`, "payload_too_large");
    const name = nuid.next();
    await (await this.#open()).putBlob({ name }, body);
    return `${name}:${sha256(body)}:${body.length}`;
  }

  /** Returns the body of a reference, or an error; never other bytes. */
  async get(ref: string): Promise<Uint8Array> {
    const { name, sum, size } = parse(ref);
    const store = await this.#open();
    const info = await store.info(name);
    if (info === null || info.deleted) throw new MabusError("invalid", `the referenced body is not in the object store ${this.#bucket}: send it again`);
    if (info.size !== size) throw new MabusError("invalid", `the referenced body has ${info.size} bytes, its reference says ${size}`);
    const body = await store.getBlob(name);
    if (body === null || sha256(body) !== sum) throw new MabusError("invalid", "the referenced body is not the one that its reference names");
    return body;
  }

  /** Removes a body; one that is gone already is no error. */
  async delete(ref: string): Promise<void> {
    try {
      await (await this.#open()).delete(parse(ref).name);
    } catch { // the age bound takes it
    }
  }

  #open(): Promise<ObjectStore> {
    this.#store ??= this.#find().catch((e: unknown) => {
      this.#store = undefined; // the next one tries again
      throw new MabusError("unavailable", `open the object store ${this.#bucket}: ${String(e)}`);
    });
    return this.#store;
  }

  async #find(): Promise<ObjectStore> {
    const objm = new Objm(jetstream(this.#nc));
    try {
      return await objm.open(this.#bucket);
    } catch {
      return await objm.create(this.#bucket, {
        ttl: nanos(maxAge), max_bytes: maxBytes, replicas: 1, description: "Mabus: bodies too large for one message",
      });
    }
  }
}

function sha256(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("hex");
}

function parse(ref: string): { name: string; sum: string; size: number } {
  const m = /^([A-Za-z0-9_-]{1,64}):([0-9a-f]{64}):(\d{1,10})$/.exec(ref);
  if (m === null || Number(m[3]) > maxSize) throw new MabusError("invalid", `Mabus-Blob must be <name>:<sha256 in hex>:<size>, with a size of at most ${maxSize}`);
  return { name: m[1]!, sum: m[2]!, size: Number(m[3]) };
}
