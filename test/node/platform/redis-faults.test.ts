import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { systemClock, unixSeconds } from "../../../src/base/time.ts";
import type { RedisAddress } from "../../../src/platform/redis/redis-connection.ts";
import { clusterProcess } from "../../support/cluster-process.ts";
import { connectTo, noRedis, type RedisServer, startRedis, startSentinel } from "../../support/redis-server.ts";

const folder = mkdtempSync(join(tmpdir(), "stagedoor-faults-"));
const begun: Pick<RedisServer, "remove">[] = [];
const closing: (() => Promise<void>)[] = [];
let files = 0;

const now = systemClock();
const later = unixSeconds(now + 3600);
const entry = (value: string) => ({ kind: "asset", value, cause: "revoked", at: now, until: later }) as const;
const claim = (sessionId: string) => ({
  sessionId,
  assetId: "vod",
  login: undefined,
  now: systemClock(),
  expiresAt: later,
  limit: 1,
  takeover: false,
  network: undefined,
});
const touch = (sessionId: string) => ({ ...claim(sessionId), issuedAt: now, playlist: false, mostNetworks: 3 });

async function server(...options: readonly string[]): Promise<RedisServer> {
  const started = await startRedis(options);
  begun.push(started);
  return started;
}

async function processAt(address: RedisAddress, durable?: "elsewhere") {
  const file = join(folder, `${files++}.sqlite`);
  const process = await clusterProcess({ address, prefix: "tv:test:", file, ...(durable && { durable }) });
  closing.push(process.stores.close);
  return process;
}

/** Retries until the store answers. */
const answered = <Value>(work: () => Promise<Value>) => expect.poll(() => work().catch(() => undefined));

function faults() {
  it("stopped: no process admits anyone on an old copy, and all continue when it runs again", async () => {
    const redis = await server();
    const process = await processAt({ type: "server", url: redis.url });
    const watch = process.watch();
    expect((await watch.fresh()).ok).toBe(true);
    await process.streams("ann").claim(claim("s1"));
    redis.process.kill("SIGSTOP");
    await expect.poll(async () => (await watch.current(() => undefined)).ok).toBe(false);
    await expect(process.streams("ann").touch(touch("s1"))).rejects.toThrow("in time");
    redis.process.kill("SIGCONT");
    await answered(() => process.streams("ann").touch(touch("s1"))).toMatchObject({ status: "granted" });
    await expect.poll(async () => (await watch.current(() => undefined)).ok).toBe(true);
  });

  it("killed and started empty: nobody reads it before revocations and ends are in it again", async () => {
    const redis = await server();
    const address = { type: "server", url: redis.url } as const;
    const [api, media] = [await processAt(address), await processAt(address, "elsewhere")];
    await api.streams("ann").claim(claim("s1"));
    await api.streams("ann").end({ sessionId: "s1", now, expiresAt: later, cause: "revoked" });
    await api.stores.revocations.append([entry("film")], "operator");
    await redis.kill();
    await expect(media.valuesAfter()).rejects.toThrow();
    await redis.start();
    // Whatever the media process reads, it is never an empty log.
    const answers: unknown[] = [];
    await expect
      .poll(async () => {
        const answer = await media.valuesAfter().catch(() => "refused");
        answers.push(answer);
        return answer;
      })
      .toEqual(["film"]);
    expect(answers).not.toContainEqual([]);
    expect(await media.streams("ann").touch(touch("s1"))).toMatchObject({ status: "ended", cause: "revoked" });
  });

  it("failed over by Sentinel: leases continue, and what the replica had not received is restored", async () => {
    const primary = await server();
    const replica = await server("--replicaof", "127.0.0.1", String(primary.port));
    const sentinel = await startSentinel("films", primary.port);
    begun.push(sentinel);
    const process = await processAt({ type: "sentinel", sentinels: [sentinel.url], name: "films" });
    await process.streams("ann").claim(claim("s1"));
    const copy = await connectTo(replica.url);
    closing.push(copy.close);
    await expect.poll(() => copy.command("k", "EXISTS", "tv:test:lease:ann")).toBe(1);
    await expect.poll(() => sentinel.replicas()).toBe(1);
    // On the disk and in no Redis: as a write that the replica had not received.
    await process.disk.log.append([entry("film")], "operator");
    await primary.kill();
    await answered(() => process.streams("ann").claim(claim("s2"))).toMatchObject({ status: "limited" });
    await answered(process.valuesAfter).toEqual(["film"]);
  });

  it("a cluster: the keys of each script are on one node, and its messages reach every process", async () => {
    const redis = await server("--cluster-enabled", "yes");
    const direct = await connectTo(redis.url);
    await direct.command("", "CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    await expect.poll(async () => String(await direct.command("", "CLUSTER", "INFO"))).toContain("cluster_state:ok");
    await direct.close();
    const process = await processAt({ type: "cluster", nodes: [redis.url] });
    const watch = process.watch();
    await watch.fresh();
    process.stores.onRevocation(() => void watch.catchUp());
    await process.streams("ann").claim(claim("s1"));
    expect(await process.streams("ann").claim(claim("s2"))).toMatchObject({ status: "limited" });
    await process.stores.revocations.append([entry("film")], "operator");
    await expect.poll(() => watch.atHand(() => undefined)?.entries.asset.has("film")).toBe(true);
    await process.stores.sweep();
    expect(await process.valuesAfter()).toEqual(["film"]);
  });
}

if (noRedis === undefined) {
  afterEach(async () => {
    await Promise.allSettled(closing.splice(0).map((close) => close()));
    await Promise.all(begun.splice(0).map(({ remove }) => remove()));
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  describe("a Redis that is", faults);
} else it("a Redis that fails loses no revocation", ({ skip }) => skip(noRedis));
