import { createHmac } from "node:crypto";
import { readFileSync } from "node:fs";
import { decode, encode, Tagged } from "cborg";
import { describe, expect, it } from "vitest";
import { functionScript, maxFunctionBytes } from "../../../cli/lib/function-script.ts";
import { refusal } from "../../../src/base/result.ts";
import { mediaPreflight, withCors } from "../../../src/http/cors.ts";
import { problemResponse } from "../../../src/http/problem-response.ts";
import { grantOf, in5Minutes, keyOf, now, preparedKeys, ringKeys, signedTarget } from "../../unit/signing/session.ts";
import { type Node, parse, strays } from "../verifier/language.ts";
import { packed, Stage, scriptOf, settings } from "./stage.ts";

const script = await scriptOf();
const key = keyOf(await preparedKeys(), "2026-a");
const client = { address: "192.0.2.7", userAgent: "Player/1.0" };
const segment = signedTarget(key, { purpose: "segment", grant: grantOf(key), path: "/film/A/0.ts" });

/** Awaits that are neither a declaration's nor an assignment's whole value: the runtime refuses them in arguments. */
function nestedAwaits(node: Node): readonly string[] {
  return Object.entries(node).flatMap(([name, value]) =>
    [value]
      .flat()
      .filter((each): each is Node => typeof Object(each).type === "string")
      .flatMap((child) => {
        const isOwn = (node.type === "VariableDeclarator" && name === "init") || node.type === "AssignmentExpression";
        return [...(child.type === "AwaitExpression" && !isOwn ? [node.type] : []), ...nestedAwaits(child)];
      }),
  );
}

describe("the script of the CloudFront Function", () => {
  it("has at most 10,240 bytes", () => {
    expect(maxFunctionBytes).toBe(10_240);
    expect(Buffer.byteLength(script)).toBeLessThanOrEqual(10_240);
  });

  it("is refused if it exceeds them, with its size", async () => {
    const assets = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`film-${at}`, "shared" as const]));
    expect(await functionScript({ ...settings, assets })).toMatchObject({
      ok: false,
      refusal: expect.stringMatching(/^the function has 1\d{4} bytes, and CloudFront accepts 10240: /),
    });
  });

  it("has the language of the verifier, the imports of the runtime and one async function at its top", () => {
    const tree = parse(script, "js");
    const faults = strays(tree).filter((fault) => fault !== "ImportDefaultSpecifier");
    expect(faults.toSorted()).toEqual([
      ...Array.from({ length: script.split("await ").length - 1 }, () => "AwaitExpression"),
      "FunctionDeclaration that is async or a generator",
    ]);
    expect(script).toMatch(/[;}]async function handler\(/);
    expect(nestedAwaits(tree)).toEqual([]);
    expect(nestedAwaits(parse("async function f(){g(await h())}", "js"))).toEqual(["CallExpression"]);
  });

  it("contains no name that the build was to replace", () => {
    expect(script).not.toMatch(/settings|responses/);
  });

  it("is TypeScript for the least standard library", () => {
    const { files, compilerOptions } = JSON.parse(
      readFileSync("tsconfig.verifier.json", "utf8").replaceAll(/^\s*\/\/.*$/gm, ""),
    );
    expect(compilerOptions.lib).toEqual(["ES5"]);
    expect(files).toContain("src/cloudfront/viewer-request.ts");
  });
});

describe("the responses of the CloudFront Function", () => {
  const stage = new Stage(script);
  const fetch = (method: string, target: string, headers: Record<string, string> = {}) => {
    stage.time = now * 1000;
    return stage.fetch({ method, target, headers: new Headers(headers), address: client.address });
  };
  const own = (headers: Headers) =>
    Object.fromEntries([...headers].filter(([name]) => !["x-cache", "access-control-expose-headers"].includes(name)));

  it.each([
    ["signature_missing", "GET", "/film/A/0.ts"],
    ["path_invalid", "GET", "/film//A/0.ts"],
    ["method_not_covered", "POST", segment],
  ] as const)("are those of the core: %s", async (code, method, target) => {
    const response = await fetch(method, target);
    const core = withCors(problemResponse(refusal(code, "").refusal));
    expect([response.status, own(response.headers)]).toEqual([core.status, own(core.headers)]);
    expect(response.headers.get("Access-Control-Expose-Headers")).toContain("Stagedoor-Refusal");
    const { type, status } = await core.json();
    expect(await response.json()).toEqual({ type, status, code });
  });

  it("refuse with 503 and Retry-After if the store fails, and ask the manifest host if that is configured", async () => {
    const other = new Stage(await scriptOf({ storeFailure: "forward" }));
    stage.store.isFailing = other.store.isFailing = true;
    const response = await fetch("GET", segment);
    stage.store.isFailing = false;
    expect([response.status, response.headers.get("Retry-After"), response.headers.get("Stagedoor-Refusal")]).toEqual([
      ...[503, "2", "store_unavailable"],
    ]);
    expect(await other.outcome({ target: segment, client, now })).toEqual({
      ...{ origin: "manifest", target: segment, viewer: `${client.address} XX` },
    });
  });

  it.each([{}, { "Access-Control-Request-Headers": "range, x-own" }])(
    "allow what a preflight asks for: %o",
    async (headers) => {
      const response = await fetch("OPTIONS", segment, headers);
      const core = mediaPreflight(new Headers(headers));
      expect(response.status).toBe(core.status);
      for (const name of ["origin", "methods", "max-age"])
        expect(response.headers.get(`Access-Control-Allow-${name}`)).toBe(
          core.headers.get(`Access-Control-Allow-${name}`),
        );
      const allowed = response.headers.get("Access-Control-Allow-Headers");
      expect(allowed).toBe("Access-Control-Request-Headers" in headers ? "range, x-own" : "*");
    },
  );

  it("pass HEAD on like GET", async () => {
    expect(await stage.outcome({ target: segment, client, now }, "HEAD")).toEqual({
      ...{ origin: "default", target: "/film/A/0.ts" },
    });
  });

  it("ask S3 for a plus sign by its escape, because S3 reads a bare one as a space", async () => {
    const target = signedTarget(key, { purpose: "segment", grant: grantOf(key), path: "/film/audio+video/0.ts" });
    expect(await stage.outcome({ target, client, now })).toEqual({
      ...{ origin: "default", target: "/film/audio%2Bvideo/0.ts" },
    });
  });

  it("leave a query of more than 1,024 characters to the manifest host, because it would cost the function much time", async () => {
    const forwarded = { origin: "manifest", viewer: `${client.address} XX` };
    for (const more of ["(".repeat(1024), "=&".repeat(512), "&".repeat(1024)])
      for (const target of [`${segment}&${more}`, segment.replace("?", `?${more}&`), `/film/A/0.ts?${more}a`])
        for (const at of [now, in5Minutes])
          expect(await stage.outcome({ target, client, now: at })).toEqual({ ...forwarded, target });
  });

  it("name the viewer's address to the manifest host, whatever the viewer claims", async () => {
    const target = signedTarget(key, { purpose: "playlist", grant: grantOf(key), path: "/film/index.m3u8" });
    const claimed = { "Stagedoor-Viewer": "203.0.113.9 US", "CloudFront-Viewer-Country": "US" };
    expect(await stage.outcome({ target, client, now }, "GET", claimed)).toMatchObject({
      viewer: `${client.address} XX`,
    });
  });
});

describe("a grant", () => {
  it("is what CloudFront's own check of CWTs accepts: COSE_Mac0 with HS256, of at most 1 KB", () => {
    const bytes = Buffer.from(grantOf(key), "base64url");
    expect(bytes.length).toBeLessThanOrEqual(1024);
    const tags = { 61: (inner: () => unknown) => inner(), 17: (inner: () => unknown) => new Tagged(17, inner()) };
    const { tag, value } = Object(decode(bytes, { tags, useMaps: true }));
    const [header, unprotected, payload, mac] = value;
    expect([tag, unprotected.size]).toEqual([17, 0]);
    expect(decode(header, { useMaps: true })).toEqual(
      new Map<number, unknown>([
        [1, 5],
        [4, new TextEncoder().encode("2026-a")],
      ]),
    );
    const [ringKey] = ringKeys;
    const hmac = createHmac("sha256", Buffer.from(String(ringKey?.k), "base64url"));
    const signed = hmac.update(encode(["MAC0", header, new Uint8Array(), payload])).digest();
    expect(Buffer.from(mac)).toEqual(signed);
  });
});

it("the packed entry of four keys leaves room for a filter of 1,900 bits at least", () => {
  expect(packed().length).toBeLessThan(1024 - 1900 / 6);
});
