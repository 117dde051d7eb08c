import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { parseNetwork } from "../../../src/base/ip-address.ts";
import type { Place } from "../../../src/base/place.ts";
import { placeOf } from "../../../src/http/request.ts";
import { drain, type HttpFront, httpFront, listenOn, usualLimits } from "../../../src/platform/node/http-front.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(stops.splice(0).map((stop) => stop()));
});

// @hono/node-server replaces these for the whole process, which other files share.
const { Request: OwnRequest, Response: OwnResponse } = globalThis;
afterAll(() => Object.assign(globalThis, { Request: OwnRequest, Response: OwnResponse }));

const thisMachine = [parseNetwork("127.0.0.0/8") ?? []].flat();

/** A front of https://api.tv.test that answers with what the service would see. */
async function front(changes: Partial<HttpFront> = {}, limits = usualLimits) {
  let current: HttpFront = {
    publicUrl: "https://api.tv.test",
    answer: async (request, _, target) =>
      Response.json({
        url: request.url,
        target,
        address: request.headers.get("CF-Connecting-IP"),
        place: placeOf(request, false),
      }),
    waitUntil: () => undefined,
    trustedProxies: [],
    ...changes,
  };
  const server = httpFront(() => current, limits);
  const { port } = await listenOn(server, 0, "127.0.0.1");
  stops.push(() => drain(server, 1_000));
  const ask = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    new Promise<{ readonly status: number; readonly url?: string; readonly address?: string | null; place?: Place }>(
      (resolve, reject) => {
        const outgoing = httpRequest({ host: "127.0.0.1", port, path, headers, agent: false }, (response) => {
          let text = "";
          response.on("data", (chunk) => (text += chunk));
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, ...(response.statusCode === 200 ? JSON.parse(text) : {}) }),
          );
        });
        outgoing.on("error", reject);
        outgoing.end();
      },
    );
  const replace = (next: Partial<HttpFront>) => {
    current = { ...current, ...next };
  };
  return { ask, port, replace };
}

describe("the front of a host on Node", () => {
  it("lets a load balancer ask for /health and /ready over plain HTTP, and nothing else", async () => {
    const { ask } = await front();
    for (const [path, scheme] of [
      ["/health", "https"],
      ["/ready", "https"],
      ["/ready/", "http"],
      ["/health?x=1", "http"],
      ["/metrics", "http"],
      ["/film/0.ts", "http"],
    ] as const)
      expect(await ask(path)).toMatchObject({ url: `${scheme}://api.tv.test${path}` });
  });

  it("lets a trusted machine itself ask for /metrics over plain HTTP, and no client of its proxy", async () => {
    const { ask } = await front({ trustedProxies: thisMachine });
    expect(await ask("/metrics")).toMatchObject({ url: "https://api.tv.test/metrics" });
    const proxied = { "X-Forwarded-For": "203.0.113.7" };
    for (const headers of [proxied, { "X-Forwarded-Proto": "http" }, { ...proxied, "X-Forwarded-Proto": "http" }])
      expect(await ask("/metrics", headers)).toMatchObject({ url: "http://api.tv.test/metrics" });
    expect(await ask("/console")).toMatchObject({ url: "http://api.tv.test/console" });
  });

  describe("reads where a client is", () => {
    const placeHeaders = {
      ...{ country: "cf-ipcountry", region: "x-region", postal: "x-postal", asn: "x-asn", anonymous: "x-hidden" },
    };
    const sent = { "CF-IPCountry": "US", "X-Region": "CA", "X-Postal": "90210", "X-ASN": "AS64500" };
    const place = { country: "US", region: "US-CA", postal: "90210", asn: 64500, anonymous: false };

    it("from the configured headers of a trusted proxy", async () => {
      const { ask } = await front({ trustedProxies: thisMachine, placeHeaders });
      expect((await ask("/x", sent)).place).toEqual(place);
      expect((await ask("/x", { ...sent, "X-Hidden": "1" })).place).toEqual({ ...place, anonymous: true });
      expect((await ask("/x", { ...sent, "X-Hidden": "0" })).place).toEqual(place);
      expect((await ask("/x", { ...sent, "X-Hidden": "perhaps" })).place).toEqual({ ...place, anonymous: undefined });
      expect((await ask("/x", { "CF-IPCountry": "T1" })).place).toEqual({ anonymous: true });
    });

    it("from no other client, from no other header, and of no member whose header has no name", async () => {
      const { ask, replace } = await front({ trustedProxies: [], placeHeaders });
      expect((await ask("/x", sent)).place).toEqual({});
      replace({ trustedProxies: thisMachine, placeHeaders: undefined });
      expect((await ask("/x", sent)).place).toEqual({});
      replace({ placeHeaders: { country: "x-country", region: "x-region" } });
      expect((await ask("/x", sent)).place).toEqual({});
      expect((await ask("/x", { ...sent, "X-Country": "US" })).place).toEqual({ country: "US", region: "US-CA" });
    });

    it("from one value only", async () => {
      const { ask } = await front({ trustedProxies: thisMachine, placeHeaders: { country: "x-country" } });
      expect((await ask("/x", { "X-Country": "US, DE" })).place).toEqual({});
    });
  });

  it("believes X-Forwarded-For and X-Forwarded-Proto of a trusted proxy alone", async () => {
    const headers = { "X-Forwarded-For": "203.0.113.7, 198.51.100.1", "X-Forwarded-Proto": "https" };
    const { ask, replace } = await front();
    expect(await ask("/x", headers)).toMatchObject({ url: "http://api.tv.test/x", address: "127.0.0.1" });
    replace({ trustedProxies: thisMachine });
    expect(await ask("/x", headers)).toMatchObject({ url: "https://api.tv.test/x", address: "198.51.100.1" });
    expect(await ask("/x", { ...headers, "X-Forwarded-For": "unknown" })).toMatchObject({ address: null });
  });

  it("answers with the handler that is current when a request arrives", async () => {
    const { ask, replace } = await front();
    expect((await ask("/x")).url).toBe("http://api.tv.test/x");
    replace({ publicUrl: "https://api.other.test" });
    expect((await ask("/x")).url).toBe("http://api.other.test/x");
  });

  it("refuses headers that are too long, and a request whose headers do not arrive", async () => {
    const { ask, port } = await front({}, { ...usualLimits, headersTimeout: 100 });
    expect((await ask("/x", { "X-Long": "a".repeat(8 * 1024) })).status).toBe(200);
    expect((await ask("/x", { "X-Long": "a".repeat(17 * 1024) })).status).toBe(431);
    const slow = await new Promise<string>((resolve) => {
      let text = "";
      const socket = connect(port, "127.0.0.1", () => void socket.write("GET /x HTTP/1.1\r\nHost: "));
      socket.on("data", (chunk) => (text += chunk));
      socket.on("close", () => resolve(text));
    });
    expect(slow).toMatch(/^HTTP\/1\.1 408 /);
  });
});
