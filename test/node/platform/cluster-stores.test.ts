import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { seconds, systemClock, unixSeconds } from "../../../src/base/time.ts";
import { StoredGathering } from "../../../src/metrics/stored-gathering.ts";
import type { NodeStores } from "../../../src/platform/node/node-stores.ts";
import { openSqlite } from "../../../src/platform/node/sqlite-database.ts";
import { gatheredIn } from "../../../src/platform/node/sqlite-stores.ts";
import { clusterGathered } from "../../../src/platform/redis/cluster-gathered.ts";
import type { Redis } from "../../../src/platform/redis/redis-connection.ts";
import type { LeaseClaim } from "../../../src/sessions/lease.ts";
import type { Revocation } from "../../../src/sessions/revocation.ts";
import { forbiddenBy } from "../../../src/sessions/revocation-snapshot.ts";
import { clusterProcess, type ProcessParts } from "../../support/cluster-process.ts";
import { connectTo, noRedis, type RedisServer, startRedis } from "../../support/redis-server.ts";
import { countOf, gatheredContract, reportOf, sessionOf } from "../../unit/metrics/gathered-contract.ts";

const folder = mkdtempSync(join(tmpdir(), "stagedoor-cluster-"));
let server: RedisServer;
let shared: Redis;
let names = 0;
const open: NodeStores[] = [];

const now = systemClock();
const later = unixSeconds(now + 3600);
const entry = (value: string, more: Partial<Revocation> = {}): Revocation => ({
  kind: "asset",
  value,
  cause: "revoked",
  at: now,
  until: later,
  ...more,
});
const claim = (sessionId: string): LeaseClaim => ({
  sessionId,
  assetId: "vod",
  login: undefined,
  now: systemClock(),
  expiresAt: later,
  limit: 3,
  takeover: false,
  network: undefined,
});
const touch = (sessionId: string, login?: string) => ({
  ...claim(sessionId),
  issuedAt: now,
  login,
  playlist: false,
  mostNetworks: 3,
});

/** A process of a deployment on this file's Redis. */
async function processOf(prefix: string, more: Partial<ProcessParts> = {}) {
  const file = join(folder, `${names++}.sqlite`);
  const process = await clusterProcess({ address: { type: "server", url: server.url }, prefix, file, ...more });
  open.push(process.stores);
  return process;
}

/** A name that no other test uses. */
const deployment = () => `cluster-${names++}:`;

/** Empties a deployment's part, as a restart without a disk does. */
async function lose(prefix: string): Promise<void> {
  const keys = await shared.command(prefix, "KEYS", `${prefix}*`);
  for (const key of Array.isArray(keys) ? keys : []) await shared.command(String(key), "DEL", String(key));
}

function gatheredRules() {
  gatheredContract(
    "Redis",
    () => {
      const fresh = clusterGathered(
        { redis: shared, prefix: deployment() },
        { clock: systemClock, leaseTtl: seconds(90), listens: false },
      );
      return {
        report: async (report) => (await fresh).report(report),
        counts: async () => (await fresh).counts(),
        sessions: async (query) => (await fresh).sessions(query),
        refusals: async () => (await fresh).refusals(),
        groups: async (by) => (await fresh).groups(by),
        ofViewer: async (subjects) => (await fresh).ofViewer(subjects),
        history: async () => (await fresh).history(),
        events: async (after, limit) => (await fresh).events(after, limit),
        actions: async () => (await fresh).actions(),
      };
    },
    systemClock,
  );

  it("lists the live sessions of all processes, and counts each in its own process", async () => {
    const [prefix, options] = [deployment(), { clock: systemClock, leaseTtl: seconds(90), listens: true }];
    const [one, other] = await Promise.all([1, 2].map(() => clusterGathered({ redis: shared, prefix }, options)));
    const report = { worker: "edge", counts: [], refusals: [], alive: [sessionOf("s1", systemClock())], ended: [] };
    await one?.report(report);
    await expect.poll(async () => (await other?.sessions({ limit: 9 }))?.count).toBe(1);
    expect(await other?.counts()).toEqual([["stagedoor_sessions", 0]]);
  });

  it("counts each report of all processes once on each machine, whatever number of its processes receive it", async () => {
    const [prefix, file] = [deployment(), join(folder, `${names++}.sqlite`)];
    const options = { clock: systemClock, leaseTtl: seconds(90) };
    const onThisMachine = async () => {
      const database = openSqlite(file, { durable: false });
      const stored = gatheredIn(new StoredGathering(database, systemClock, seconds(90)));
      return clusterGathered({ redis: shared, prefix }, { ...options, listens: true, stored });
    };
    const [one, other] = [await onThisMachine(), await onThisMachine()];
    const elsewhere = await clusterGathered({ redis: shared, prefix }, { ...options, listens: false });
    const started = "stagedoor_started_total";
    const reportFrom = (isolate: string) => reportOf({ from: { isolate, sequence: 1 }, counts: [[started, 1]] });
    for (const [isolate, gathered] of Object.entries({ one, other, elsewhere }))
      await gathered.report(reportFrom(isolate));
    for (const gathered of [one, other]) await expect.poll(() => countOf(gathered, started)).toBe(3);
  });
}

function restoring() {
  it("has every revocation, end and sign-out again before its first answer, and the catalog", async () => {
    const prefix = deployment();
    const { stores, streams, valuesAfter } = await processOf(prefix);
    expect(await valuesAfter()).toEqual([]);
    await stores.catalog.replace("{}", undefined);
    await stores.revocations.append([entry("film")], "operator");
    await streams("ann").claim(claim("s1"));
    await streams("ann").end({ sessionId: "s1", now, expiresAt: later, cause: "taken" });
    await streams("bob").endLogin({ login: "phone", now, until: later });
    await lose(prefix);
    expect(await valuesAfter()).toEqual(["film"]);
    expect(await streams("ann").touch(touch("s1"))).toMatchObject({ status: "ended", cause: "taken" });
    expect(await streams("bob").touch(touch("s2", "phone"))).toMatchObject({ status: "ended" });
    expect(await streams("ann").touch(touch("s3"))).toMatchObject({ status: "granted" });
    expect(await stores.catalog.load()).toBe("{}");
    await lose(prefix);
    expect(await stores.catalog.load()).toBe("{}");
  });

  it("is not read by a process without the log until another has restored it", async () => {
    const prefix = deployment();
    const api = await processOf(prefix);
    const media = await processOf(prefix, { durable: "elsewhere" });
    await api.stores.revocations.append([entry("film")], "operator");
    await api.valuesAfter();
    await lose(prefix);
    await expect(media.valuesAfter()).rejects.toThrow("Redis is new");
    await expect(media.streams("ann").touch(touch("s1"))).rejects.toThrow("Redis is new");
    await api.valuesAfter();
    expect(await media.valuesAfter()).toEqual(["film"]);
    expect(await media.streams("ann").touch(touch("s1"))).toMatchObject({ status: "granted" });
  });

  it("gets what was revoked while Redis was away, and what another machine revoked", async () => {
    const prefix = deployment();
    const [first, second] = [await processOf(prefix), await processOf(prefix)];
    await first.valuesAfter();
    await second.valuesAfter();
    await first.disk.log.append([entry("revoked-while-away")], "operator");
    await second.stores.revocations.append([entry("of-the-second"), entry("lifted")], "operator");
    const { cursor } = await first.stores.revocations.since(0);
    await second.stores.revocations.lift("asset", "lifted");
    await first.stores.revocations.since(cursor);
    await lose(prefix);
    expect(await first.valuesAfter()).toEqual(["of-the-second", "revoked-while-away"]);
  });

  it("writes a revocation to the disk also if Redis does not answer, and to Redis afterwards", async () => {
    const prefix = deployment();
    const first = await processOf(prefix);
    await first.valuesAfter();
    first.setAway(true);
    await expect(first.stores.revocations.append([entry("film")], "operator")).rejects.toThrow();
    expect((await first.disk.log.rows()).map(({ value }) => value)).toEqual(["film"]);
    first.setAway(false);
    expect(await first.valuesAfter()).toEqual(["film"]);
    expect(await (await processOf(prefix, { durable: "elsewhere" })).valuesAfter()).toEqual(["film"]);
  });
}

function withoutLog() {
  const session = { sessionId: "s", subject: "u", kid: "k" };
  it("refuses grants from before, and accepts those from then on", async () => {
    const snapshot = await (await processOf(deployment(), { durable: "none" })).watch().fresh();
    if (!snapshot.ok) throw new Error(snapshot.refusal.reason);
    const since = snapshot.value.notBefore ?? 0;
    expect(since).toBeGreaterThanOrEqual(now);
    const judged = [since - 1, since].map((at) =>
      forbiddenBy(snapshot.value, { ...session, issuedAt: unixSeconds(at) }, "film"),
    );
    expect(judged.map((found) => found?.cause)).toEqual(["revoked", undefined]);
  });

  it("admits them if the operator says so", async () => {
    const options = { durable: "none", admitOlderGrants: true } as const;
    const snapshot = await (await processOf(deployment(), options)).watch().fresh();
    expect(snapshot.ok && snapshot.value.notBefore).toBe(undefined);
  });

  it("reports each revocation to every process, which reads it without being asked", async () => {
    const prefix = deployment();
    const [one, other] = [await processOf(prefix, { durable: "none" }), await processOf(prefix, { durable: "none" })];
    const watch = other.watch();
    await watch.fresh();
    other.stores.onRevocation(() => void watch.catchUp());
    await one.stores.revocations.append([entry("film")], "operator");
    await expect.poll(() => watch.atHand(() => undefined)?.entries.asset.has("film")).toBe(true);
  });
}

if (noRedis === undefined) {
  beforeAll(async () => {
    server = await startRedis();
    shared = await connectTo(server.url);
  });
  afterEach(async () => {
    await Promise.all(open.splice(0).map((stores) => stores.close()));
  });
  afterAll(async () => {
    await shared.close();
    await server.remove();
    rmSync(folder, { recursive: true });
  });
  describe("the counts and sessions of several processes", gatheredRules);
  describe("a Redis that lost its data, with a durable log,", restoring);
  describe("a Redis without a durable log", withoutLog);
} else it("a Redis that lost its data is restored", ({ skip }) => skip(noRedis));
