import { type Seconds, systemClock, systemMillisecondClock } from "../../base/time.ts";
import type { Gathered } from "../../metrics/gathered.ts";
import { documentStreams } from "../../sessions/document-streams.ts";
import type { LeaseDocuments } from "../../sessions/lease-document.ts";
import { leaseTimes } from "../../sessions/lease-rules.ts";
import { entryOfRow, inGroups, isOfBeginning, type RevocationLog } from "../../sessions/revocation.ts";
import { oneShotHmac } from "../node/node-crypto.ts";
import type { NodeStores } from "../node/node-stores.ts";
import type { CatalogText } from "../node/sqlite-stores.ts";
import { clusterGathered } from "./cluster-gathered.ts";
import type { DurableLog } from "./durable-log.ts";
import type { Redis } from "./redis-connection.ts";
import { changesOf, type RedisRevocationLog, redisRevocationLog } from "./redis-revocations.ts";
import { type RedisPart, redisCatalog, redisLeases, redisLimits, redisProofs } from "./redis-stores.ts";

export interface ClusterParts {
  readonly redis: Redis;
  /** The beginning of all keys of the deployment, such as `tv:production:`. */
  readonly prefix: string;
  readonly leaseTtl: Seconds;
  /**
   * What this process restores a Redis from that has lost its data. "elsewhere": another process does that, and this one
   * waits for it. "none": nothing is restored, and grants from before are refused.
   */
  readonly durable: { readonly log: DurableLog; readonly catalog: CatalogText } | "elsewhere" | "none";
  /** Whether grants are accepted that are older than a store without a durable log. */
  readonly admitOlderGrants: boolean;
  /** Whether this process lists the live sessions of all processes. */
  readonly listsSessions: boolean;
  /** Where it keeps the counts of all processes; undefined: it has only its own. */
  readonly stored?: Gathered | undefined;
  /** Called if a Redis cannot be restored. */
  readonly onError: (error: Error) => void;
  /** Closes what the caller opened, after Redis. */
  readonly close: () => Promise<void>;
}

/** All stores of a process in Redis, with revocations and ends in a durable log. A new Redis is restored first. */
export async function clusterStores(parts: ClusterParts): Promise<NodeStores> {
  const { redis, prefix, leaseTtl } = parts;
  const disk = ownDisk(parts);
  const part: RedisPart = { redis, prefix };
  const log = redisRevocationLog(part, systemMillisecondClock);
  const leases = redisLeases(part, log.isWhole);
  const catalog = redisCatalog(part);
  const restorer = new Restorer(part, log, parts);
  redis.onReconnect(() => restorer.begin());
  // If this fails, each read tries again.
  await restorer.done().catch(parts.onError);
  return {
    leases: disk === undefined ? leases : durableLeases(leases, disk.log),
    revocations: durableRevocations(log, restorer, parts),
    catalog: disk === undefined ? catalog : durableCatalog(catalog, disk.catalog),
    limits: redisLimits(part),
    proofs: redisProofs(part),
    gathered: await clusterGathered(part, {
      clock: systemClock,
      leaseTtl,
      listens: parts.listsSessions,
      stored: parts.stored,
    }),
    onRevocation: (listener) => {
      redis.subscribe(changesOf(prefix), listener).catch(parts.onError);
      redis.onReconnect(listener);
    },
    readinessChecks: { redis: async () => (await redis.command(prefix, "PING")) === "PONG" },
    sweep: async () => {
      await log.removeEnded();
      if (disk === undefined) return;
      await disk.log.removeEnded();
      const text = await catalog.load();
      if (text !== undefined && text !== (await disk.catalog.load())) await disk.catalog.save(text);
    },
    close: async () => {
      await redis.close();
      await parts.close();
    },
  };
}

/** The durable log of this process, if it has one. */
function ownDisk({ durable }: ClusterParts) {
  return typeof durable === "string" ? undefined : durable;
}

/** Documents whose ends are on disk before they are in Redis. */
function durableLeases({ read, replace }: LeaseDocuments, log: DurableLog): LeaseDocuments {
  return {
    read,
    replace: async (name, known, document) => {
      if (document.durable) await log.noteEnds(name, document.text);
      return replace(name, known, document);
    },
  };
}

/** A catalog with a copy on disk, which a Redis gets that has none. */
function durableCatalog({ load, save, replace }: CatalogText, copy: CatalogText): CatalogText {
  return {
    load: async () => {
      const text = await load();
      if (text !== undefined) return text;
      const copied = await copy.load();
      if (copied !== undefined) await replace(copied, undefined);
      return load();
    },
    save: async (text) => {
      await save(text);
      await copy.save(text);
    },
    replace: async (text, base) => {
      const replaced = await replace(text, base);
      if (replaced) await copy.save(text);
      return replaced;
    },
  };
}

/** The log of all processes. A change is on disk before it is in Redis, and each reader restores a new Redis first. */
function durableRevocations(log: RedisRevocationLog, restorer: Restorer, parts: ClusterParts): RevocationLog {
  const disk = ownDisk(parts)?.log;
  /** Writes to Redis. What only the disk has is restored before the next read. */
  const write = async <Value>(work: Promise<Value>): Promise<Value> => {
    try {
      return await work;
    } catch (error) {
      restorer.begin();
      throw error;
    }
  };
  return {
    append: async (entries, by) => {
      await disk?.append(entries, by);
      return write(log.append(entries, by));
    },
    shorten: async (kind, value, until) => {
      await disk?.shorten(kind, value, until);
      return write(log.shorten(kind, value, until));
    },
    lift: async (kind, value) => {
      await disk?.lift(kind, value);
      return write(log.lift(kind, value));
    },
    since: async (cursor, detail) => {
      await restorer.done();
      // The disk keeps whole rows.
      const read = () => log.read(cursor, disk === undefined ? detail : "full");
      let page = await read();
      if (page === undefined) {
        restorer.begin();
        await restorer.done();
        page = await read();
      }
      if (page === undefined) throw new Error("Redis is new, and the API has not restored its revocations yet");
      const { rows, notBefore, ...delta } = page;
      await disk?.learn(rows);
      const now = systemClock();
      const reported = delta.reset ? rows.filter((row) => isOfBeginning(row, detail, now)) : rows;
      return {
        ...delta,
        ...(notBefore === undefined || parts.admitOlderGrants ? {} : { notBefore }),
        entries: reported.map((row) => entryOfRow(row, detail)),
      };
    },
  };
}

/** The number of subjects whose ends are restored at once. */
const atOnce = 100;

/** Restores a Redis that may have lost data: it was restarted, or another server follows it. */
class Restorer {
  readonly #work: () => Promise<void>;
  readonly #onError: (error: Error) => void;
  #isDue = true;
  #running: Promise<void> | undefined;

  constructor(part: RedisPart, log: RedisRevocationLog, parts: ClusterParts) {
    this.#work = () => restore(part, log, parts);
    this.#onError = parts.onError;
  }

  /** Restores now, and again if it was running already. */
  begin(): void {
    this.#isDue = true;
    this.done().catch(this.#onError);
  }

  /** Resolves when nothing is to be restored. Rejects if it failed: the next call tries again. */
  async done(): Promise<void> {
    while (this.#isDue || this.#running !== undefined) {
      this.#running ??= this.#once();
      await this.#running;
    }
  }

  async #once(): Promise<void> {
    this.#isDue = false;
    try {
      await this.#work();
    } catch (error) {
      this.#isDue = true;
      throw error;
    } finally {
      this.#running = undefined;
    }
  }
}

/** Writes everything of the durable log to Redis, by the rules of all writers: what is there already stays. */
async function restore(part: RedisPart, log: RedisRevocationLog, { durable, leaseTtl }: ClusterParts): Promise<void> {
  if (durable === "elsewhere") return;
  if (durable === "none") return log.declareWhole(systemClock());
  await log.restore(await durable.log.rows());
  const streamsOf = documentStreams({
    documents: redisLeases(part, async () => true),
    times: leaseTimes(leaseTtl),
    secrets: { hmac: oneShotHmac, random: (length) => crypto.getRandomValues(new Uint8Array(length)) },
    clock: systemClock,
  });
  const ends = await durable.log.ends();
  for (const some of inGroups(ends, atOnce))
    await Promise.all(
      some.map(async (end) => {
        const [streams, now] = [streamsOf(end.subject), systemClock()];
        if (end.kind === "login") await streams.endLogin({ login: end.value, now, until: end.until });
        else await streams.end({ sessionId: end.value, cause: end.cause, now, expiresAt: end.until });
      }),
    );
  await durableCatalog(redisCatalog(part), durable.catalog).load();
  await log.declareWhole(undefined);
}
