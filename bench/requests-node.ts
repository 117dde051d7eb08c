import { createLocalJWKSet, type JSONWebKeySet } from "jose";
import { devAudience, devEnvironment } from "../cli/lib/dev-environment.ts";
import { signDevToken } from "../cli/lib/dev-keys.ts";
import { apiApp } from "../src/api/api.ts";
import { rememberSpent } from "../src/auth/rate-limit.ts";
import { trustIssuer } from "../src/auth/trusted-issuers.ts";
import { ok } from "../src/base/result.ts";
import { milliseconds, systemClock, systemMillisecondClock, systemTimer } from "../src/base/time.ts";
import { type Catalog, parseCatalog } from "../src/catalog/catalog.ts";
import { devIssuer, readConfiguration } from "../src/config/configuration.ts";
import { type CheckContext, checkMediaRequest } from "../src/edge/check-media-request.ts";
import { publicHalf } from "../src/keys/key-material.ts";
import { type KeyRing, keysFor } from "../src/keys/ring.ts";
import { nodeSha256, oneShotHmac } from "../src/platform/node/node-crypto.ts";
import type { StreamsOf } from "../src/sessions/lease.ts";
import { watchRevocations } from "../src/sessions/revocation-watch.ts";
import { rememberGrants } from "../src/signing/grant.ts";
import { prepareSessionKeys } from "../src/signing/session-keys.ts";
import {
  memoryCatalogEditing,
  memoryGathered,
  memoryRevocationLog,
  memoryStreams,
} from "../test/support/memory-stores.ts";
import { joseApp } from "./jose-app.ts";
import { measureInTurn, ownCpu, timed } from "./measure.ts";
import { grantIssuer, viewers } from "./viewers.ts";

const rounds = 15;

/** The edge check alone, in Node: CPU microseconds. `fresh` opens the viewer's grant, `known` has it cached. */
export async function checkInNode(ring: KeyRing) {
  const now = systemClock();
  const targetFor = await viewers(ring, () => now);
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

/**
 * `POST /stream/start` through the API's app, and through a bare app with jose, in Node without a network: CPU
 * microseconds.
 */
export async function startInNode(ring: KeyRing) {
  const claims = { subject: "viewer", assets: "*", lifetimeSeconds: 3600 } as const;
  const token = await signDevToken(ring, claims);
  const set: JSONWebKeySet = { keys: keysFor(ring, "token").map(publicHalf) };
  const apps = {
    start: await api(ring),
    joseApp: joseApp(createLocalJWKSet(set), { issuer: devIssuer, audience: devAudience }),
  };
  let background: Promise<unknown>[] = [];
  const waitUntil = (work: Promise<unknown>) => void background.push(work);
  const rest = async () => {
    await Promise.all(background);
    background = [];
  };
  const context = { waitUntil, passThroughOnException: () => undefined, props: {} };
  const request = {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: '{"asset":"film"}',
  };
  const requests = 300;
  const through = (name: keyof typeof apps) => {
    const all = async () => {
      for (let i = 0; i < requests; i++) {
        const { status } = await apps[name].request("/stream/start", request, {}, context);
        if (status !== 201) throw new Error("a start was refused");
      }
    };
    return timed(ownCpu, requests, all, rest);
  };
  return measureInTurn({ start: through("start"), joseApp: through("joseApp") }, rounds);
}

async function api(ring: KeyRing) {
  const settings = readConfiguration(devEnvironment("api", ring, "https://media.example", {}));
  if (!settings.ok) throw new Error(settings.refusal.join("\n"));
  const catalog = oneAsset();
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
    backends: [],
    site: { apiUrl: undefined, origins: [] },
    identity: undefined,
    proofs: { firstUse: () => Promise.reject(new Error("no proof is sent")) },
    issuers: settings.value.issuers.map((issuer) => trustIssuer(issuer, reach)),
    catalog: async () => ok(catalog),
    keys: await prepareSessionKeys(ring, oneShotHmac),
    clock: systemClock,
    timer: systemTimer,
    random: (length: number) => crypto.getRandomValues(new Uint8Array(length)),
    settings: { ...settings.value, startRate: undefined, startRateAddress: undefined },
  };
  const { telemetry, random } = context;
  const reporting = { worker: "api", log: () => undefined, telemetry, random };
  const operators = {
    ...context,
    gathered: memoryGathered(systemClock),
    catalogEditing: memoryCatalogEditing({ text: undefined }, nodeSha256),
    roots: [],
    ring,
    publicKeys: () => undefined,
    originSecrets: {},
    renewal: settings.value.renewal,
  };
  return apiApp(context, { basePath: "/", reporting, sha256: nodeSha256, development: false, operators });
}

function oneAsset(): Catalog {
  const origin = { type: "r2", binding: "MEDIA", prefix: "film/" };
  const catalog = parseCatalog({ version: 1, assets: [{ id: "film", origin, entry: "index.m3u8" }] });
  if (!catalog.ok) throw new Error("the catalog is faulty");
  return catalog.value;
}
