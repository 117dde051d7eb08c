import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newDevKeys, signDevToken } from "../../cli/lib/dev-keys.ts";
import { seconds, systemClock, unixSeconds } from "../../src/base/time.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { oneShotHmac } from "../../src/platform/node/node-crypto.ts";
import { mostSessions } from "../../src/platform/node/node-stores.ts";
import { redisLeases } from "../../src/platform/redis/redis-stores.ts";
import { documentStreams } from "../../src/sessions/document-streams.ts";
import { rememberLeases } from "../../src/sessions/lease-memory.ts";
import { leaseTimes } from "../../src/sessions/lease-rules.ts";
import { connectTo, type RedisServer, startRedis } from "../../test/support/redis-server.ts";
import { loadClient } from "../load.ts";
import { measureInTurn, speedRatio } from "../measure.ts";

/** A measured figure and its target. */
export interface StoreFigure {
  readonly name: string;
  readonly value: number;
  readonly target: string;
  readonly isMet: boolean;
}

const rounds = 7;
const startsPerRound = 1000;
const sessions = 100_000;

/** The figures of the stores, on a Redis of their own. */
export async function storeFigures(progress: (step: string) => void): Promise<readonly StoreFigure[]> {
  const redis = await startRedis();
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-bench-"));
  try {
    progress("starts on SQLite and on Redis");
    const starts = await startFigures(redis, folder);
    progress(`${sessions} live sessions on Redis`);
    return [...starts, ...(await sessionFigures(redis))];
  } finally {
    await redis.remove();
    rmSync(folder, { recursive: true });
  }
}

/** A server in a process of its own. */
interface StartServer {
  readonly child: ChildProcess;
  readonly client: ReturnType<typeof loadClient>;
  /** Its CPU time so far, in microseconds. */
  readonly cpu: () => Promise<number>;
}

/** `POST /stream/start` over HTTP, each by another viewer: CPU time of the Node process, against Hono with jose alone. */
async function startFigures(redis: RedisServer, folder: string): Promise<readonly StoreFigure[]> {
  const ring = { keys: await newDevKeys() };
  const requests = await requestsOf(ring, (rounds + 1) * startsPerRound);
  const servers = {
    bare: await startServer("bare", ring),
    sqlite: await startServer("sqlite", ring, join(folder, "all.sqlite")),
    redis: await startServer("redis", ring, join(folder, "log.sqlite"), redis.url),
  };
  const through = ({ client, cpu }: StartServer) => {
    let next = 0;
    return async () => {
      const before = await cpu();
      await client.send(requests.slice(next, next + startsPerRound), 201);
      next += startsPerRound;
      return ((await cpu()) - before) / startsPerRound;
    };
  };
  try {
    const { bare, sqlite, redis: onRedis } = servers;
    const cases = { bare: through(bare), sqlite: through(sqlite), redis: through(onRedis) };
    const measured = await measureInTurn(cases, rounds);
    const ratio = (name: "sqlite" | "redis") => speedRatio(measured(name), measured("bare")).value;
    return [
      atLeast("start on SQLite ÷ bare Hono and jose", ratio("sqlite"), 0.4),
      atLeast("start on Redis ÷ bare Hono and jose", ratio("redis"), 0.3),
    ];
  } finally {
    for (const { child, client } of Object.values(servers)) {
      client.close();
      child.disconnect();
    }
  }
}

async function requestsOf(ring: KeyRing, count: number) {
  const requests = [];
  for (let i = 0; i < count; i++) {
    const token = await signDevToken(ring, { subject: `viewer-${i}`, assets: "*", lifetimeSeconds: 3600 });
    requests.push({
      method: "POST",
      target: "/stream/start",
      headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
      body: '{"asset":"film"}',
    } as const);
  }
  return requests;
}

async function startServer(kind: string, ring: KeyRing, ...words: readonly string[]): Promise<StartServer> {
  const child = fork(join(import.meta.dirname, "start-server.ts"), [kind, JSON.stringify(ring), ...words]);
  const ended = new Promise<never>((_, reject) => {
    child.once("exit", () => reject(new Error(`the server ${kind} ended`)));
  });
  ended.catch(() => undefined);
  const answer = () => Promise.race([once(child, "message").then(([message]) => Number(message)), ended]);
  const port = await answer();
  return {
    child,
    client: loadClient(port, 16),
    cpu: () => {
      const pending = answer();
      child.send("cpu");
      return pending;
    },
  };
}

/**
 * Memory of Redis for each live session, after its start and a first touch with its network, one session per viewer; and
 * how often the edge asks about a session that loads a segment every four seconds and stays with one process.
 */
async function sessionFigures(server: RedisServer): Promise<readonly StoreFigure[]> {
  const redis = await connectTo(server.url);
  const leaseTtl = seconds(90);
  const streams = documentStreams({
    documents: redisLeases({ redis, prefix: "tv:production:" }, async () => true),
    times: leaseTimes(leaseTtl),
    secrets: { hmac: oneShotHmac, random: (length) => crypto.getRandomValues(new Uint8Array(length)) },
    clock: systemClock,
  });
  const used = async () => Number(/used_memory:(\d+)/.exec(String(await redis.command("", "INFO", "memory")))?.[1]);
  const now = systemClock();
  const later = unixSeconds(now + 4 * 3600);
  const before = await used();
  for (let from = 0; from < sessions; from += 1000)
    await Promise.all(
      Array.from({ length: 1000 }, async (_, i) => {
        const subject = Buffer.from(`subject-of-viewer-${from + i}`.padEnd(32)).toString("base64url");
        const sessionId = `session-${from + i}`.padEnd(22, "x");
        const session = { sessionId, assetId: "film-42", login: undefined, now, expiresAt: later };
        const network = `network-${from + i}`;
        await streams(subject).claim({ ...session, limit: 3, takeover: false, network });
        await streams(subject).touch({
          ...session,
          now: unixSeconds(now + 45),
          issuedAt: now,
          network,
          playlist: true,
          mostNetworks: 3,
        });
      }),
    );
  const perSession = ((await used()) - before) / sessions;
  await redis.close();
  return [
    atMost("bytes of Redis per live session", perSession, 1024),
    atMost("touches per session and minute", touchesPerMinute(now), 2),
  ];
}

/**
 * How often one of four processes asks about its share of the sessions, per session and minute: each session loads a
 * segment every four seconds, for ten minutes after its start.
 */
function touchesPerMinute(start: number): number {
  const leaseTtl = seconds(90);
  const leases = rememberLeases({ capacity: mostSessions, leaseTtl });
  const [share, minutes] = [sessions / 4, 10];
  const [issuedAt, expiresAt] = [unixSeconds(start), unixSeconds(start + 4 * 3600)];
  let touches = 0;
  for (let second = 0; second < minutes * 60; second += 4) {
    const now = unixSeconds(start + second);
    for (let i = 0; i < share; i++) {
      const [sessionId, network] = [`session-${i}`, `192.0.2.${i % 200}`];
      const look = leases.look(sessionId, network, now, false);
      if (look === "granted") continue;
      if (look === "unknown" && leases.admitNew({ sessionId, issuedAt, expiresAt }, network, now, false)) continue;
      touches++;
      leases.keep(sessionId, network, now, unixSeconds(now + leaseTtl));
    }
  }
  return touches / share / minutes;
}

export function atLeast(name: string, value: number, target: number): StoreFigure {
  return { name, value, target: `≥ ${target}`, isMet: value >= target };
}

function atMost(name: string, value: number, target: number): StoreFigure {
  return { name, value, target: `≤ ${target}`, isMet: value <= target };
}
