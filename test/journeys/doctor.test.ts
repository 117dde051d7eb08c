import { writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { afterEach, describe, expect, inject, it, vi } from "vitest";
import { dispatch } from "../../cli/dispatch.ts";
import type { Finding } from "../../cli/doctor/finding.ts";
import { newDevKeys } from "../../cli/lib/dev-keys.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
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
const assets = [r2("vod-ts"), r2("vod-fmp4"), cloudFront("vod-cloudfront", "dev-cloudfront-rsa")];
const usual = ["--ring", ringFile(cluster.keys), "--catalog", catalogFile(...assets)];
const hosts = ["--api", cluster.apiUrl, "--media", cluster.mediaUrl];

async function findings(...words: readonly string[]): Promise<readonly Finding[]> {
  const outcome = await dispatch(["doctor", ...words]);
  if (outcome.exit === 2) throw new Error(outcome.message);
  const found: readonly Finding[] = Object(outcome.json).findings;
  expect(outcome.exit).toBe(found.some(({ severity }) => severity === "fault") ? 1 : 0);
  return found.filter(({ severity }) => severity !== "fine");
}

/** `id about` of each. */
async function ids(...words: readonly string[]): Promise<readonly string[]> {
  return (await findings(...words)).map(({ id, about }) => `${id} ${about}`);
}

/** A server of this machine; its address. */
async function server(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const made = createServer(answer);
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  stops.push(() => made.close());
  const address = made.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return `http://127.0.0.1:${address.port}`;
}

/** Something in front of a host, as a zone's rules are: its answers are changed on the way. */
function inFront(of: string, change: (headers: Headers) => void, from = "", to = ""): Promise<string> {
  return server(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { host: _, connection: __, "content-length": ___, ...headers } = request.headers;
    const answered = await fetch(of + request.url, {
      method: request.method ?? "GET",
      headers: Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]),
      ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
      redirect: "manual",
    });
    const passed = new Headers(answered.headers);
    for (const name of ["content-encoding", "content-length", "transfer-encoding"]) passed.delete(name);
    change(passed);
    const text = Buffer.from(await answered.arrayBuffer());
    response.writeHead(answered.status, [...passed].flat());
    response.end(from === "" ? text : text.toString("utf8").replaceAll(from, to));
  });
}

describe("npx stagedoor doctor beside running workers", () => {
  it("finds no fault in sound ones, tells what it looks at meanwhile, and shows no secret", async () => {
    const ran = await stagedoor("doctor", ...usual, ...hosts);
    expect([ran.exit, ran.stdout]).toEqual([0, expect.stringMatching(/^ok {4}a stream /m)]);
    for (const check of ["hosts", "live keys", "media host", "cloudfront", "cors"])
      expect(ran.stdout).toMatch(new RegExp(`^ok {4}${check} `, "m"));
    expect(ran.stderr).toMatch(/^Checking origins …$/m);
    const [, ring = ""] = usual;
    for (const secret of secretsIn(ring)) expect(ran.stdout + ran.stderr).not.toContain(secret);
    expect(ran.stdout + ran.stderr).not.toMatch(/eyJ|2D3R|(list|seg|key)=\d|Signature=/);
  });

  it("reads the live catalog where none is given: the live origins are where they were started", async () => {
    vi.stubEnv("LIVE_ORIGIN_SECRET", "another");
    stops.push(() => vi.unstubAllEnvs());
    const found = await ids(...hosts, "--ring", ringFile(cluster.keys));
    const live = ["live", "live-dvr", "live-event", "live-ll"];
    expect(found).toEqual(live.map((id) => `origin_refuses_us asset ${id}`));
  });

  it("says of --api and --media that they are swapped", async () => {
    const found = await ids(...usual, "--api", cluster.mediaUrl, "--media", cluster.apiUrl);
    expect(found).toEqual(
      expect.arrayContaining([`hosts_swapped API ${cluster.mediaUrl}`, `hosts_swapped media host ${cluster.apiUrl}`]),
    );
  });

  it("with another ring: no key of it is taken, nor what it vouches for", async () => {
    const found = await ids(...hosts, "--ring", ringFile(await newDevKeys()), "--catalog", catalogFile(...assets));
    expect(found).toEqual(
      expect.arrayContaining([
        "key_not_live key dev-session",
        "cloudfront_key_refused asset vod-cloudfront, key dev-cloudfront-rsa",
        "operator_refused --bearer",
        "start_refused asset vod-ts",
      ]),
    );
  });

  it("with a key that the ring has retired, and the workers have not", async () => {
    const retired = cluster.keys.map((key) =>
      key.purpose === "session" ? { ...key, state: "retired" as const } : key,
    );
    const found = await ids(...hosts, "--ring", ringFile(retired), "--catalog", catalogFile(...assets));
    expect(found).toContain("retired_key_live key dev-session");
  });

  it("with a session key that the workers have not got yet", async () => {
    const [more] = await newDevKeys();
    if (more === undefined) throw new Error("there is no key");
    const found = await ids(
      ...hosts,
      ...["--ring", ringFile([...cluster.keys, { ...more, kid: "dev-second", state: "next" }])],
      ...["--catalog", catalogFile(...assets)],
    );
    expect(found).toEqual(["key_not_live key dev-second", "api_keys_differ key dev-second"]);
  });

  it("with an origin that is open, and lists what it has", async () => {
    const url = await server((request, response) => {
      if (request.url === "/") return void response.end("<ListBucketResult><Name>films</Name></ListBucketResult>");
      response.end("#EXTM3U\n");
    });
    const open = { id: "open", origin: { type: "http", url: `${url}/open/` }, entry: "index.m3u8" };
    const found = await ids(...hosts, ...usual.slice(0, 2), "--catalog", catalogFile(...assets, open));
    expect(found).toEqual(["origin_without_auth asset open", "origin_open asset open", "origin_lists asset open"]);
  });

  it("with an origin that asks for its secret in a plain GET alone", async () => {
    const url = await server((request, response) => {
      response.statusCode = request.headers.range === undefined ? 403 : 206;
      response.end();
    });
    const auth = { type: "header", name: "X-Secret", secret: "DOCTOR_TEST_SECRET" };
    const asset = { id: "ranged", origin: { type: "http", url: `${url}/ranged/`, auth }, entry: "index.m3u8" };
    const found = await ids(...hosts, ...usual.slice(0, 2), "--catalog", catalogFile(...assets, asset));
    expect(found).toEqual(["origin_secret_absent asset ranged", "origin_open asset ranged"]);
  });

  it("with a bucket's public address that is on", async () => {
    const url = await server((request, response) => {
      response.statusCode = request.url === "/vod-ts/index.m3u8" ? 200 : 404;
      response.end();
    });
    expect(await ids(...usual, "--public-bucket", url)).toEqual([`public_bucket_open ${url}`]);
  });

  it("behind a rule that caches everything", async () => {
    const media = await inFront(cluster.mediaUrl, (headers) => {
      headers.set("Cache-Control", "public, max-age=14400");
      headers.set("CF-Cache-Status", "HIT");
    });
    const api = await inFront(cluster.apiUrl, () => undefined, cluster.mediaUrl, media);
    const found = await findings(...usual, "--api", api, "--media", media);
    const about = new URL(media).host;
    const told = found.filter((finding) => finding.about === about).map(({ id, found: what }) => `${id} ${what}`);
    for (const id of ["answer_cacheable", "answer_from_cache"])
      for (const what of ["a playlist", "a refusal"])
        expect(told).toContainEqual(expect.stringMatching(new RegExp(`^${id} .*${what}`)));
    expect(told).toContainEqual(expect.stringMatching(/^answer_cacheable .*a segment/));
  });

  it("behind a rule that takes CORS headers out", async () => {
    const media = await inFront(cluster.mediaUrl, (headers) => headers.delete("Access-Control-Allow-Origin"));
    expect(await ids(...usual, "--media", media)).toContain(`cors_missing media host ${media}`);
  });

  it("where nobody answers, or somebody else does", async () => {
    const other = await server((_, response) => response.end("It works!"));
    const found = await ids(...usual, "--api", "http://127.0.0.1:9", "--media", other);
    expect(found).toEqual(
      expect.arrayContaining([
        "host_silent API http://127.0.0.1:9",
        `host_strange media host ${other}`,
        "media_open asset vod-ts",
        "cloudfront_open asset vod-cloudfront",
      ]),
    );
  });

  it("beside workers that are configured wrongly", async () => {
    const broken = await startTestCluster({ STAGEDOOR_EXPIRY_STEP: "never" });
    stops.push(() => void broken.stop());
    const { apiUrl, mediaUrl, keys } = broken.addresses;
    const found = await ids("--api", apiUrl, "--media", mediaUrl, "--ring", ringFile(keys), ...usual.slice(2));
    expect(found).toEqual(
      expect.arrayContaining([
        `not_ready API ${apiUrl}`,
        `not_ready media host ${mediaUrl}`,
        "key_untested key dev-session",
      ]),
    );
  });
});
