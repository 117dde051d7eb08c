import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type RateWindow, takeFrom } from "../../../src/auth/rate-limit.ts";
import {
  seconds,
  systemClock,
  systemMillisecondClock,
  systemTimer,
  unixMilliseconds,
  unixSeconds,
} from "../../../src/base/time.ts";
import { editInTurn } from "../../../src/catalog/edit-in-turn.ts";
import { nodeSha256, oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import type { Redis } from "../../../src/platform/redis/redis-connection.ts";
import { redisRevocationLog } from "../../../src/platform/redis/redis-revocations.ts";
import {
  type RedisPart,
  redisCatalog,
  redisLeases,
  redisLimits,
  redisProofs,
} from "../../../src/platform/redis/redis-stores.ts";
import { documentStreams } from "../../../src/sessions/document-streams.ts";
import type { StreamsOf } from "../../../src/sessions/lease.ts";
import type { LeaseDocuments } from "../../../src/sessions/lease-document.ts";
import { connectTo, noRedis, type RedisServer, startRedis } from "../../support/redis-server.ts";
import { limitsContract } from "../../unit/auth/limits-contract.ts";
import { proofsContract } from "../../unit/auth/proofs-contract.ts";
import { catalogEditingContract } from "../../unit/catalog/catalog-editing-contract.ts";
import { quotaContract } from "../../unit/sessions/quota-contract.ts";
import { revocationLogContract } from "../../unit/sessions/revocation-log-contract.ts";
import { signOutContract } from "../../unit/sessions/sign-out-contract.ts";
import { startedByContract } from "../../unit/sessions/started-by-contract.ts";
import { at, claimOf, streamsContract } from "../../unit/sessions/streams-contract.ts";

let server: RedisServer;
const opened: Redis[] = [];
let parts = 0;

/** Another connection, as another process has one. */
async function connect(): Promise<Redis> {
  const redis = await connectTo(server.url);
  opened.push(redis);
  return redis;
}

/** A deployment of its own, through the first connection or another. */
function part(redis = opened[0], prefix = `test-${parts++}:`): RedisPart {
  if (redis === undefined) throw new Error("Redis is not connected yet");
  return { redis, prefix };
}

const isWhole = async () => true;

function streamsIn(documents: LeaseDocuments): StreamsOf {
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const times = { leaseTtl: seconds(90), writeInterval: seconds(30) };
  return documentStreams({ documents, times, secrets: { hmac: oneShotHmac, random }, clock: systemClock });
}

function editingIn(all: RedisPart) {
  const { load, replace } = redisCatalog(all);
  return editInTurn({
    store: { load, save: replace },
    notes: { read: () => undefined, write: () => undefined },
    clock: systemClock,
    timer: systemTimer,
    sha256: nodeSha256,
  });
}

function contracts() {
  for (const contract of [streamsContract, signOutContract, quotaContract, startedByContract])
    contract("Redis", () => {
      const documents = redisLeases(part(), isWhole);
      const writes = new Map<string, number>();
      const counted: LeaseDocuments = {
        read: documents.read,
        replace: async (...[name, known, document]) => {
          const written = await documents.replace(name, known, document);
          if (written) writes.set(name, (writes.get(name) ?? 0) + 1);
          return written;
        },
      };
      let streams = streamsIn(counted);
      return {
        streamsOf: (subject, older) => streams(subject, older),
        writes: async (subject) => writes.get(subject) ?? 0,
        restart: async () => {
          streams = streamsIn(counted);
        },
      };
    });

  revocationLogContract(
    "Redis",
    () => {
      const log = redisRevocationLog(part(), systemMillisecondClock, { pageSize: 100, fullAt: 100_000 });
      // The contract begins with a store that is whole.
      const whole = log.declareWhole(undefined);
      const after =
        <Words extends readonly unknown[], Answer>(call: (...words: Words) => Promise<Answer>) =>
        async (...words: Words) => {
          await whole;
          return call(...words);
        };
      return { append: after(log.append), shorten: after(log.shorten), lift: after(log.lift), since: after(log.since) };
    },
    100,
  );
  limitsContract(
    "Redis",
    { take: (...words) => redisLimits({ ...part(), prefix: "limits:" }).take(...words) },
    async () => undefined,
  );
  proofsContract("Redis", () => redisProofs(part()));
  catalogEditingContract("Redis", async () => {
    const all = part();
    const store = redisCatalog(all);
    let editing = editingIn(all);
    return {
      editing: {
        read: () => editing.read(),
        put: (...words) => editing.put(...words),
        set: (id, members) => editing.set(id, members),
        remove: (id) => editing.remove(id),
      },
      text: store.load,
      write: store.save,
      restart: async () => {
        editing = editingIn(all);
      },
    };
  });
}

function ownRules() {
  it("counts a request in Redis as the rule in TypeScript does, whatever came before", async () => {
    const step = fc.record({
      at: fc.integer({ min: 0, max: 200 }),
      quota: fc.integer({ min: 0, max: 4 }),
      window: fc.constantFrom(10, 60.5, 100),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        const limits = redisLimits(part());
        let known: RateWindow | undefined;
        for (const { at: second, quota, window } of steps) {
          const policy = { name: "p", quota, window: seconds(window) };
          const taken = takeFrom(known, policy, at(second));
          known = taken.window;
          expect(await limits.take(policy, "name", at(second))).toEqual(taken.standing);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("together the processes grant no more streams than the limit", async () => {
    const { prefix } = part();
    const processes = await Promise.all([1, 2, 3].map(async () => redisLeases(part(await connect(), prefix), isWhole)));
    const streams = processes.map(streamsIn);
    const claims = Array.from({ length: 60 }, (_, i) =>
      streams[i % 3]?.("viewer").claim(claimOf(`s${i}`, 0, { limit: 2 })),
    );
    const statuses = (await Promise.all(claims)).map((answer) => answer?.status);
    expect(statuses.filter((status) => status === "granted")).toHaveLength(2);
  });

  it("together the processes lose no change of the catalog", async () => {
    const all = part();
    const editors = [editingIn(all), editingIn({ ...all, redis: await connect() })];
    const asset = (id: string) => ({ id, origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` }, entry: "a.m3u8" });
    const ids = Array.from({ length: 10 }, (_, i) => `film-${i}`);
    const results = await Promise.all(ids.map((id, i) => editors[i % 2]?.put(id, asset(id))));
    expect(results.map((result) => result?.ok)).toEqual(ids.map(() => true));
    const read = await editors[0]?.read();
    expect(read?.ok && read.value.assets.length).toBe(10);
  });

  it("together the processes lose no revocation", async () => {
    const all = part();
    const logs = [all, { ...all, redis: await connect() }].map((one) =>
      redisRevocationLog(one, systemMillisecondClock),
    );
    await logs[0]?.declareWhole(undefined);
    const until = unixSeconds(systemClock() + 3600);
    const entry = { kind: "asset", cause: "revoked", at: systemClock(), until } as const;
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => logs[i % 2]?.append([{ ...entry, value: `a${i % 20}` }], "operator")),
    );
    expect((await logs[1]?.since(0))?.entries.map(({ value }) => value).toSorted()).toEqual(
      Array.from({ length: 20 }, (_, i) => `a${i}`).toSorted(),
    );
  });

  it("everything except the catalog and the log's own numbers expires", async () => {
    const all = part();
    const streams = streamsIn(redisLeases(all, isWhole));
    await streams("ann").claim(claimOf("s0", 0));
    await redisLimits(all).take({ name: "p", quota: 1, window: seconds(60) }, "ann", at(0));
    await redisProofs(all).firstUse("key", "proof", at(60));
    const names = [`${all.prefix}lease:ann`, `${all.prefix}quota:p:ann`, `${all.prefix}proof:key:proof`];
    const ends = await Promise.all(names.map((name) => all.redis.command(name, "PEXPIRETIME", name)));
    // A lease and its margins after the grant's expiry; the quota's window; the proof's own time.
    expect(ends).toEqual([at(3600 + 90 + 60 + 60), at(60), at(60)].map((end) => end * 1000));
    const log = redisRevocationLog(all, () => systemMillisecondClock());
    const entry = {
      kind: "asset",
      value: "a",
      cause: "revoked",
      at: at(0),
      until: unixSeconds(systemClock() + 1),
    } as const;
    await log.append([entry], "operator");
    const later = redisRevocationLog(all, () => unixMilliseconds(Date.now() + 2_000));
    await later.removeEnded();
    const kept = await all.redis.command(`${all.prefix}{log}:rows`, "EXISTS", `${all.prefix}{log}:rows`);
    expect(kept).toBe(0);
  });

  it("a stored text that is not a document is an error and no empty list", async () => {
    const all = part();
    const key = `${all.prefix}lease:ann`;
    await all.redis.command(key, "SET", key, "something else");
    await expect(streamsIn(redisLeases(all, isWhole))("ann").running(at(0))).rejects.toThrow();
  });
}

if (noRedis === undefined) {
  beforeAll(async () => {
    server = await startRedis();
    await connect();
  });
  afterAll(async () => {
    await Promise.all(opened.map((redis) => redis.close()));
    await server.remove();
  });
  contracts();
  describe("the stores in Redis", ownRules);
} else it("the stores in Redis follow the contracts of every store", ({ skip }) => skip(noRedis));
