import type { Hono } from "hono";
import { memoryRevocationLog } from "../../../src/adapters/memory/memory-revocation-log.ts";
import { memoryStreams } from "../../../src/adapters/memory/memory-streams.ts";
import { nodeSha256 } from "../../../src/adapters/node/sha256.ts";
import { milliseconds, type UnixMilliseconds, unixMilliseconds } from "../../../src/base/milliseconds.ts";
import { type Refusal, refusal } from "../../../src/base/refusal.ts";
import { ok, type Result } from "../../../src/base/result.ts";
import { seconds, systemTimer } from "../../../src/base/seconds.ts";
import type { Catalog } from "../../../src/catalog/catalog.ts";
import type { SessionContext } from "../../../src/flows/session/context.ts";
import { apiApp } from "../../../src/http/api.ts";
import { watchRevocations } from "../../../src/sessions/revocation-watch.ts";
import { newPair, type Pair, trusting } from "../credential/tokens.ts";
import { catalog, now, preparedKeys } from "../signing/session.ts";

export interface Api {
  readonly app: Hono;
  readonly issuer: Pair;
  readonly log: readonly string[];
  readonly context: SessionContext;
  /** Sends a request as a runtime does. */
  readonly send: (path: string, init?: RequestInit | Request) => Promise<Response>;
}

/** The API with an issuer of its own, the catalog of the other tests, and stores in memory. */
export async function api(changes: Partial<SessionContext> = {}, basePath = "/"): Promise<Api> {
  const issuer = await newPair("ES256");
  const log: string[] = [];
  const context: SessionContext = { ...(await sessionContext([issuer])), ...changes };
  const app = apiApp(context, {
    basePath,
    log: (line) => log.push(line),
    sha256: nodeSha256,
    development: false,
  });
  const runtime = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
  const send: Api["send"] = async (path, init) =>
    init instanceof Request ? app.fetch(init, {}, runtime) : app.request(path, init, {}, runtime);
  return { app, issuer, log, context, send };
}

/** What the flows of sessions work with, at {@link now}, with stores in memory that are never older than a question. */
export async function sessionContext(
  issuers: readonly Pair[],
  clock: SessionContext["clock"] = () => now,
  operators = true,
): Promise<SessionContext> {
  const milli = (): UnixMilliseconds => unixMilliseconds(clock() * 1000);
  const log = memoryRevocationLog(milli);
  let drawn = 0;
  const trusted = trusting(issuers.map(({ jwk }) => jwk));
  return {
    issuers: [trusted],
    operators: operators ? [trusted] : [],
    catalog: async (): Promise<Result<Catalog, Refusal>> => ok(catalog),
    keys: await preparedKeys(),
    clock,
    timer: systemTimer,
    random: (length) => new Uint8Array(length).fill(++drawn),
    log,
    revocations: freshRevocations(log, milli),
    streams: memoryStreams().streamsOf,
    limits: {
      take: async (policy) => ({ policy, allowed: true, remaining: policy.quota, resetsIn: policy.window }),
    },
    entitlement: undefined,
    telemetry: () => undefined,
    onFailure: () => undefined,
    settings: {
      grantIssuer: "stagedoor",
      mediaUrl: "https://media.example",
      manifestTtl: seconds(300),
      sessionTtl: seconds(21_600),
      streamLimit: undefined,
      storeFailure: "closed",
      revocationMaxAge: seconds(2),
      startRate: undefined,
      startRateAddress: undefined,
    },
  };
}

/** Asks the log at every question, so that a test sees at once what it has appended. */
export function freshRevocations(
  log: Pick<SessionContext["log"], "since">,
  clock: () => UnixMilliseconds,
  failure: "closed" | "open" = "closed",
): SessionContext["revocations"] {
  const maxAge = milliseconds(1);
  const watch = () => watchRevocations({ log, clock, timer: () => () => undefined, maxAge, failure });
  return { atHand: () => undefined, current: (waitUntil) => watch().current(waitUntil) };
}

export const brokenCatalog = async () => refusal("store_unavailable", "MARKEDREASON");

/** A start as a player sends it. */
export function start(
  token: string | undefined,
  body: BodyInit | null = '{"asset":"film"}',
  more: RequestInit = {},
): RequestInit {
  return {
    method: "POST",
    body,
    headers: {
      "Content-Type": "application/json",
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
    },
    ...more,
  };
}
