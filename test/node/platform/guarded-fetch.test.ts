import { createServer, type RequestListener, type Server } from "node:http";
import type { LookupFunction } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { httpOrigin } from "../../../src/origin/http-origin.ts";
import { guardedFetch, isPublicAddress } from "../../../src/platform/node/guarded-fetch.ts";
import { httpOriginOf, sampleAsset } from "../../unit/catalog/sample.ts";

const requests: string[] = [];
let server: Server;
let port: number;
let respond: RequestListener = (_, response) => void response.end("segment");

beforeAll(async () => {
  server = createServer((request, response) => {
    requests.push(`${request.headers.host} ${request.url}`);
    respond(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  port = typeof address === "object" && address !== null ? address.port : 0;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  requests.length = 0;
  respond = (_, response) => void response.end("segment");
});

/** A resolver that knows one name. */
function resolver(name: string, ...addresses: readonly string[]): LookupFunction {
  return (asked, _, callback) => {
    const found = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
    if (asked === name) callback(null, found);
    else callback(Object.assign(new Error("ENOTFOUND"), { code: "ENOTFOUND" }), "", 0);
  };
}

async function load(url: string, fetch = guardedFetch([])) {
  const init = {
    method: "GET",
    headers: new Headers(),
    redirect: "manual",
    signal: AbortSignal.timeout(5000),
  } as const;
  const response = await fetch(url, init);
  return response === "private_address" ? response : { status: response.status, text: await response.text() };
}

describe("an origin's fetch", () => {
  it.each([
    ["127.0.0.1"],
    ["127.1"],
    ["0x7f.1"],
    ["0177.0.0.1"],
    ["2130706433"],
    ["127.0.0.1."],
    ["0"],
    ["[::1]"],
    ["[::]"],
    ["[::ffff:127.0.0.1]"],
    ["[::ffff:7f00:1]"],
    ["[::127.0.0.1]"],
    ["[64:ff9b::127.0.0.1]"],
  ])("sends nothing to the address %s, which is this machine", async (host) => {
    expect(await load(`http://${host}:${port}/0.ts`)).toBe("private_address");
    expect(requests).toEqual([]);
  });

  it("sends nothing to localhost", async () => {
    for (const name of ["localhost", "LOCALHOST"])
      expect(await load(`http://${name}:${port}/0.ts`)).toBe("private_address");
    expect(requests).toEqual([]);
  });

  it.each([
    ["a private address", ["127.0.0.1"]],
    ["a private and a public address", ["198.41.0.4", "127.0.0.1"]],
    ["the metadata of a cloud", ["169.254.169.254"]],
    ["a unique local address", ["fd00:ec2::254"]],
    ["a link-local address with its interface", ["fe80::1%eth0"]],
  ])("sends nothing to a name with %s", async (_, addresses) => {
    const fetch = guardedFetch([], resolver("films.example", ...addresses));
    expect(await load(`http://films.example:${port}/0.ts`, fetch)).toBe("private_address");
    expect(requests).toEqual([]);
  });

  it("connects to a listed host and port, by its name or address, and to no other port of it", async () => {
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`])
      expect(await load(`http://${host}/0.ts`, guardedFetch([host]))).toEqual({ status: 200, text: "segment" });
    expect(await load(`http://127.1:${port}/0.ts`, guardedFetch([`127.0.0.1:${port}`]))).toMatchObject({ status: 200 });
    expect(await load(`http://127.0.0.1:${port}/0.ts`, guardedFetch(["127.0.0.1", `localhost:${port}`]))).toBe(
      "private_address",
    );
  });

  it("returns a response as fetch does: redirects are not followed, and bodies are decoded", async () => {
    const fetch = guardedFetch([`127.0.0.1:${port}`]);
    respond = (_, response) => void response.writeHead(302, { Location: "/1.ts" }).end();
    expect(await load(`http://127.0.0.1:${port}/0.ts`, fetch)).toEqual({ status: 302, text: "" });
    respond = (_, response) => void response.writeHead(304).end();
    expect(await load(`http://127.0.0.1:${port}/0.ts`, fetch)).toEqual({ status: 304, text: "" });
    respond = (_, response) => void response.writeHead(200, { "Content-Encoding": "gzip" }).end(gzipSync("segment"));
    expect(await load(`http://127.0.0.1:${port}/0.ts`, fetch)).toEqual({ status: 200, text: "segment" });
  });

  it("fails as fetch does if the name is unknown", async () => {
    await expect(load("http://films.example/", guardedFetch([], resolver("other.example")))).rejects.toThrow(TypeError);
  });
});

describe("an HTTP origin on Node", () => {
  const open = (host: string, listed: readonly string[]) =>
    httpOrigin({
      fetch: guardedFetch(listed),
      clock: () => unixSeconds(1_800_000_000),
      secretOf: () => undefined,
      originSecrets: {},
    })({
      asset: sampleAsset({ origin: httpOriginOf({ url: `http://${host}/films/42/` }) }),
      path: "0.ts",
      query: "token=SECRET",
      method: "GET",
    });

  it("names the member and the host to list if the origin has a private address, and nothing of the URL", async () => {
    expect(await open(`localhost:${port}`, [])).toEqual({
      ok: false,
      refusal: {
        code: "configuration_invalid",
        reason: `film: the origin's host has a private, loopback or link-local address: list "localhost:${port}" in host.privateOrigins of stagedoor.config.json if it is yours`,
      },
    });
  });

  it("reads a listed host, with its length and type", async () => {
    const result = await open(`localhost:${port}`, [`localhost:${port}`]);
    expect(
      result.ok && [result.value.status, result.value.headers.get("Content-Type"), await result.value.text()],
    ).toEqual([200, "video/mp2t", "segment"]);
  });

  it("follows no redirect of a listed host to another private host", async () => {
    respond = (_, response) =>
      void response.writeHead(302, { Location: `http://127.0.0.1:${port}/films/42/1.ts` }).end();
    expect(await open(`localhost:${port}`, [`localhost:${port}`])).toMatchObject({
      ok: false,
      refusal: { code: "origin_failed", reason: expect.stringContaining("another host") },
    });
    expect(requests).toEqual([`localhost:${port} /films/42/0.ts?token=SECRET`]);
    const location = `http://127.0.0.1:${port}/films/42/1.ts`;
    expect(await load(location, guardedFetch([`localhost:${port}`]))).toBe("private_address");
    expect(requests).toHaveLength(1);
  });
});

describe("an address", () => {
  it.each([
    ...["0.0.0.0", "0.255.255.255", "10.0.0.0", "10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1"],
    ...["127.255.255.255", "169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.0.0.0"],
    ...["192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255"],
    ...["198.51.100.7", "203.0.113.7", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255"],
    ...[
      "::",
      "::1",
      "::127.0.0.1",
      "::ffff:10.0.0.1",
      "::ffff:0:127.0.0.1",
      "64:ff9b::10.0.0.1",
      "64:ff9b:1::1",
      "100::1",
    ],
    ...["2001::1", "2001:1ff:ffff::1", "2001:db8::1", "2002:7f00:1::", "3fff::1", "5f00::1", "fc00::1", "fd00::1"],
    ...["fe80::1", "febf::1", "fec0::1", "ff02::1", "fe80::1%lo", "", "localhost", "127.1"],
  ])("is not public: %s", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it.each([
    ...["1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.1"],
    ...[
      "169.253.255.255",
      "169.255.0.0",
      "172.15.255.255",
      "172.32.0.0",
      "192.0.1.0",
      "192.167.255.255",
      "192.169.0.0",
    ],
    ...["198.17.255.255", "198.20.0.0", "223.255.255.255", "2001:200::1", "2001:4860:4860::8888", "2606:4700::1"],
    ...["2a00:1450::1", "3ffe::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"],
  ])("is public: %s", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });
});
