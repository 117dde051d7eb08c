import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { eventOf, loadFunction } from "../../../cli/cloudfront/emulator.ts";
import { EmulatedStore } from "../../../cli/cloudfront/key-value-store.ts";
import { isRefusalCode, problemFor } from "../../../src/http/problems.ts";
import { grantOf, keyOf, now, preparedKeys, signedTarget } from "../../unit/signing/session.ts";
import { contractCases, requests } from "../verifier/requests.ts";
import awsEvents from "./aws-events.json";
import { packed, scriptOf } from "./stage.ts";

const key = keyOf(await preparedKeys(), "2026-a");
const address = "192.0.2.7";
const targetOf = (purpose: "segment" | "playlist", path: string) =>
  signedTarget(key, { purpose, grant: grantOf(key), path });
const segment = targetOf("segment", "/film/A/0.ts");
const playlist = targetOf("playlist", "/film/index.m3u8");

/** Runs the function with an event as it is, and returns what it returned, and the origin that it selected. */
async function runner(storeFailure: "refuse" | "forward" = "refuse") {
  const clock = () => now * 1000;
  const store = new EmulatedStore(clock);
  store.update({ puts: [{ key: "c", value: packed() }] }, store.describe().etag);
  let origin = "default";
  const run = loadFunction({ script: await scriptOf({ storeFailure }), store, clock }, (id) => {
    origin = id;
  });
  return async (event: unknown) => {
    origin = "default";
    return { result: Object(await run(event)), origin };
  };
}

const [run, forwarding] = [await runner(), await runner("forward")];
const event = (target: string, headers: Iterable<readonly [string, string]> = [], method = "GET") =>
  eventOf({ method, target, headers, address }, undefined);

/** What is wrong with a function's result, by the rules of AWS; undefined if it is valid. */
function faultOf({ statusCode, headers, body, ...others }: Record<string, unknown>): string | undefined {
  const entries = Object.entries(Object(headers));
  const odd = entries.find(([name, each]) => name !== name.toLowerCase() || typeof Object(each).value !== "string");
  if (odd !== undefined) return `the header ${odd[0]}`;
  if (statusCode === undefined) return String(others.uri).startsWith("/") ? undefined : "the URI";
  const code = Object(Object(headers)["stagedoor-refusal"]).value;
  const isKnown = isRefusalCode(code)
    ? problemFor(code).status === statusCode
    : statusCode === 204 || statusCode === 307;
  if (!isKnown) return `the status ${statusCode}`;
  return Object.keys(others).length > 0 || (body !== undefined && typeof body !== "string") ? "a member" : undefined;
}

describe("an event of the emulator", () => {
  it("is AWS's published example for the same request, with repeated names of parameters, headers and cookies", () => {
    const { request: example, viewer, context } = awsEvents.complete;
    const headers = [
      ["Host", "video.example.com"],
      ["User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:83.0) Gecko/20100101 Firefox/83.0"],
      ["Accept", "application/json"],
      ["Accept", "application/xml"],
      ["Accept", "text/html"],
      ["Accept-Language", "en-GB,en;q=0.5"],
      ["Accept-Encoding", "gzip, deflate, br"],
      ["Origin", "https://website.example.com"],
      ["Referer", "https://website.example.com/videos/12345678?action=play"],
      ["Cookie", "Cookie1=value1; Cookie2=value2; cookie_consent=true; cookiemv=value3; cookiemv=value4"],
    ] as const;
    const target = "/media/index.mpd?ID=42&Exp=1619740800&TTL=1440&NoValue=&querymv=val1&querymv=val2,val3";
    const made = eventOf({ method: "GET", target, headers, address: "198.51.100.11" }, "GB");
    const { rawQueryString, ...request } = made.request;
    expect([made.version, made.viewer, request]).toEqual(["1.0", viewer, example]);
    expect(Object.keys(made.context).toSorted()).toEqual(Object.keys(context).toSorted());
    expect(rawQueryString()).toBe(target.slice(target.indexOf("?") + 1));
  });

  it("has the raw query of AWS's three scenarios: a text, an empty one after a ?, and undefined without a ?", () => {
    const raw = (target: string) => event(target).request.rawQueryString();
    expect(raw("/page?name=John&age=25&city=Boston")).toBe("name=John&age=25&city=Boston");
    expect([raw("/page?"), raw("/page")]).toEqual(["", undefined]);
  });
});

describe("the CloudFront Function", () => {
  it.each(Object.entries(awsEvents))(
    "refuses AWS's published event, which has no signature: %s",
    async (_, example) => {
      const raw = Object.keys(example.request.querystring).join("&");
      const request = { ...structuredClone(example.request), rawQueryString: () => raw };
      const { result } = await run({ ...example, request });
      expect([result.statusCode, result.headers["stagedoor-refusal"], faultOf(result)]).toEqual([
        ...[403, { value: "signature_missing" }, undefined],
      ]);
    },
  );

  it("leaves headers, cookies and the method of AWS's published event as they are, with a signed URL in it", async () => {
    const [uri = "", raw = ""] = segment.split("?");
    const { request, ...rest } = awsEvents.complete;
    const signed = { ...structuredClone(request), uri, querystring: {}, rawQueryString: () => raw };
    const { result, origin } = await run({ ...rest, request: signed });
    const { rawQueryString, ...returned } = result;
    expect(origin).toBe("default");
    expect(returned).toEqual({ ...request, uri: "/film/A/0.ts", querystring: "" });
  });

  it("names the viewer once to the manifest host, however often the viewer sent the header", async () => {
    const claims = ["203.0.113.9 US", "203.0.113.10 DE"].map((value) => ["Stagedoor-Viewer", value] as const);
    const { result, origin } = await run(event(playlist, claims));
    expect([origin, result.headers["stagedoor-viewer"]]).toEqual(["manifest", { value: `${address} XX` }]);
  });

  it("has no place that the viewer claims", () => {
    const claimed = ["Country", "Country-Region", "Postal-Code", "ASN"].map(
      (name) => [`CloudFront-Viewer-${name}`, "US"] as const,
    );
    const names = Object.keys(event(playlist, claimed).request.headers);
    expect(names.filter((name) => name.startsWith("cloudfront-"))).toEqual([]);
  });

  it.each(["HEAD", "GET"])("serves %s, and refuses every other method before it reads the store", async (method) => {
    expect((await run(event(segment, [], method))).result.uri).toBe("/film/A/0.ts");
    for (const other of ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "get", ""])
      expect((await run(event(segment, [], other))).result.statusCode).toBe(405);
  });

  const names = fc.oneof(
    fc.constantFrom("host", "accept", "range", "origin", "stagedoor-viewer", "cloudfront-viewer-country"),
    fc.constantFrom("access-control-request-headers", "stagedoor-edge-secret", "constructor", "__proto__", "location"),
    fc.string({ unit: fc.constantFrom(..."abcxyz-_.~!0") }).map((name) => `x${name}`),
  );
  const values = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: "binary", maxLength: 30 }));
  const headers = fc.array(fc.tuple(names, values), { maxLength: 8 });
  const odd = fc.oneof(
    fc.constantFrom("", "*", "/", "//", "/?", "?", "http://a.example/film", "/../..", "/%", "/%zz", "/\0", "/é", "/ "),
    fc.string({ unit: "binary", maxLength: 60 }),
    fc
      .tuple(fc.constantFrom("/", "%2F", "a=", "&", "seg=1."), fc.nat(4000))
      .map(([part, count]) => `/${part.repeat(count)}`),
    requests.map(({ target }) => target),
    fc.constantFrom(...contractCases.map(({ target }) => target)),
  );
  const methods = fc.constantFrom("GET", "HEAD", "OPTIONS", "POST", "", "FÖÖ");
  const addresses = fc.oneof(fc.constantFrom(address, "", "::1", "unknown"), fc.string({ maxLength: 40 }));

  it("throws for no event that CloudFront can send, and what it returns is valid", async () => {
    const property = fc.asyncProperty(methods, odd, headers, addresses, async (method, target, sent, ip) => {
      const sentEvent = eventOf({ method, target: target.slice(0, 8192), headers: sent, address: ip }, undefined);
      const { uri } = sentEvent.request;
      const { result } = await run(sentEvent);
      // CloudFront has no URI without a slash at its start, but a function must not pass one on either.
      expect(faultOf(result), `${method} ${uri}`).toBeUndefined();
    });
    await fc.assert(property, { numRuns: 400 });
  });

  it.each([segment, playlist])("does the same whatever headers come in addition: %s", async (target) => {
    const { result: plain, origin: selected } = await run(event(target));
    const property = fc.asyncProperty(headers, async (sent) => {
      const { result, origin } = await run(event(target, sent));
      expect([origin, result.uri, result.querystring]).toEqual([selected, plain.uri, plain.querystring]);
      if (origin === "manifest") expect(result.headers["stagedoor-viewer"]).toEqual({ value: `${address} XX` });
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it("serves a URL of 8,192 bytes, the longest that CloudFront accepts", async () => {
    const of = (path: string) => signedTarget(key, { purpose: "segment", grant: grantOf(key), path });
    const path = `/film/${"a".repeat(8192 - of("/film/").length)}`;
    expect(of(path).length).toBe(8192);
    const { result } = await run(event(of(path)));
    expect([result.uri, result.querystring]).toEqual([path, ""]);
  });

  it("grants nothing to an event without a raw query, as no runtime 2.0 sends it: it refuses, or leaves it to the manifest host", async () => {
    const { rawQueryString, ...request } = event(segment).request;
    const without = { viewer: { ip: address }, request };
    expect((await run(without)).result.statusCode).toBe(503);
    expect((await forwarding(without)).origin).toBe("manifest");
  });
});
