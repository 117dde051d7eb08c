import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { afterEach, describe, expect, inject, it, vi } from "vitest";
import { dispatch } from "../../cli/dispatch.ts";
import type { Finding } from "../../cli/doctor/finding.ts";
import { newDevKeys } from "../../cli/lib/dev-keys.ts";
import { systemClock } from "../../src/base/time.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { signingKey } from "../../src/keys/ring.ts";
import { oneShotHmac } from "../../src/platform/node/node-crypto.ts";
import { probeHeader, probeMark } from "../../src/signing/probe-mark.ts";
import { prepareSessionKeys } from "../../src/signing/session-keys.ts";
import { operatorOf } from "../cluster/operator.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { ceiling } from "../cluster/viewer.ts";
import { folder, secretsIn, stagedoor } from "../node/cli/command-line.ts";

const cluster = inject("usual");
const place = folder();
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

function ringFile(keys: readonly RingKey[]): string {
  const file = join(place, `${crypto.randomUUID()}.json`);
  writeFileSync(file, JSON.stringify({ keys }), { mode: 0o600 });
  return file;
}

function catalogFile(...assets: readonly object[]): string {
  const file = join(place, `${crypto.randomUUID()}.json`);
  writeFileSync(file, JSON.stringify({ version: 1, assets }));
  return file;
}

const r2 = (id: string) => ({ id, origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` }, entry: "index.m3u8" });
const cloudFront = (id: string, keyPairId: string) => ({
  ...r2(id),
  cdn: "cloudfront-signed",
  cloudfront: { keyPairId },
});
const withFunction = { ...r2("vod-cloudfront-function"), cdn: "cloudfront", cdnUrl: cluster.distributionUrl };
const assets = [r2("vod-ts"), r2("vod-fmp4"), cloudFront("vod-cloudfront", "dev-cloudfront-rsa"), withFunction];
const usual = ["--ring", ringFile(cluster.keys), "--catalog", catalogFile(...assets)];
const hosts = ["--api", cluster.apiUrl, "--media", cluster.mediaUrl];

async function findings(...words: readonly string[]): Promise<readonly Finding[]> {
  const outcome = await dispatch(["doctor", ...words]);
  if (outcome.exit === 2) throw new Error(outcome.message);
  const all: readonly Finding[] = Object(outcome.json).findings;
  expect(outcome.exit).toBe(all.some(({ severity }) => severity === "fault") ? 1 : 0);
  return all.filter(({ severity }) => severity !== "fine");
}

/** `id about` of each finding. */
async function ids(...words: readonly string[]): Promise<readonly string[]> {
  return (await findings(...words)).map(({ id, about }) => `${id} ${about}`);
}

/** Starts a server on this machine and returns its address. */
async function server(respond: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const http = createServer(respond);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  stops.push(() => http.close());
  const address = http.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `http://127.0.0.1:${address.port}`;
}

/** A proxy in front of a host that changes its responses, as the rules of a zone do. */
function proxyTo(host: string, change: (headers: Headers) => void, from = "", to = ""): Promise<string> {
  return server(async (request, outgoing) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { host: _, connection: __, "content-length": ___, ...headers } = request.headers;
    const response = await fetch(host + request.url, {
      method: request.method ?? "GET",
      headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
      redirect: "manual",
    });
    const passed = new Headers(response.headers);
    for (const name of ["content-encoding", "content-length", "transfer-encoding"]) passed.delete(name);
    change(passed);
    const text = Buffer.from(await response.arrayBuffer());
    outgoing.writeHead(response.status, [...passed].flat());
    outgoing.end(from === "" ? text : text.toString("utf8").replaceAll(from, to));
  });
}

describe("npx stagedoor doctor, run against running workers,", () => {
  it("marks its requests, so that their refusals are not among those of viewers", async () => {
    const keys = await prepareSessionKeys({ keys: cluster.keys }, oneShotHmac);
    const key = signingKey(keys.values(), systemClock());
    if (key === undefined) throw new Error("no session key");
    const refused = async (url: string, headers: Record<string, string>) => {
      const id = (await fetch(url, { headers })).headers.get("Request-Id");
      if (id === null) throw new Error(`${url} was not refused`);
      return id;
    };
    const operator = { Authorization: `Bearer ${(await operatorOf(cluster, "doctor-mark")).token}` };
    const isListed = async (id: string) => {
      const response = await fetch(`${cluster.apiUrl}/operator/refusals?request=${id}`, { headers: operator });
      return Object(await response.json()).recent.length === 1;
    };
    for (const [host, url] of [
      ["media", `${cluster.mediaUrl}/vod-ts/index.m3u8`],
      ["api", `${cluster.apiUrl}/operator/keys`],
    ] as const) {
      const marked = await refused(url, { [probeHeader]: probeMark(key, host, systemClock()) });
      const forged = await refused(url, { [probeHeader]: probeMark(key, host, systemClock()).replace(/.$/, "!") });
      // A worker reports refusals in their order.
      await expect.poll(() => isListed(forged), { timeout: ceiling }).toBe(true);
      expect([host, await isListed(marked)]).toEqual([host, false]);
    }
  });

  it("finds no fault in sound workers, prints its progress, and shows no secret", async () => {
    const run = await stagedoor("doctor", ...usual, ...hosts);
    expect([run.exit, run.stdout]).toEqual([0, expect.stringMatching(/^ok {4}a stream /m)]);
    for (const check of ["hosts", "live keys", "media host", "cloudfront", "cors"])
      expect(run.stdout).toMatch(new RegExp(`^ok {4}${check} `, "m"));
    expect(run.stderr).toMatch(/^Checking origins …$/m);
    const [, ring = ""] = usual;
    for (const secret of secretsIn(ring)) expect(run.stdout + run.stderr).not.toContain(secret);
    expect(run.stdout + run.stderr).not.toMatch(/eyJ|2D3R|(list|seg|key)=\d|Signature=/);
  });

  it("reads the live catalog by default, and reports a wrong secret of the live origins", async () => {
    vi.stubEnv("LIVE_ORIGIN_SECRET", "another");
    stops.push(() => vi.unstubAllEnvs());
    const reported = await ids(...hosts, "--ring", ringFile(cluster.keys));
    const live = ["live", "live-dvr", "live-event", "live-ll"];
    expect(reported).toEqual(live.map((id) => `origin_refuses_us asset ${id}`));
  });

  it("reports that --api and --media are swapped", async () => {
    const reported = await ids(...usual, "--api", cluster.mediaUrl, "--media", cluster.apiUrl);
    expect(reported).toEqual(
      expect.arrayContaining([`hosts_swapped API ${cluster.mediaUrl}`, `hosts_swapped media host ${cluster.apiUrl}`]),
    );
  });

  it("reports that the workers accept nothing signed with another ring", async () => {
    const reported = await ids(...hosts, "--ring", ringFile(await newDevKeys()), "--catalog", catalogFile(...assets));
    expect(reported).toEqual(
      expect.arrayContaining([
        "key_not_live key dev-session",
        "cloudfront_key_refused asset vod-cloudfront, key dev-cloudfront-rsa",
        `key_not_live key dev-cloudfront-session at ${new URL(cluster.distributionUrl).host}`,
        "operator_refused --bearer",
        "start_refused asset vod-ts",
      ]),
    );
  });

  it("reports a key that is retired in the ring but live in the workers", async () => {
    const retired = cluster.keys.map((key) =>
      key.purpose === "session" ? { ...key, state: "retired" as const } : key,
    );
    const reported = await ids(...hosts, "--ring", ringFile(retired), "--catalog", catalogFile(...assets));
    expect(reported).toContain("retired_key_live key dev-session");
  });

  it("reports a session key that the workers do not have yet", async () => {
    const [more] = await newDevKeys();
    if (more === undefined) throw new Error("there is no key");
    const reported = await ids(
      ...hosts,
      ...["--ring", ringFile([...cluster.keys, { ...more, kid: "dev-second", state: "next" }])],
      ...["--catalog", catalogFile(...assets)],
    );
    expect(reported).toEqual(["key_not_live key dev-second", "api_keys_differ key dev-second"]);
  });

  it("reports an open origin that lists its files", async () => {
    const url = await server((request, response) => {
      if (request.url === "/") return void response.end("<ListBucketResult><Name>films</Name></ListBucketResult>");
      response.end("#EXTM3U\n");
    });
    const open = { id: "open", origin: { type: "http", url: `${url}/open/` }, entry: "index.m3u8" };
    const reported = await ids(...hosts, ...usual.slice(0, 2), "--catalog", catalogFile(...assets, open));
    expect(reported).toEqual(["origin_without_auth asset open", "origin_open asset open", "origin_lists asset open"]);
  });

  it("reports an origin that requires its secret only for a plain GET", async () => {
    const url = await server((request, response) => {
      response.statusCode = request.headers.range === undefined ? 403 : 206;
      response.end();
    });
    const auth = { type: "header", name: "X-Secret", secret: "DOCTOR_TEST_SECRET" };
    const asset = { id: "ranged", origin: { type: "http", url: `${url}/ranged/`, auth }, entry: "index.m3u8" };
    const reported = await ids(...hosts, ...usual.slice(0, 2), "--catalog", catalogFile(...assets, asset));
    expect(reported).toEqual(["origin_secret_absent asset ranged", "origin_open asset ranged"]);
  });

  it("reports a bucket with a public address", async () => {
    const url = await server((request, response) => {
      response.statusCode = request.url === "/vod-ts/index.m3u8" ? 200 : 404;
      response.end();
    });
    expect(await ids(...usual, "--public-bucket", url)).toEqual([`public_bucket_open ${url}`]);
  });

  it("reports a rule that caches everything", async () => {
    const media = await proxyTo(cluster.mediaUrl, (headers) => {
      headers.set("Cache-Control", "public, max-age=14400");
      headers.set("CF-Cache-Status", "HIT");
    });
    const api = await proxyTo(cluster.apiUrl, () => undefined, cluster.mediaUrl, media);
    const all = await findings(...usual, "--api", api, "--media", media);
    const about = new URL(media).host;
    const reported = all.filter((finding) => finding.about === about).map(({ id, found }) => `${id} ${found}`);
    for (const id of ["answer_cacheable", "answer_from_cache"])
      for (const what of ["a playlist", "a refusal"])
        expect(reported).toContainEqual(expect.stringMatching(new RegExp(`^${id} .*${what}`)));
    expect(reported).toContainEqual(expect.stringMatching(/^answer_cacheable .*a segment/));
  });

  it("reports a rule that removes CORS headers", async () => {
    const media = await proxyTo(cluster.mediaUrl, (headers) => headers.delete("Access-Control-Allow-Origin"));
    expect(await ids(...usual, "--media", media)).toContain(`cors_missing media host ${media}`);
  });

  it("reports a host that is silent, and a host that is something else", async () => {
    const other = await server((_, response) => response.end("It works!"));
    const reported = await ids(...usual, "--api", "http://127.0.0.1:9", "--media", other);
    expect(reported).toEqual(
      expect.arrayContaining([
        "host_silent API http://127.0.0.1:9",
        `host_strange media host ${other}`,
        "media_open asset vod-ts",
        "cloudfront_open asset vod-cloudfront",
      ]),
    );
  });

  it("reports workers with a wrong configuration", async () => {
    const broken = await startTestCluster({ STAGEDOOR_EXPIRY_STEP: "never" });
    stops.push(() => void broken.stop());
    const { apiUrl, mediaUrl, keys } = broken.addresses;
    const reported = await ids("--api", apiUrl, "--media", mediaUrl, "--ring", ringFile(keys), ...usual.slice(2));
    expect(reported).toEqual(
      expect.arrayContaining([
        `not_ready API ${apiUrl}`,
        `not_ready media host ${mediaUrl}`,
        "key_untested key dev-session",
      ]),
    );
  });
});
