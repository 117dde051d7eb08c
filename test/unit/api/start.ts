import type { Hono } from "hono";
import { type ApiOptions, apiApp } from "../../../src/api/api.ts";
import { operatorIssuers } from "../../../src/auth/operator-token.ts";
import { rememberSpent } from "../../../src/auth/rate-limit.ts";
import { ok, type Result, refusal } from "../../../src/base/result.ts";
import { milliseconds, seconds, systemTimer, type UnixMilliseconds, unixMilliseconds } from "../../../src/base/time.ts";
import type { Catalog } from "../../../src/catalog/catalog.ts";
import type { CatalogUnavailable } from "../../../src/catalog/catalog-source.ts";
import { noTelemetry } from "../../../src/metrics/telemetry.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { watchRevocations } from "../../../src/sessions/revocation-watch.ts";
import type { SessionContext } from "../../../src/sessions/session-context.ts";
import {
  memoryCatalogEditing,
  memoryGathered,
  memoryLimits,
  memoryProofs,
  memoryRevocationLog,
  memoryStreams,
} from "../../support/memory-stores.ts";
import { newOperatorPair, type OperatorPair } from "../auth/operators.ts";
import { newPair, type Pair, trusting } from "../auth/tokens.ts";
import { searchedLog } from "../http/searched-log.ts";
import { catalog, now, preparedKeys, ringKeys } from "../signing/session.ts";
import { heldToDescription } from "./described.ts";

export interface Api {
  readonly app: Hono;
  readonly issuer: Pair;
  /** The issuer of operators' credentials. */
  readonly operators: OperatorPair;
  readonly log: readonly string[];
  readonly context: SessionContext;
  /** Sends a request like the runtime. */
  readonly send: (path: string, init?: RequestInit | Request) => Promise<Response>;
}

/** The API with its own issuer and in-memory stores. */
export async function api(
  changes: Partial<SessionContext> = {},
  basePath = "/",
  more: Partial<ApiOptions> = {},
): Promise<Api> {
  const issuer = await newPair("ES256");
  const operators = await newOperatorPair();
  const { log, written } = searchedLog();
  const context: SessionContext = { ...(await sessionContext([issuer], undefined, operators)), ...changes };
  const made = apiApp(context, {
    basePath,
    reporting: { worker: "api", log, telemetry: context.telemetry, random: requestIds },
    sha256: nodeSha256,
    development: false,
    operators: {
      ...context,
      gathered: memoryGathered(context.clock),
      catalogEditing: memoryCatalogEditing({ text: undefined }, nodeSha256),
      roots: [],
      ring: { keys: ringKeys },
      publicKeys: () => undefined,
      originSecrets: {},
      renewal: "redirect",
    },
    ...more,
  });
  const app = heldToDescription(made, basePath);
  const runtime = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
  const send: Api["send"] = async (path, init) =>
    init instanceof Request ? app.fetch(init, {}, runtime) : app.request(path, init, {}, runtime);
  return { app, issuer, operators, log: written, context, send };
}

/** The same request id each time. */
export const requestIds = (length: number) => new Uint8Array(length).fill(0xab);

/** A session context at {@link now}, with in-memory stores that are always fresh. */
export async function sessionContext(
  issuers: readonly Pair[],
  clock: SessionContext["clock"] = () => now,
  operators?: OperatorPair,
): Promise<SessionContext> {
  const milli = (): UnixMilliseconds => unixMilliseconds(clock() * 1000);
  const log = memoryRevocationLog(milli);
  let drawn = 0;
  const trusted = trusting(issuers.map(({ jwk }) => jwk));
  return {
    issuers: [trusted],
    operators: operatorIssuers({ keys: operators === undefined ? [] : [operators.key] }, clock),
    backends: [],
    catalog: async (): Promise<Result<Catalog, CatalogUnavailable>> => ok(catalog),
    keys: await preparedKeys(),
    clock,
    timer: systemTimer,
    random: (length) => new Uint8Array(length).fill(++drawn),
    log,
    revocations: freshRevocations(log, milli),
    streams: memoryStreams().streamsOf,
    limits: rememberSpent(memoryLimits()),
    entitlement: undefined,
    site: { apiUrl: "https://api.example", origins: [] },
    identity: undefined,
    proofs: memoryProofs(clock),
    telemetry: noTelemetry,
    onFailure: () => undefined,
    settings: {
      grantIssuer: "stagedoor",
      mediaUrl: "https://media.example",
      manifestTtl: seconds(300),
      sessionTtl: seconds(21_600),
      streamLimit: undefined,
      enforcement: undefined,
      backendIssuers: new Map(),
      storeFailure: "closed",
      revocationMaxAge: seconds(2),
      startRate: undefined,
      startRateAddress: undefined,
      filesRate: undefined,
      refusedRateAddress: undefined,
      signInRate: undefined,
      signInRateAddress: undefined,
      tokenRateAddress: undefined,
    },
  };
}

/** Reads the log on every call, so that a test sees its own revocations at once. */
export function freshRevocations(
  log: Pick<SessionContext["log"], "since">,
  clock: () => UnixMilliseconds,
  failure: "closed" | "open" = "closed",
): SessionContext["revocations"] {
  const maxAge = milliseconds(1);
  const watch = () => watchRevocations({ log, clock, timer: () => () => undefined, maxAge, failure });
  return {
    atHand: () => undefined,
    current: (waitUntil) => watch().current(waitUntil),
    fresh: () => watch().fresh(),
    catchUp: async () => undefined,
  };
}

export const brokenCatalog = async () => refusal("store_unavailable", "MARKEDREASON");

/** A player's start. */
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
