import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { offlineChecks } from "../../../cli/doctor/doctor.ts";
import type { Facts } from "../../../cli/doctor/facts.ts";
import type { FindingId, Severity } from "../../../cli/doctor/finding.ts";
import type { WorkerConfig } from "../../../cli/lib/worker-files.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { newBackendKey, newCloudFrontKey, newSessionKey } from "../../../src/keys/generate.ts";
import type { RingKey } from "../../../src/keys/key.ts";
import { parseKeyRing } from "../../../src/keys/ring.ts";
import {
  catalogOf,
  clouded,
  cloudFrontKid,
  far,
  films,
  findingsOf,
  now,
  ringKeys,
  ringOf,
  sound,
  withVars,
  withWorker,
} from "./doctor-stage.ts";

const all = ["api", "edge", "manifest"] as const;
const [session, cloudFront, operator] = ringKeys;
if (session === undefined || cloudFront === undefined || operator === undefined) throw new Error("the ring is empty");
const stranger = await newCloudFrontKey("KSTRANGER00001", "ec");
const second = newSessionKey("s2", randomBytes);
const backend = await newBackendKey("be-1");
const day = 86_400;

type Case = readonly [id: FindingId, severity: Severity, about: string, facts: Facts];

function withRing(...keys: readonly RingKey[]): Facts {
  return { ...sound, ring: ringOf(...keys) };
}

function withCatalog(...assets: readonly object[]): Facts {
  return { ...sound, catalog: catalogOf(...assets) };
}

function script(binding: string, to: string): (worker: WorkerConfig) => Partial<WorkerConfig> {
  return ({ objects }) => ({
    objects: objects.map((object) => (object.binding === binding ? { ...object, script: to } : object)),
  });
}

const without = (worker: WorkerConfig, name: string) => ({
  objects: worker.objects.filter(({ binding }) => binding !== name),
});
const edge = sound.workers.find(({ worker }) => worker === "edge");
if (edge === undefined) throw new Error("there is no edge worker");

const settings: readonly Case[] = [
  [
    "wrangler_unreadable",
    "fault",
    "wrangler.toml",
    { ...sound, unreadable: [{ file: "wrangler.toml", why: "It is gone." }] },
  ],
  [
    "wrangler_unreadable",
    "fault",
    "wrangler.toml, workers/api/wrangler.toml",
    {
      ...sound,
      unreadable: ["wrangler.toml", "workers/api/wrangler.toml"].map((file) => ({ file, why: "They are gone." })),
    },
  ],
  ["configuration_invalid", "fault", "wrangler.toml", withVars(["edge"], { STAGEDOOR_MANIFEST_TTL: "5" })],
  ["configuration_invalid", "fault", "workers/identity", withVars(["identity"], { STAGEDOOR_IDENTITY_IDLE: "soon" })],
  ["secret_in_vars", "fault", "wrangler.toml", withVars(["edge"], { FAR_SECRET: "x" })],
  [
    "secret_in_vars",
    "fault",
    "workers/identity",
    withVars(["identity"], { STAGEDOOR_IDENTITY_SECRET: "x".repeat(40) }),
  ],
  ["issuers_missing", "warning", "workers/api", { ...withWorker("api", () => ({ services: [] })), issuers: undefined }],
  [
    "settings_differ",
    "fault",
    "STAGEDOOR_MEDIA_URL",
    withVars(["edge"], { STAGEDOOR_MEDIA_URL: "https://m.films.test" }),
  ],
  ["settings_differ", "fault", "STAGEDOOR_EXPIRY_STEP", withVars(["edge"], { STAGEDOOR_EXPIRY_STEP: "60" })],
  ["settings_differ", "fault", "STAGEDOOR_GRANT_ISSUER", withVars(["api"], { STAGEDOOR_GRANT_ISSUER: "films" })],
  ["settings_differ", "warning", "STAGEDOOR_LEASE_TTL", withVars(["edge"], { STAGEDOOR_LEASE_TTL: "120" })],
  [
    "media_host_trusted",
    "warning",
    "STAGEDOOR_ORIGINS",
    withVars(["api", "identity"], { STAGEDOOR_ORIGINS: "https://www.films.test https://*.films.test" }),
  ],
  [
    "media_host_trusted",
    "warning",
    "STAGEDOOR_ORIGINS",
    withVars(["api", "identity"], { STAGEDOOR_ORIGINS: "https://d1.cloudfront.test" }),
  ],
  ["hosts_are_one", "fault", "STAGEDOOR_API_URL", withVars(all, { STAGEDOOR_API_URL: "https://media.films.test" })],
  ["manifest_outlives_session", "warning", "asset film", withCatalog({ ...films, session: 300 })],
  ["manifest_outlives_session", "warning", "STAGEDOOR_SESSION_TTL", withVars(all, { STAGEDOOR_SESSION_TTL: "200" })],
  ["pause_outlives_session", "warning", "STAGEDOOR_SESSION_TTL", withVars(all, { STAGEDOOR_PAUSE_ALLOWANCE: "30000" })],
  ["renewal_off", "warning", "STAGEDOOR_RENEWAL", withVars(all, { STAGEDOOR_RENEWAL: "off" })],
  ["step_outlasts_pause", "warning", "STAGEDOOR_EXPIRY_STEP", withVars(all, { STAGEDOOR_EXPIRY_STEP: "900" })],
  [
    "lease_too_short",
    "warning",
    "STAGEDOOR_LEASE_TTL",
    withVars(all, { STAGEDOOR_LEASE_TTL: "20", STAGEDOOR_STREAM_LIMIT: "2" }),
  ],
  [
    "store_open_with_limits",
    "warning",
    "STAGEDOOR_STORE_FAILURE",
    withVars(all, { STAGEDOOR_STORE_FAILURE: "open", STAGEDOOR_STREAM_LIMIT: "2" }),
  ],
  [
    "revocations_late",
    "warning",
    "STAGEDOOR_REVOCATION_MAX_AGE",
    withVars(all, { STAGEDOOR_REVOCATION_MAX_AGE: "600" }),
  ],
  ["limit_not_on_cloudfront", "warning", "asset clouded", withCatalog({ ...clouded, streams: 2 })],
  ["rates_fight", "warning", "STAGEDOOR_START_RATE", withVars(["api"], { STAGEDOOR_START_RATE: "20000" })],
  ["rates_fight", "warning", "STAGEDOOR_SIGN_IN_RATE", withVars(["api"], { STAGEDOOR_SIGN_IN_RATE: "0" })],
  ["identity_lifetimes_fight", "warning", "ACCESS_TTL", withVars(["identity"], { STAGEDOOR_IDENTITY_IDLE: "60" })],
  [
    "identity_lifetimes_fight",
    "warning",
    "REFRESH_TTL",
    withVars(["identity"], { STAGEDOOR_IDENTITY_REFRESH_TTL: "900" }),
  ],
  ...["http://localhost", "http://localhost:8100", "http://tauri.localhost", "http://*.example.com"].map(
    (origin): Case => [
      "origin_plain_http",
      "warning",
      "STAGEDOOR_ORIGINS",
      withVars(["api", "identity"], { STAGEDOOR_ORIGINS: `https://www.films.test ${origin}` }),
    ],
  ),
  [
    "origin_plain_http",
    "warning",
    "asset film",
    withCatalog({ ...films, origins: ["https://www.films.test", "http://www.films.test"] }),
  ],
];

const signUp: readonly Case[] = [
  ["sign_up_open", "warning", "workers/identity", withVars(["identity"], { STAGEDOOR_IDENTITY_SIGN_UP: "open" })],
];

const bindings: readonly Case[] = [
  ["binding_missing", "fault", "REVOCATION_LOG", withWorker("api", (worker) => without(worker, "REVOCATION_LOG"))],
  ["binding_missing", "warning", "METRICS_STORE", withWorker("edge", (worker) => without(worker, "METRICS_STORE"))],
  ["binding_missing", "fault", "CATALOG", withWorker("manifest", () => ({ kv: [] }))],
  ["binding_missing", "fault", "DB", withWorker("identity", () => ({ databases: [] }))],
  ["binding_missing", "fault", "MANIFEST", withWorker("edge", () => ({ services: [] }))],
  [
    "binding_misnamed",
    "fault",
    "SUBJECT_LEASES",
    withWorker("edge", ({ objects }) => ({
      objects: objects.map((object) =>
        object.binding === "SUBJECT_LEASES" ? { ...object, binding: "STREAM" } : object,
      ),
    })),
  ],
  [
    "binding_misnamed",
    "fault",
    "SUBJECT_LEASES",
    withWorker("edge", ({ objects }) => ({
      objects: objects.map((object) =>
        object.binding === "SUBJECT_LEASES" ? { ...object, className: "RevocationLog" } : object,
      ),
    })),
  ],
  [
    "binding_elsewhere",
    "fault",
    "REVOCATION_LOG",
    withWorker("api", script("REVOCATION_LOG", "stagedoor-edge-staging")),
  ],
  ["binding_elsewhere", "fault", "DPOP_PROOFS", withWorker("api", script("DPOP_PROOFS", "stagedoor-edge"))],
  [
    "binding_elsewhere",
    "fault",
    "MANIFEST",
    withWorker("edge", () => ({ services: [{ binding: "MANIFEST", script: "stagedoor-manifest-staging" }] })),
  ],
  [
    "binding_differs",
    "fault",
    "MEDIA",
    withWorker("manifest", () => ({ buckets: [{ binding: "MEDIA", id: "another-bucket" }] })),
  ],
  ["binding_shared", "fault", "CATALOG", { ...sound, elsewhere: [{ environment: "staging", worker: edge }] }],
  [
    "placeholder",
    "fault",
    "wrangler.toml",
    withWorker("edge", () => ({ kv: [{ binding: "CATALOG", id: "stagedoor-catalog" }] })),
  ],
  ["placeholder", "fault", "wrangler.toml", withVars(["edge"], { STAGEDOOR_MEDIA_URL: "https://media.example.com" })],
  ["route_missing", "fault", "wrangler.toml", withWorker("edge", () => ({ routes: [] }))],
  ["route_elsewhere", "fault", "workers/api", withWorker("api", () => ({ routes: ["www.films.test"] }))],
  ["worker_open", "fault", "workers/manifest", withWorker("manifest", () => ({ workersDev: true }))],
  ["worker_open", "fault", "workers/identity", withWorker("identity", () => ({ routes: ["id.films.test"] }))],
  ["worker_open", "warning", "wrangler.toml", withWorker("edge", () => ({ previewUrls: true }))],
  ["request_logs", "fault", "wrangler.toml", withWorker("edge", () => ({ logsRequests: true }))],
  ["request_logs", "warning", "workers/api", withWorker("api", () => ({ logsRequests: true }))],
];

const keys: readonly Case[] = [
  ["not_looked_at", "fine", "the key ring", { ...sound, ring: undefined }],
  ["ring_invalid", "fault", "keys.json", { ...sound, ring: { ...ringOf(), parsed: parseKeyRing({ keys: [{}] }) } }],
  [
    "ring_invalid",
    "fault",
    "keys.json",
    { ...sound, ring: { ...ringOf(), parsed: parseKeyRing({ keys: [session, session] }) } },
  ],
  ["ring_readable", "fault", "keys.json", { ...sound, ring: { ...ringOf(...ringKeys), mode: 0o100640 } }],
  ["key_twice", "fault", "key s9", withRing(...ringKeys, { ...session, kid: "s9" })],
  [
    "halves_apart",
    "fault",
    `key ${cloudFrontKid}`,
    withRing(session, { ...cloudFront, ...("x" in stranger ? { x: stranger.x, y: stranger.y } : {}) }, operator),
  ],
  ["dev_key", "fault", "key dev-session", withRing(...ringKeys, newSessionKey("dev-session", randomBytes))],
  ["signer_missing", "fault", "purpose session", withRing({ ...session, state: "next" }, cloudFront, operator)],
  [
    "signer_missing",
    "fault",
    "purpose cloudfront",
    {
      ...withRing(session, { ...cloudFront, state: "retiring" }, operator),
      catalog: catalogOf({ ...clouded, cloudfront: {} }),
    },
  ],
  [
    "successor_missing",
    "fault",
    `key ${cloudFrontKid}`,
    withRing(session, { ...cloudFront, exp: now + day }, operator),
  ],
  ["successor_missing", "warning", "key s1", withRing({ ...session, exp: now + 10 * day }, cloudFront, operator)],
  ["successor_missing", "fault", "key s1", withRing({ ...session, exp: now + day }, cloudFront, operator)],
  [
    "successor_missing",
    "fault",
    "key s1",
    withRing({ ...session, state: "active", exp: now + day }, { ...second, state: "retiring" }, cloudFront, operator),
  ],
  ["operator_key_missing", "warning", "purpose operator", withRing(session, cloudFront)],
  [
    "backend_key_missing",
    "fault",
    "purpose backend",
    withVars(["api"], { STAGEDOOR_BACKENDS: '{"web":{"issuer":"backend:web"}}' }),
  ],
  [
    "backend_key_ends",
    "warning",
    "key be-1",
    withRing(...ringKeys, { ...backend, state: "retired", signedUntil: now + 90 * day }),
  ],
  [
    "backend_key_ends",
    "warning",
    "key be-1",
    withRing(...ringKeys, { ...backend, exp: now + 30 * day, signedUntil: now + 90 * day }),
  ],
  [
    "backend_credentials_end",
    "warning",
    "purpose backend",
    withRing(...ringKeys, { ...backend, signedUntil: now + 10 * day }),
  ],
  ["cloudfront_unbound", "fault", "key new", withRing(session, { ...cloudFront, kid: "new" }, operator)],
  ["cloudfront_unbound", "warning", "key new", withRing(...ringKeys, { ...stranger, kid: "new", state: "next" })],
  ["asset_key_missing", "fault", "asset clouded", withRing(session, stranger, operator)],
  ["asset_key_retired", "fault", "asset clouded", withRing(session, { ...cloudFront, state: "retired" }, operator)],
  ["asset_key_retired", "warning", "asset clouded", withRing(session, { ...cloudFront, state: "retiring" }, operator)],
];

const catalog: readonly Case[] = [
  ["not_looked_at", "fine", "the catalog", { ...sound, catalog: undefined }],
  ["catalog_unread", "warning", "the catalog", { ...sound, catalog: undefined, catalogUnread: "It answers 403." }],
  [
    "catalog_invalid",
    "fault",
    "catalog.json: film",
    { ...sound, catalog: { where: "catalog.json", parsed: parseCatalog({ version: 1, assets: [films, films] }) } },
  ],
  [
    "bucket_unbound",
    "fault",
    "OTHER",
    withCatalog({ ...films, origin: { type: "r2", binding: "OTHER", prefix: "film/" } }),
  ],
  ["root_unknown", "fault", "film", withCatalog({ ...films, origin: { type: "file", root: "films", path: "film/" } })],
  ["origin_secret_unbound", "fault", "asset far", withVars(["edge"], { STAGEDOOR_ORIGIN_SECRETS: "{}" })],
  [
    "origin_secret_unbound",
    "fault",
    "asset far",
    withCatalog({ ...far, origin: { ...far.origin, url: "https://origin.evil.test/far/" } }),
  ],
  ["settings_differ", "fault", "STAGEDOOR_ORIGIN_SECRETS", withVars(["api"], { STAGEDOOR_ORIGIN_SECRETS: "{}" })],
  ["origin_secret_unlisted", "warning", "FAR_SECRET", withWorker("edge", () => ({ secrets: [] }))],
  ["origin_without_auth", "warning", "asset far", withCatalog({ ...far, origin: { ...far.origin, auth: undefined } })],
  [
    "origin_local",
    "fault",
    "asset far",
    withCatalog({ ...far, origin: { ...far.origin, url: "http://localhost:8789/far/" } }),
  ],
];

describe("a deployment without faults", () => {
  it("has no finding", async () => {
    expect(await findingsOf(offlineChecks, sound)).toEqual([]);
  });
});

describe.each([
  ["settings", [...settings, ...signUp]],
  ["bindings and exposure", bindings],
  ["keys", keys],
  ["the catalog", catalog],
])("a fault in %s is reported by its id:", (_, cases) => {
  it.each(cases)("%s, a %s about %s", async (id, severity, about, facts) => {
    const findings = (await findingsOf(offlineChecks, facts)).filter((finding) => finding.id === id);
    expect(findings.map((finding) => [finding.severity, finding.about])).toContainEqual([
      severity,
      expect.stringContaining(about),
    ]);
  });
});

it.each([
  ["*", "every asset"],
  ["film-1 film-2", "film-1 film-2"],
  ["", "no asset"],
])("the finding of an open sign-up names the assets that a new account may play: %j", async (assets, named) => {
  const open = { STAGEDOOR_IDENTITY_SIGN_UP: "open", STAGEDOOR_IDENTITY_ASSETS: assets };
  const findings = await findingsOf(offlineChecks, withVars(["identity"], open));
  expect(findings).toMatchObject([{ id: "sign_up_open", found: expect.stringContaining(`opens ${named}`) }]);
});

describe("doctor reports nothing", () => {
  it.each([
    [
      "an active CloudFront key for an asset that names no key",
      {
        ...withRing(session, { ...cloudFront, state: "active" }, { ...stranger, state: "retiring" }, operator),
        catalog: catalogOf({ ...clouded, cloudfront: {} }),
      },
    ],
    [
      "an expiring key with a successor",
      withRing({ ...session, exp: now + day }, { ...second, nbf: now }, cloudFront, operator),
    ],
    ["a setting with its default value", withVars(["edge"], { STAGEDOOR_EXPIRY_STEP: "30" })],
    [
      "an identity worker that is not deployed",
      {
        ...withWorker("api", () => ({ services: [] })),
        workers: withWorker("api", () => ({ services: [] })).workers.filter(({ worker }) => worker !== "identity"),
      },
    ],
  ] as const)("about %s", async (_, facts) => {
    expect(await findingsOf(offlineChecks, facts)).toEqual([]);
  });
});
