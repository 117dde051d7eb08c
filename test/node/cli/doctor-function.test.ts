import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { emulateDistribution } from "../../../cli/cloudfront/emulator.ts";
import { EmulatedStore } from "../../../cli/cloudfront/key-value-store.ts";
import type { Finding, FindingId, Severity } from "../../../cli/doctor/finding.ts";
import { cloudFrontCheck } from "../../../cli/doctor/live/cloudfront.ts";
import { clocksCheck } from "../../../cli/doctor/live/hosts.ts";
import { liveKeysCheck } from "../../../cli/doctor/live/keys.ts";
import type { Live } from "../../../cli/doctor/live/live.ts";
import { streamCheck } from "../../../cli/doctor/live/stream.ts";
import { after, seconds } from "../../../src/base/time.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import type { FunctionSettings } from "../../../src/cloudfront/function-types.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import { renewUrl } from "../../../src/edge/renew-url.ts";
import { withCors } from "../../../src/http/cors.ts";
import { problemResponse } from "../../../src/http/problem-response.ts";
import { clientOf } from "../../../src/http/request.ts";
import { newEdgeKey } from "../../../src/keys/generate.ts";
import type { EdgeKey } from "../../../src/keys/key.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { packed, scriptOf } from "../cloudfront/stage.ts";
import { films, findingsOf, mediaUrl, now, ringKeys } from "./doctor-stage.ts";
import { type Override, world } from "./doctor-world.ts";

const url = "https://d2.cloudfront.test";
const host = "d2.cloudfront.test";
const secret = "s".repeat(40);
const edgeKey = newEdgeKey("e1", randomBytes);
const distant = {
  ...{ id: "distant", entry: "index.m3u8", cdn: "cloudfront", cdnUrl: url },
  origin: { type: "http", url: "https://bucket.s3.eu-central-1.amazonaws.com/distant/" },
};
const parsed = parseCatalog({ version: 1, assets: [films, distant] });
if (!parsed.ok) throw new Error("the catalog is faulty");
const catalog = parsed.value;
const ring = { keys: [...ringKeys, edgeKey] };
const deployed = await prepareSessionKeys(ring, oneShotHmac);
const both = ["session", "cloudfront-session"] as const;
const edgeKeys = await prepareSessionKeys(ring, oneShotHmac, both);
const scripts = new Map<string, string>();

/** What is wrong with a deployment behind CloudFront. */
interface Faults {
  /** The keys in the store. */
  readonly keys?: readonly EdgeKey[];
  readonly store?: "empty" | "stale" | "failing";
  /** What the store's mark says about renewals. */
  readonly renewal?: "function" | "manifest";
  readonly settings?: Partial<FunctionSettings>;
  /** Replaces the function. */
  readonly script?: string;
  /** The secret that CloudFront sends. */
  readonly secret?: string | undefined;
  /** The clients that the media host believes about a viewer's address, in addition to CloudFront. */
  readonly believes?: "everybody";
  /** Requests that a behaviour without the function passes on to the bucket or the media host. */
  readonly bypass?: (target: string, method: string) => "bucket" | "media host" | undefined;
  /** The viewer's address. */
  readonly address?: string;
  /** Further keys that the media host has. */
  readonly known?: readonly EdgeKey[];
  /** Whether the media host renews URLs. */
  readonly renews?: boolean;
  /** Changes the distribution's responses. */
  readonly change?: (response: Response) => Response;
  /** Seconds that the distribution's clock is ahead. */
  readonly ahead?: number;
}

async function script(settings: Partial<FunctionSettings>): Promise<string> {
  const name = JSON.stringify(settings, (_, value) => value ?? null);
  const text = scripts.get(name) ?? (await scriptOf(settings));
  scripts.set(name, text);
  return text;
}

/** S3 behind an origin access control: it answers 403 for a file that does not exist. */
const bucket = () =>
  new Response("<Error><Code>AccessDenied</Code></Error>", { status: 403, headers: { Server: "AmazonS3" } });

/** The media host, with everything that the check of a URL needs. */
async function media(headers: Headers, target: string, faults: Faults): Promise<Response> {
  const { believes, renews = true, known = [] } = faults;
  // A proxy that adds the secret to every request.
  if (believes === "everybody") headers.set("Stagedoor-Edge-Secret", secret);
  const client = clientOf(new Request(mediaUrl, { headers }), () => "", false, [secret]);
  const cloudFrontKeys = new Map([...edgeKeys, ...(await prepareSessionKeys({ keys: known }, oneShotHmac, both))]);
  const context = { keys: deployed, cloudFrontKeys, catalog, now, grantIssuer: "stagedoor", client };
  const checked = checkMediaRequest(target, context);
  if (checked.verdict === "expired" && renews) return renewUrl(checked.access, now, seconds(300), seconds(30));
  const code = checked.verdict === "passed" ? "object_unknown" : checked.refusal.code;
  const response = withCors(problemResponse({ code, reason: "" }));
  response.headers.set("Request-Id", "0".repeat(16));
  return response;
}

/** A deployment whose films an emulated CloudFront serves. It is sound except for the faults. */
async function behindCloudFront(faults: Faults = {}, more: Partial<Live> = {}): Promise<Live> {
  const { keys = [edgeKey], renewal = "function", settings = {}, address = "203.0.113.7", bypass } = faults;
  const store = new EmulatedStore(() => now * 1000);
  const until = after(now, seconds(faults.store === "stale" ? 0 : 600));
  if (faults.store !== "empty")
    store.update({ puts: [{ key: "c", value: packed({ keys, renewal, until }) }] }, store.describe().etag);
  store.isFailing = faults.store === "failing";
  const sent = "secret" in faults ? faults.secret : secret;
  const origins = {
    default: { fetch: async () => bucket() },
    manifest: {
      customHeaders: sent === undefined ? {} : { "Stagedoor-Edge-Secret": sent },
      fetch: async ({ target, headers }: { target: string; headers: Headers }) =>
        media(
          withHeaders(new Response(null, { headers }), { "CF-Connecting-IP": "198.51.100.1" }).headers,
          target,
          faults,
        ),
    },
  };
  const text = faults.script ?? (await script(settings));
  const distribution = emulateDistribution({ script: text, store, clock: () => now * 1000, origins });
  const override: Override = async (at, init) => {
    const [method, headers] = [init.method ?? "GET", new Headers(init.headers)];
    const target = at.href.slice(at.origin.length);
    if (at.origin === mediaUrl && at.pathname !== "/health") {
      headers.set("CF-Connecting-IP", address);
      return media(headers, target, faults);
    }
    if (at.origin !== url) return undefined;
    const passed = bypass?.(target, method);
    if (passed === "bucket") return bucket();
    if (passed === "media host") return media(headers, target, faults);
    const response = await distribution({ method, target, headers, address });
    return withHeaders(faults.change?.(response) ?? response, {
      Date: new Date(Date.now() + 1000 * (faults.ahead ?? 0)).toUTCString(),
    });
  };
  return world(override, { catalog, ring, ...more });
}

function withHeaders(response: Response, headers: Readonly<Record<string, string>>): Response {
  const all = { ...Object.fromEntries(response.headers), ...headers };
  return new Response(response.body, { status: response.status, headers: all });
}

const checks = [clocksCheck, liveKeysCheck, cloudFrontCheck];

async function findings(faults: Faults = {}, more: Partial<Live> = {}): Promise<readonly Finding[]> {
  const live = await behindCloudFront(faults, { apiUrl: undefined, bearer: undefined, ...more });
  const found = await findingsOf(checks, live);
  for (const hidden of ["2D3R", "seg=", "list=", secret]) expect(JSON.stringify(found)).not.toContain(hidden);
  return found.filter(({ id }) => id !== "not_looked_at");
}

describe("a distribution with CloudFront's function", () => {
  it.each([
    ["whose viewer has an IPv4 address", {}],
    ["whose viewer has an IPv6 address", { address: "2001:db8:1:2::7" }],
    ["whose store leaves renewals to the media host", { renewal: "manifest" }],
    ["whose function forwards while its store fails", { settings: { storeFailure: "forward" } }],
    ["whose service does not renew URLs", { settings: { renewal: undefined }, renews: false }],
  ] as const)("%s has no finding if it is sound", async (_, faults) => {
    expect(await findings(faults)).toEqual([]);
  });

  it("is not requested without the ring, and the report says what is missing", async () => {
    const live = await behindCloudFront(
      {
        bypass: () => {
          throw new Error("a request");
        },
      },
      { ring: undefined },
    );
    expect(await findingsOf([cloudFrontCheck], live)).toMatchObject([
      { id: "not_looked_at", do: expect.stringContaining("--media, --ring") },
    ]);
  });
});

const odd = (target: string) => target.split("?")[0]?.endsWith(".stagedoor") === true;
const functionOf = (body: string) => `async function handler(event) { ${body} return event.request; }`;

type Case = readonly [what: string, id: FindingId, severity: Severity, about: string, faults: Faults, text?: RegExp];
const cases: readonly Case[] = [
  [
    ...(["a behaviour without the function", "function_missing", "fault", host] as const),
    { bypass: (target) => (odd(target) ? "bucket" : undefined) },
    /\*\.stagedoor with another deployment's signature \(403\), \*\.stagedoor without a signature \(403\)/,
  ],
  [
    ...(["a function at the default behaviour alone", "function_missing", "fault", host] as const),
    { bypass: (target) => (target.includes(".m3u8") ? "media host" : undefined) },
    /\*\.m3u8 without a signature \(403 signature_missing, by the media host\)/,
  ],
  [
    ...(["a behaviour without the function for an asset's own path", "function_missing", "fault", host] as const),
    { bypass: (target) => (target.startsWith("/distant/") ? "bucket" : undefined) },
    /the entry of distant \(403\)/,
  ],
  [
    ...(["a root without the function", "function_missing", "fault", host] as const),
    { bypass: (target) => (target === "/" ? "bucket" : undefined) },
    /the root \(403\)/,
  ],
  [
    ...(["a HEAD without the function", "function_missing", "fault", host] as const),
    { bypass: (_, method) => (method === "HEAD" ? "bucket" : undefined) },
    /a HEAD of \*\.ts \(403\)/,
  ],
  [
    ...(["a behaviour without OPTIONS", "cors_missing", "fault", host] as const),
    { bypass: (_, method) => (method === "OPTIONS" ? "bucket" : undefined) },
    /a preflight \(403\)/,
  ],
  ["no function at all", "function_missing", "fault", host, { script: functionOf("") }],
  ["a function that throws", "function_failed", "fault", host, { script: functionOf("throw new Error();") }],
  ["an empty store", "function_store_unavailable", "fault", host, { store: "empty" }],
  ["a store that was not written for too long", "function_store_unavailable", "fault", host, { store: "stale" }],
  ["a store that fails", "function_store_unavailable", "fault", host, { store: "failing" }],
  [
    ...(["a store with an old key", "key_not_live", "fault", "key e1"] as const),
    { keys: [newEdgeKey("e0", randomBytes)] },
    /403 key_unknown/,
  ],
  [
    ...(["a store with another key of the same kid", "key_not_live", "fault", "key e1"] as const),
    { keys: [newEdgeKey("e1", randomBytes)] },
    /403 grant_invalid/,
  ],
  ["a function of another issuer", "key_not_live", "fault", "key e1", { settings: { issuer: "another" } }],
  [
    ...(["a function with a list of other assets", "function_asset_unknown", "fault", "asset distant"] as const),
    { settings: { assets: { another: "shared" } } },
  ],
  [
    ...(["a function with another pause allowance", "function_differs", "fault", host] as const),
    { settings: { renewal: { lifetime: 900, step: 30 } } },
    /renews a URL for 9\d\d s, and the media host renews a URL for 3\d\d s/,
  ],
  [
    ...(["a function that does not renew", "function_differs", "fault", host] as const),
    { settings: { renewal: undefined } },
    /The function renews no URL/,
  ],
  [
    ...(["a renewal whose redirect is lost", "renewal_broken", "fault", host] as const),
    { renewal: "manifest", change: (response) => (response.status === 307 ? bucket() : response) },
    /is answered 403 in place of 307/,
  ],
  [
    ...(["a renewal whose signature is changed", "renewal_broken", "fault", host] as const),
    {
      change: (response) => {
        const location = response.headers.get("Location")?.slice(0, -1);
        return location === undefined ? response : withHeaders(response, { Location: location });
      },
    },
    /redirected to a URL that is answered 403 signature_missing/,
  ],
  ["no secret at the distribution", "edge_secret_refused", "fault", host, { secret: undefined }],
  ["another secret at the distribution", "edge_secret_refused", "fault", host, { secret: "x".repeat(40) }],
  [
    ...(["a media host that believes everybody", "viewer_header_trusted", "fault", "media.films.test"] as const),
    { believes: "everybody" },
  ],
  ["a clock that is wrong", "clock_off", "fault", url, { ahead: 90 }],
];

describe("a fault of a distribution is reported by its id:", () => {
  for (const [what, id, severity, about, faults, text = /./] of cases)
    it(`${id}: ${what}`, async () => {
      expect((await findings(faults)).filter((finding) => finding.id === id)).toMatchObject([
        { severity, about: expect.stringContaining(about), found: expect.stringMatching(text) },
      ]);
    });

  it("a key that the store does not have yet is a warning while it does not sign", async () => {
    const next = { ...newEdgeKey("e2", randomBytes), state: "next" } as const;
    const ringWithNext = { ring: { keys: [...ringKeys, edgeKey, next] } };
    expect(await findings({ known: [next] }, ringWithNext)).toMatchObject([
      { id: "key_not_live", severity: "warning", about: `key e2 at ${host}` },
    ]);
  });

  it("a retired key that the store still has is a fault", async () => {
    const old = { ...newEdgeKey("e0", randomBytes), state: "retired" } as const;
    const ringWithOld = { ring: { keys: [...ringKeys, edgeKey, old] } };
    expect(await findings({ keys: [edgeKey, old] }, ringWithOld)).toMatchObject([
      { id: "retired_key_live", severity: "fault", about: `key e0 at ${host}` },
    ]);
  });
});

describe("a stream at a distribution", () => {
  const grant = "2D3RgrantOfThisViewer";
  const played = `${url}/${grant}/distant`;
  const playlists: Readonly<Record<string, string>> = {
    "index.m3u8": "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n180p.m3u8?list=1.x\n",
    "180p.m3u8": "#EXTM3U\n#EXTINF:4,\n0.ts?seg=1.x\n",
  };
  const cached = { "X-Cache": "Hit from cloudfront", "Access-Control-Allow-Origin": "*" };

  /** A start of each asset, and what the distribution then serves; `segment` is its response to a segment. */
  async function streamed(segment: (method: string, headers: Headers) => Response): Promise<readonly Finding[]> {
    const started: string[] = [];
    const override: Override = (at, init) => {
      const [method, headers] = [init.method ?? "GET", new Headers(init.headers)];
      if (at.pathname === "/stream/start" && headers.has("Authorization")) {
        started.push(String(init.body));
        const manifestUrl = String(init.body).includes("distant")
          ? `${played}/index.m3u8?list=1.x`
          : `${mediaUrl}/played/index.m3u8?list=1.x`;
        const session = { sessionId: "s", grant, manifestUrl };
        return Response.json(session, { status: 201, headers: { "Cache-Control": "no-store" } });
      }
      if (!at.href.startsWith(played)) return undefined;
      const playlist = playlists[at.pathname.split("/").at(-1) ?? ""];
      return playlist === undefined
        ? segment(method, headers)
        : new Response(playlist, { headers: { "Cache-Control": "no-store", "X-Cache": "Miss from cloudfront" } });
    };
    const found = await findingsOf([streamCheck], await world(override, { catalog, ring }));
    expect(started).toEqual(['{"asset":"film"}', '{"asset":"distant"}']);
    expect(JSON.stringify(found)).not.toContain(grant);
    return found;
  }
  const sound = (_: string, headers: Headers) =>
    new Response(null, { status: headers.has("Range") ? 206 : 200, headers: cached });

  it("has no finding if its cache serves a segment to every page, by HEAD and in ranges", async () => {
    expect(await streamed(sound)).toEqual([]);
  });

  it.each([
    ["cors_missing", host, () => new Response(null, { headers: { "X-Cache": "Hit from cloudfront" } })],
    [
      "stream_broken",
      "asset distant",
      (_: string, headers: Headers) => new Response(headers.has("Range") ? "…" : null, { headers: cached }),
    ],
    [
      "stream_broken",
      "asset distant",
      (method: string) => new Response(null, { status: method === "HEAD" ? 403 : 206, headers: cached }),
    ],
    ["grant_in_cache", host, () => new Response(null, { headers: { ...cached, Link: `</${grant}/distant/1.ts>` } })],
  ] as const)("%s about %s is found at a cached segment", async (id, about, segment) => {
    expect(await streamed(segment)).toContainEqual(expect.objectContaining({ id, about, severity: "fault" }));
  });
});
