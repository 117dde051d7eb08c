import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from "jose";
import { devAudience, devEnvironment } from "../cli/local/dev-environment.ts";
import { signDevToken } from "../cli/local/dev-token.ts";
import { memoryRevocationLog } from "../src/adapters/memory/memory-revocation-log.ts";
import { memoryStreams } from "../src/adapters/memory/memory-streams.ts";
import { oneShotHmac } from "../src/adapters/node/one-shot-hmac.ts";
import { nodeSha256 } from "../src/adapters/node/sha256.ts";
import { milliseconds, systemMillisecondClock } from "../src/base/milliseconds.ts";
import { ok } from "../src/base/result.ts";
import { systemClock, systemTimer } from "../src/base/seconds.ts";
import { type Catalog, parseCatalog } from "../src/catalog/catalog.ts";
import { devIssuer, readConfiguration } from "../src/config/configuration.ts";
import { trustIssuer } from "../src/credential/trust-issuer.ts";
import { type CheckContext, checkMediaRequest } from "../src/flows/check-media-request.ts";
import { apiApp } from "../src/http/api.ts";
import { publicHalf } from "../src/keys/public.ts";
import { type KeyRing, keysFor } from "../src/keys/ring.ts";
import { rememberSpent } from "../src/limits/remember-spent.ts";
import type { StreamsOf } from "../src/sessions/lease.ts";
import { watchRevocations } from "../src/sessions/revocation-watch.ts";
import { rememberGrants } from "../src/signing/remember-grants.ts";
import { prepareSessionKeys } from "../src/signing/session-keys.ts";
import { measureInTurn, ownCpu, timed } from "./measure.ts";
import { grantIssuer, viewers } from "./viewers.ts";

const rounds = 15;

/** The edge check by itself, in Node: CPU microseconds. `fresh` opens the viewer's grant, `known` remembers it. */
export async function checkInNode(ring: KeyRing) {
  const now = systemClock();
  const targetFor = await viewers(ring, now);
  const file = { purpose: "segment", asset: "film", file: "720p/0.ts" } as const;
  const targets = Array.from({ length: 1000 }, (_, viewer) => targetFor(viewer, file));
  const context = {
    keys: await prepareSessionKeys(ring, oneShotHmac),
    catalog: oneAsset(),
    grantIssuer,
    now,
    client: "anybody",
  } as const;
  const all = async (checking: CheckContext) => {
    for (const target of targets)
      if (checkMediaRequest(target, checking).verdict !== "passed") throw new Error("a good request was refused");
  };
  const known = { ...context, open: rememberGrants(10_000) };
  return measureInTurn(
    {
      known: timed(ownCpu, targets.length, () => all(known)),
      fresh: timed(ownCpu, targets.length, () => all(context)),
    },
    rounds,
  );
}

/** `POST /stream/start` through the API's app, and jose alone, in Node without a network: CPU microseconds a request. */
export async function startInNode(ring: KeyRing) {
  const claims = { subject: "viewer", assets: "*", lifetimeSeconds: 3600 } as const;
  const token = await signDevToken(ring, claims);
  const app = await api(ring);
  const context = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
  const request = {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: '{"asset":"film"}',
  };
  const started = () => app.request("/stream/start", request, {}, context);
  const set: JSONWebKeySet = { keys: keysFor(ring, "token").map(publicHalf) };
  const keys = createLocalJWKSet(set);
  const expected = { issuer: devIssuer, audience: devAudience, algorithms: ["ES256"] };
  const requests = 300;
  const start = async () => {
    for (let i = 0; i < requests; i++) if ((await started()).status !== 201) throw new Error("a start was refused");
  };
  const joseAlone = async () => {
    for (let i = 0; i < requests; i++) Response.json((await jwtVerify(token, keys, expected)).payload);
  };
  return measureInTurn(
    { start: timed(ownCpu, requests, start), joseAlone: timed(ownCpu, requests, joseAlone) },
    rounds,
  );
}

async function api(ring: KeyRing) {
  const settings = readConfiguration(devEnvironment("api", ring, "https://media.example", {}));
  if (!settings.ok) throw new Error(settings.refusal.join("\n"));
  const clock = systemMillisecondClock;
  const log = memoryRevocationLog(clock);
  const maxAge = milliseconds(settings.value.revocationMaxAge * 1000);
  const reach = { fetch, clock: systemClock, timer: systemTimer, sha256: nodeSha256, onFailure: () => undefined };
  const context = {
    log,
    revocations: watchRevocations({ log, clock, timer: systemTimer, maxAge, failure: "closed" }),
    // Each start is its viewer's first stream.
    streams: (...names: Parameters<StreamsOf>) => memoryStreams().streamsOf(...names),
    onFailure: () => undefined,
    limits: rememberSpent({ take: () => Promise.reject(new Error("no rate is set")) }),
    entitlement: undefined,
    telemetry: () => undefined,
    operators: [],
    site: { apiUrl: undefined, origins: [] },
    identity: undefined,
    proofs: { firstUse: () => Promise.reject(new Error("no proof is sent")) },
    issuers: settings.value.issuers.map((issuer) => trustIssuer(issuer, reach)),
    catalog: async () => ok(oneAsset()),
    keys: await prepareSessionKeys(ring, oneShotHmac),
    clock: systemClock,
    timer: systemTimer,
    random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
    settings: { ...settings.value, startRate: undefined, startRateAddress: undefined },
  };
  const { telemetry, random } = context;
  const reporting = { worker: "api", log: () => undefined, telemetry, random };
  return apiApp(context, { basePath: "/", reporting, sha256: nodeSha256, development: false });
}

function oneAsset(): Catalog {
  const origin = { type: "r2", binding: "MEDIA", prefix: "film/" };
  const catalog = parseCatalog({ version: 1, assets: [{ id: "film", origin, entry: "index.m3u8" }] });
  if (!catalog.ok) throw new Error("the catalog is faulty");
  return catalog.value;
}
