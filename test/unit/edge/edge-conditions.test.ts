import { describe, expect, it } from "vitest";
import type { MediaPurpose } from "../../../src/base/media-purpose.ts";
import { ok } from "../../../src/base/result.ts";
import { seconds, systemTimer, after as timeAfter, unixMilliseconds } from "../../../src/base/time.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { answerMedia } from "../../../src/edge/answer-media.ts";
import { guardFiles } from "../../../src/edge/guard-file.ts";
import { serveRequest } from "../../../src/edge/serve-request.ts";
import { noTelemetry } from "../../../src/metrics/telemetry.ts";
import { nodeSha256 } from "../../../src/platform/node/node-crypto.ts";
import { openGrant } from "../../../src/signing/grant.ts";
import { nothingRevoked } from "../../support/memory-stores.ts";
import { requestIds } from "../api/start.ts";
import { sampleDocument } from "../catalog/sample.ts";
import { searchedLog } from "../http/searched-log.ts";
import { unwrap } from "../signing/samples.ts";
import { grantIssuer, grantOf, keyOf, now, preparedKeys, signedTarget } from "../signing/session.ts";
import { stage } from "./deliver-stage.ts";

const keys = await preparedKeys();
const key = keyOf(keys, "2026-a");

interface Asked {
  readonly purpose?: MediaPurpose;
  readonly expired?: boolean;
  readonly cf?: object;
  readonly headers?: Record<string, string>;
}

/** The edge's answer for an asset with these fields, and how many sessions it admitted. */
async function ask(fields: object, { purpose = "playlist", expired = false, cf = {}, headers = {} }: Asked) {
  const catalog = unwrap(parseCatalog({ version: 1, assets: [sampleDocument({ ...fields })] }));
  const path = purpose === "playlist" ? "/film/index.m3u8" : "/film/0.ts";
  const expiry = timeAfter(now, seconds(expired ? -60 : 60));
  const target = signedTarget(key, { purpose, grant: grantOf(key), path, expiry });
  const raw = new Request(`https://media.example${target}`, { headers });
  Object.defineProperty(raw, "cf", { value: cf });
  let admitted = 0;
  const { send } = stage();
  const parts = {
    keys,
    open: openGrant,
    publicKeys: () => undefined,
    catalog: async () => ok(catalog),
    clock: () => now,
    timer: systemTimer,
    deliver: (file: Parameters<typeof send>[0]) => send(file),
    files: guardFiles({ deliver: (file) => send(file), clock: () => now, timer: systemTimer }),
    waitUntil: () => undefined,
    revocations: nothingRevoked,
    observed: () => undefined,
    enforcement: undefined,
    admit: () => {
      admitted++;
      return undefined;
    },
    ready: async () => [],
    milliseconds: () => unixMilliseconds(now * 1000),
    telemetry: noTelemetry,
    sha256: nodeSha256,
    development: false,
    edgeSecrets: [],
    mediaUrl: "https://media.example",
    grantIssuer,
    renewal: "redirect",
    pauseAllowance: seconds(300),
    expiryStep: seconds(30),
    manifest: { fetch: async () => new Response("#EXTM3U", { headers: { "Cache-Control": "no-store" } }) },
  } as const;
  const { log } = searchedLog();
  const reporting = { worker: "edge", log, telemetry: noTelemetry, random: requestIds } as const;
  const response = await answerMedia(raw, reporting, (request) => serveRequest(request, parts));
  await response.body?.cancel();
  return { outcome: response.headers.get("Stagedoor-Refusal") ?? response.status, admitted };
}

const site = "https://www.example.com";
const all = {
  countries: { only: ["US"] },
  places: { only: [{ regions: ["US-CA"] }], anonymous: "refuse" },
  origins: [site],
  players: { except: ["Lavf/*"] },
  available: { until: "2100-01-01T00:00:00Z" },
};
const cf = { country: "US", regionCode: "CA", asn: 64500 };
const headers = { Origin: site, "User-Agent": "Mozilla/5.0" };

const unmet: readonly (readonly [string, object, Asked])[] = [
  ["country_forbidden", all, { cf: { country: "CA", regionCode: "QC" }, headers }],
  ["country_forbidden", all, { cf: { country: "T1" }, headers }],
  ["place_forbidden", all, { cf: { country: "US", regionCode: "NY" }, headers }],
  ["place_forbidden", all, { cf: { country: "US" }, headers }],
  ["place_forbidden", { places: { anonymous: "refuse" } }, { cf: { country: "T1" }, headers }],
  ["origin_forbidden", all, { cf, headers: { ...headers, Origin: "https://evil.example" } }],
  ["origin_forbidden", all, { cf, headers: { "User-Agent": "Mozilla/5.0" } }],
  ["player_refused", all, { cf, headers: { ...headers, "User-Agent": "Lavf/60" } }],
  ["asset_no_longer_available", { available: { until: "2020-01-01T00:00:00Z" } }, { cf, headers }],
  ["asset_not_yet_available", { available: { from: "2100-01-01T00:00:00Z" } }, { cf, headers }],
];

describe("an asset's conditions", () => {
  it.each(unmet)("refuse a playlist with %s before a session is admitted: %j %j", async (code, fields, asked) => {
    expect(await ask(fields, asked)).toEqual({ outcome: code, admitted: 0 });
  });

  it.each(unmet)("refuse the renewal of a segment and of a key with %s: %j %j", async (code, fields, asked) => {
    for (const purpose of ["segment", "key"] as const)
      expect(await ask(fields, { ...asked, purpose, expired: true })).toEqual({ outcome: code, admitted: 0 });
  });

  it.each(unmet)("are not checked for a segment that has not expired (%s): %j %j", async (_, fields, asked) => {
    expect((await ask(fields, { ...asked, purpose: "segment" })).outcome).toBe(200);
  });

  it("let a request that meets them pass: by Origin, else by Referer, else if the asset allows that", async () => {
    expect((await ask(all, { cf, headers })).outcome).toBe(200);
    expect((await ask(all, { cf, headers, purpose: "segment", expired: true })).outcome).toBe(307);
    expect((await ask(all, { cf, headers: { Referer: `${site}/watch` } })).outcome).toBe(200);
    expect((await ask({ ...all, originless: "allow" }, { cf })).outcome).toBe(200);
  });

  it("are not read from what a client can send", async () => {
    const sent = { ...headers, "CF-IPCountry": "US", "CloudFront-Viewer-Country-Region": "CA" };
    expect((await ask(all, { cf: { country: "DE" }, headers: sent })).outcome).toBe("country_forbidden");
  });
});
