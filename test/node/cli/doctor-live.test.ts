import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { liveChecks } from "../../../cli/doctor/doctor.ts";
import type { FindingId, Severity } from "../../../cli/doctor/finding.ts";
import type { Live } from "../../../cli/doctor/live/live.ts";
import { newSessionKey } from "../../../src/keys/generate.ts";
import type { RingKey } from "../../../src/keys/key.ts";
import { apiUrl, cloudFrontKid, findingsOf, mediaUrl, ringKeys } from "./doctor-stage.ts";
import { type Override, problem, world } from "./doctor-world.ts";

const at =
  (base: string, path: string | RegExp, respond: () => Response | "silent"): Override =>
  (url) =>
    url.href.startsWith(base) && (typeof path === "string" ? url.pathname === path : path.test(url.href))
      ? respond()
      : undefined;
const header =
  (name: string, value: string, response: Response): (() => Response) =>
  () => {
    const headers = new Headers(response.headers);
    headers.set(name, value);
    return new Response(response.clone().body, { status: response.status, headers });
  };
const text = (body: string, headers: Record<string, string> = {}) => new Response(body, { headers });
const playlist = (control: string) => text("#EXTM3U\n#EXTINF:4,\n0.ts?seg=1.x\n", { "Cache-Control": control });
const origin = "https://origin.films.test";
const distribution = "https://d1.cloudfront.test";
const ok = (headers: Record<string, string>) => () => Response.json({ status: "ok" }, { headers });
const ago = (seconds: number) => new Date(Date.now() - seconds * 1000).toUTCString();
const [session, ...others] = ringKeys;
if (session === undefined) throw new Error("the ring is empty");
const ring = (...keys: readonly RingKey[]) => ({ ring: { keys: [...keys, ...others] } });

type Case = readonly [id: FindingId, severity: Severity, about: string, override: Override, more?: Partial<Live>];
const nothing: Override = () => undefined;

const hosts: readonly Case[] = [
  ["host_silent", "fault", apiUrl, at(apiUrl, "/health", () => "silent")],
  ["host_silent", "fault", "asset clouded", at(distribution, /./, () => "silent")],
  ["host_strange", "fault", mediaUrl, at(mediaUrl, "/health", () => text("<h1>It works!</h1>"))],
  ["hosts_swapped", "fault", `API ${mediaUrl}`, nothing, { apiUrl: mediaUrl }],
  ["host_differs", "warning", mediaUrl, nothing, { configured: { apiUrl, mediaUrl: "https://m.films.test" } }],
  ["health_unknown", "warning", mediaUrl, at(mediaUrl, "/health", () => problem(403, "signature_missing"))],
  ["not_ready", "fault", apiUrl, at(apiUrl, "/health", () => problem(500, "configuration_invalid"))],
  [
    "not_ready",
    "fault",
    apiUrl,
    at(apiUrl, "/ready", () => Response.json({ parts: { RATE_LIMIT_COUNTER: "does not answer" } }, { status: 503 })),
  ],
  ["not_ready", "fault", mediaUrl, at(mediaUrl, "/ready", () => "silent")],
  ["clock_off", "warning", mediaUrl, at(mediaUrl, "/health", ok({ Date: ago(40) }))],
  ["clock_off", "fault", apiUrl, at(apiUrl, "/health", ok({ Date: ago(-90) }))],
  ["clock_unknown", "warning", apiUrl, at(apiUrl, "/health", ok({}))],
  ["plain_http_served", "fault", mediaUrl, at("http:", "/", () => text("hello"))],
  [
    "plain_http_served",
    "fault",
    apiUrl,
    at("http:", "/", () => new Response(null, { status: 302, headers: { Location: "http://www.films.test/" } })),
  ],
];

const keys: readonly Case[] = [
  ["key_not_live", "fault", "key s1", nothing, ring(newSessionKey("s1", randomBytes))],
  ["key_not_live", "fault", "key s2", nothing, ring(session, { ...newSessionKey("s2", randomBytes), state: "next" })],
  ["key_not_live", "fault", "key s1", nothing, { grantIssuer: "another" }],
  ["retired_key_live", "fault", "key s1", nothing, ring({ ...session, state: "retired" })],
  ["asset_not_live", "warning", "asset film", at(mediaUrl, /\?seg=/, () => problem(404, "asset_unknown"))],
  ["key_untested", "warning", "key s1", at(mediaUrl, /\?seg=/, () => problem(503, "store_unavailable"))],
  ["operator_refused", "warning", "--bearer", at(apiUrl, "/operator/keys", () => problem(403, "scope_insufficient"))],
  ["api_keys_differ", "fault", "key s1", at(apiUrl, "/operator/keys", () => Response.json({ keys: [] }))],
  [
    "api_keys_differ",
    "fault",
    "key s1",
    at(apiUrl, "/operator/keys", () => Response.json({ keys: [{ kid: "s1", fingerprint: "another" }] })),
  ],
  [
    "key_revoked",
    "fault",
    "key s1",
    at(apiUrl, "/operator/keys", () => Response.json({ keys: [{ kid: "s1", revoked: true }] })),
  ],
  ["cloudfront_open", "fault", "asset clouded", at(distribution, /./, () => text("a film"))],
  [
    "cloudfront_open",
    "fault",
    "asset clouded",
    at(distribution, /./, () => new Response("", { status: 403, headers: { Server: "AmazonS3" } })),
  ],
  [
    "cloudfront_key_refused",
    "fault",
    `key ${cloudFrontKid}`,
    at(distribution, /./, () => new Response("<Code>InvalidKey</Code>", { status: 403 })),
  ],
];

const openings: readonly Case[] = [
  ["origin_silent", "fault", "asset far", at(origin, /./, () => "silent")],
  ["origin_refuses_us", "fault", "asset far", at(origin, /./, () => new Response("", { status: 403 }))],
  ["origin_entry_missing", "fault", "asset far", at(origin, /./, () => new Response("", { status: 404 }))],
  ["origin_secret_absent", "warning", "asset far", nothing, { secretOf: () => undefined }],
  ["origin_open", "fault", "asset far", at(origin, /index\.m3u8$/, () => text("#EXTM3U"))],
  ["origin_open", "fault", "asset far", at(origin, /\?x=1$/, () => text("#EXTM3U"))],
  [
    "origin_open",
    "fault",
    "asset far",
    (url, init) =>
      url.origin === origin && new Headers(init.headers).has("Range") ? new Response("#", { status: 206 }) : undefined,
  ],
  [
    "origin_open",
    "fault",
    "asset far",
    (url, init) => (url.origin === origin && init.method === "HEAD" ? new Response(null) : undefined),
  ],
  [
    "origin_lists",
    "fault",
    "asset far",
    at(origin, "/", () => text("<ListBucketResult><Key>a</Key></ListBucketResult>")),
  ],
  ["origin_lists", "fault", "asset far", at(origin, "/far/", () => text("<title>Index of /far/</title>"))],
  [
    "public_bucket_open",
    "fault",
    "https://pub-1.r2.test",
    at("https://pub-1.r2.test", "/film/index.m3u8", () => text("#EXTM3U")),
  ],
  ["media_open", "fault", "asset film", at(mediaUrl, "/film/index.m3u8", () => text("#EXTM3U"))],
  ["media_open", "fault", "asset far", at(mediaUrl, /\/far\/index\.m3u8\?list=/, () => text("#EXTM3U"))],
];

const caches: readonly Case[] = [
  ["cors_missing", "fault", mediaUrl, at(mediaUrl, "/doctor/0.ts", () => new Response("", { status: 403 }))],
  [
    "cors_missing",
    "fault",
    apiUrl,
    (url, init) => (url.origin === apiUrl && init.method === "OPTIONS" ? new Response("", { status: 405 }) : undefined),
  ],
  ["start_refused", "fault", "asset film", at(apiUrl, "/stream/start", () => problem(401, "token_expired"))],
  ["stream_broken", "fault", "asset film", at(mediaUrl, "/played/180p.m3u8", () => problem(502, "origin_failed"))],
  ["stream_broken", "fault", "asset film", at(mediaUrl, "/played/0.ts", () => "silent")],
  [
    "answer_cacheable",
    "fault",
    "media.films.test",
    at(mediaUrl, "/played/180p.m3u8", () => playlist("public, max-age=14400")),
  ],
  [
    "answer_cacheable",
    "fault",
    "media.films.test",
    at(mediaUrl, "/played/0.ts", () => text("…", { "Cache-Control": "max-age=14400" })),
  ],
  [
    "answer_cacheable",
    "fault",
    "media.films.test",
    at(mediaUrl, "/doctor/index.m3u8", () => problem(403, "signature_missing", { "Cache-Control": "max-age=60" })),
  ],
  [
    "answer_from_cache",
    "fault",
    "media.films.test",
    at(mediaUrl, "/played/180p.m3u8", header("CF-Cache-Status", "HIT", playlist("no-store"))),
  ],
  [
    "answer_from_cache",
    "fault",
    "media.films.test",
    at(mediaUrl, "/played/180p.m3u8", header("X-Cache", "Hit from cloudfront", playlist("no-store"))),
  ],
  [
    "answer_from_cache",
    "fault",
    "api.films.test",
    at(apiUrl, "/stream/start", header("Age", "7", problem(401, "token_missing"))),
  ],
];

describe("a deployment that works correctly", () => {
  it("has no finding", async () => {
    expect(await findingsOf(liveChecks, await world())).toEqual([]);
  });

  it("may serve dynamic content through a cache (CF-Cache-Status: DYNAMIC, Age: 0)", async () => {
    const marked = at(mediaUrl, "/played/180p.m3u8", () =>
      header("CF-Cache-Status", "DYNAMIC", header("Age", "0", playlist("no-store"))())(),
    );
    expect(await findingsOf(liveChecks, await world(marked))).toEqual([]);
  });

  it("is not requested if doctor knows none of its addresses", async () => {
    const unknown = {
      ...{ apiUrl: undefined, mediaUrl: undefined, ring: undefined, catalog: undefined, token: undefined },
      ...{ bearer: undefined, publicBuckets: [], origins: false },
    };
    const requests: string[] = [];
    const live = await world((url) => void requests.push(url.href), unknown);
    const findings = await findingsOf(liveChecks, live);
    expect(new Set(findings.map(({ id }) => id))).toEqual(new Set(["not_looked_at"]));
    expect(requests).toEqual([]);
  });
});

describe.each([
  ["hosts", hosts],
  ["keys", keys],
  ["access", openings],
  ["CORS and caches", caches],
])("a fault of %s is reported by its id:", (_, cases) => {
  for (const [id, severity, about, override, more] of cases)
    it(`${id}, a ${severity} about ${about}`, async () => {
      const findings = (await findingsOf(liveChecks, await world(override, more))).filter(
        (finding) => finding.id === id,
      );
      expect(findings.map((finding) => [finding.severity, finding.about])).toContainEqual([
        severity,
        expect.stringContaining(about),
      ]);
    });
});

describe("the findings and requests of doctor", () => {
  it("contain no secret, credential, grant or signature, whatever is wrong", async () => {
    const requests: string[] = [];
    const broken: Override = (url) => {
      requests.push(url.href);
      return url.pathname.includes("start") ? undefined : new Response(url.href, { status: 200 });
    };
    const output = JSON.stringify(await findingsOf(liveChecks, await world(broken)));
    const grants = requests.flatMap((url) => /2D3R[\w-]{20,}/.exec(url) ?? []);
    expect(grants.length).toBeGreaterThan(2);
    for (const secret of [
      ...grants,
      "let me in please",
      "viewer-token",
      "operator-token",
      "Signature=",
      "seg=",
      "list=",
    ])
      expect(output).not.toContain(secret);
  });

  it("send a secret only to its own origin, and credentials only to the API", async () => {
    const sent: string[] = [];
    const live = await world((url, init) => {
      for (const [name, value] of new Headers(init.headers)) sent.push(`${url.origin} ${name} ${value}`);
      return undefined;
    });
    await findingsOf(liveChecks, live);
    const to = (value: string) =>
      new Set(sent.filter((line) => line.includes(value)).map((line) => line.split(" ")[0]));
    expect(to("let me in please")).toEqual(new Set([origin]));
    expect(to("viewer-token")).toEqual(new Set([apiUrl]));
    expect(to("operator-token")).toEqual(new Set([apiUrl]));
  });

  it("end the session that doctor started", async () => {
    const ended: string[] = [];
    const live = await world((url, init) => void (init.method === "DELETE" && ended.push(url.pathname)));
    await findingsOf(liveChecks, live);
    expect(ended).toEqual(["/stream/s"]);
  });
});
