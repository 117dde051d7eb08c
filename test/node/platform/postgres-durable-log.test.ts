import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  type MillisecondClock,
  seconds,
  systemClock,
  systemMillisecondClock,
  unixSeconds,
} from "../../../src/base/time.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { openPostgres } from "../../../src/platform/postgres/postgres-database.ts";
import { postgresDurableLog } from "../../../src/platform/postgres/postgres-durable-log.ts";
import { clusterStores } from "../../../src/platform/redis/cluster-stores.ts";
import { documentStreams } from "../../../src/sessions/document-streams.ts";
import { durableLogContract } from "../../support/durable-log-contract.ts";
import { noPostgres, type PostgresServer, startPostgres } from "../../support/postgres-server.ts";
import { connectTo, noRedis, type RedisServer, startRedis } from "../../support/redis-server.ts";

const missing = noPostgres ?? noRedis;
let postgres: PostgresServer;
let redis: RedisServer;
let database: string;
let databases = 0;
const opened: (() => Promise<void>)[] = [];
const errors: unknown[] = [];

async function open(clock: MillisecondClock = systemMillisecondClock) {
  const address = { url: postgres.url(database), password: postgres.password, tls: false, ca: undefined };
  const onError = (error: unknown) => errors.push(error);
  const pool = openPostgres(address, onError, 4);
  opened.push(() => pool.end());
  return postgresDurableLog({ pool, clock, onError });
}

/** A machine of a deployment, with its own connections to the same Redis and the same log. */
async function machine() {
  const stores = await clusterStores({
    redis: await connectTo(redis.url),
    prefix: `${database}:`,
    leaseTtl: seconds(90),
    durable: await open(),
    admitOlderGrants: false,
    listsSessions: true,
    onError: (error) => errors.push(error),
    close: async () => undefined,
  });
  opened.unshift(stores.close);
  const random = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const times = { leaseTtl: seconds(90), writeInterval: seconds(30) };
  const secrets = { hmac: oneShotHmac, random };
  const streamsOf = documentStreams({ documents: stores.leases, times, secrets, clock: systemClock });
  return { stores, streams: streamsOf("ann") };
}

describe.skipIf(missing !== undefined)("the durable log in PostgreSQL", () => {
  beforeAll(async () => {
    [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  });
  afterAll(async () => {
    await redis.remove();
    await postgres.remove();
  });
  beforeEach(async () => {
    database = `log_${++databases}`;
    await postgres.query("postgres", `CREATE DATABASE ${database}`);
  });
  afterEach(async () => {
    for (const close of opened.splice(0)) await close();
    errors.length = 0;
  });

  durableLogContract(open);

  it("restores a Redis that was restarted empty with what another machine wrote, which is gone", async () => {
    const later = unixSeconds(systemClock() + 3600);
    const now = systemClock();
    const [first, second] = [await machine(), await machine()];
    const claim = { assetId: "vod", login: undefined, expiresAt: later, limit: 3, takeover: false, network: undefined };
    await first.streams.claim({ ...claim, sessionId: "s1", now });
    await first.streams.end({ sessionId: "s1", now, expiresAt: later, cause: "taken" });
    const film = { kind: "asset", value: "film", cause: "revoked", at: now, until: later } as const;
    await first.stores.revocations.append([film], "operator");
    await first.stores.catalog.replace("{}", undefined);
    await redis.kill();
    await redis.start();
    await expect
      .poll(async () => (await second.stores.revocations.since(0).catch(() => undefined))?.entries)
      .toMatchObject([film]);
    const touch = { ...claim, sessionId: "s1", now, issuedAt: now, playlist: false, mostNetworks: 3 };
    expect(await second.streams.touch(touch)).toMatchObject({ status: "ended", cause: "taken" });
    expect(await second.stores.catalog.load()).toBe("{}");
  });

  it("while it does not answer refuses what must be on disk, and neither delays nor fails a reader", async () => {
    const { stores, streams } = await machine();
    const [now, later] = [systemClock(), unixSeconds(systemClock() + 3600)];
    const film = { kind: "asset", value: "film", cause: "revoked", at: now, until: later } as const;
    await stores.revocations.append([film], "operator");
    await postgres.stop();
    await expect(stores.revocations.append([{ ...film, value: "other" }], "operator")).rejects.toThrow();
    expect((await stores.revocations.since(0)).entries).toMatchObject([film]);
    const claim = { assetId: "vod", login: undefined, expiresAt: later, limit: 3, takeover: false, network: undefined };
    expect(await streams.claim({ ...claim, sessionId: "s1", now })).toMatchObject({ status: "granted" });
    await expect(streams.end({ sessionId: "s1", now, expiresAt: later, cause: "taken" })).rejects.toThrow();
    await postgres.start();
    await stores.revocations.append([{ ...film, value: "other" }], "operator");
    expect((await stores.revocations.since(0)).entries).toHaveLength(2);
  });
});

if (missing !== undefined) it("the durable log can be in PostgreSQL", ({ skip }) => skip(missing));
