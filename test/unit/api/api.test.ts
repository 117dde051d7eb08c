import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { token } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { type Api, api, brokenCatalog, start } from "./start.ts";

let shared: Api;
let good: string;
beforeAll(async () => {
  shared = await api();
  good = await token(shared.issuer);
});

const path = "/stream/start";

async function outcome(init: RequestInit, at = path): Promise<[status: number, code: unknown]> {
  const response = await shared.send(at, init);
  const body: unknown = response.headers.get("Content-Type")?.includes("json") ? await response.json() : undefined;
  expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  const code = typeof body === "object" && body !== null && "code" in body ? body.code : undefined;
  return [response.status, code];
}

describe("POST /stream/start", () => {
  it("answers 201 with the session and its manifest URL, not cacheable", async () => {
    const response = await shared.send(path, start(good));
    expect([response.status, response.headers.get("Cache-Control")]).toEqual([201, "no-store"]);
    expect(response.headers.get("Content-Type")).toMatch(/^application\/json/);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(await response.json()).toEqual({
      sessionId: expect.stringMatching(/^[A-Za-z0-9_-]{22}$/),
      manifestUrl: expect.stringMatching(
        /^https:\/\/media\.example\/[A-Za-z0-9_-]+\/film\/index\.m3u8\?list=1795000300\.[A-Za-z0-9_-]{22}$/,
      ),
      manifestExpiresAt: "2026-11-18T11:11:40Z",
      sessionExpiresAt: "2026-11-18T17:06:40Z",
      grant: expect.stringMatching(/^[A-Za-z0-9_-]{100,}$/),
    });
  });

  it.each<[number, string, string | null]>([
    [400, "body_invalid", null],
    [400, "body_invalid", ""],
    [400, "body_invalid", "asset=film"],
    [400, "body_invalid", "null"],
    [400, "body_invalid", '"film"'],
    [400, "body_invalid", '["film"]'],
    [400, "body_invalid", "{}"],
    [400, "body_invalid", '{"asset":""}'],
    [400, "body_invalid", '{"asset":["film"]}'],
    [400, "body_invalid", '{"asset":null}'],
    [400, "body_invalid", '{"__proto__":{"asset":"film"}}'],
    [400, "body_invalid", `{"asset":"${"a".repeat(65)}"}`],
    [400, "body_invalid", `{"asset":"film","x":"${"a".repeat(4096)}"}`],
    [400, "body_invalid", `{"asset":"film"}${" ".repeat(4096)}`],
    [403, "asset_forbidden", '{"asset":"film-2"}'],
    [403, "asset_forbidden", '{"asset":"no-such-film"}'],
    [403, "asset_forbidden", '{"asset":"__proto__"}'],
    [403, "asset_forbidden", '{"asset":"film/"}'],
    [403, "asset_forbidden", '{"asset":"../film"}'],
    [400, "body_invalid", '{"asset":"film","more":1}'],
    [400, "body_invalid", '{"asset":"film","__proto__":{}}'],
    [201, "", '\ufeff{"asset":"film"}\n'],
  ])("answers %d %s to the body %j", async (status, code, body) => {
    expect(await outcome(start(good, body))).toEqual([status, code === "" ? undefined : code]);
  });

  it.each([
    ["", "the body: Send JSON. It is empty."],
    ["asset=film", "the body: Send JSON, not a form."],
    ["{asset: film}", "the body: Send JSON, with names and strings in double quotes."],
  ])("says what to send instead of the body '%s'", async (body, fault) => {
    const response = await shared.send(path, start(good, body));
    expect(await response.json()).toMatchObject({ code: "body_invalid", faults: [fault] });
  });

  it.each([
    ['{"asset":"film","takeOver":true}', ["takeOver: no such member"]],
    ['{"asset":"film","Takeover":true,"session":60}', ["Takeover: no such member", "session: no such member"]],
    ['{"Asset":"film"}', ["asset: Use a string: it is missing.", "Asset: no such member"]],
    ['{"asset":"film","takeover":"true"}', ["takeover: Use a boolean, not a string."]],
    ['["film"]', ["the body: Use an object, not an array."]],
    ['{"asset":"film","eyJhbGciOi J9.x":1}', ["a member with another name: no such member"]],
    [`{"asset":"film","${"t".repeat(65)}":1}`, ["a member with another name: no such member"]],
  ])("lists the errors of the body %s", async (body, faults) => {
    const response = await shared.send(path, start(good, body));
    expect(await response.json()).toMatchObject({ code: "body_invalid", faults });
    // An unknown name may be a secret, so it is not logged.
    const [line = ""] = shared.log.slice(-1);
    expect(JSON.parse(line)).toMatchObject({
      code: "body_invalid",
      reason: expect.stringContaining("the body does not match"),
    });
    for (const name of ["takeOver", "Takeover", "Asset", "session", "eyJ", "ttt"]) expect(line).not.toContain(name);
  });

  it("lists some of many unknown members", async () => {
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`m${i}`, 1]));
    const response = await shared.send(path, start(good, JSON.stringify({ asset: "film", ...many })));
    expect(Object(await response.json()).faults).toHaveLength(16);
  });

  it("reveals whether an asset exists only to tokens that name it", async () => {
    const all = await token(shared.issuer, { assets: "*" });
    expect(await outcome(start(all, '{"asset":"no-such-film"}'))).toEqual([404, "asset_unknown"]);
    expect(await outcome(start(all, '{"asset":"film-2"}'))).toEqual([201, undefined]);
  });

  it.each([
    [401, "token_missing", undefined, undefined],
    [401, "token_missing", "Basic eDp5", undefined],
    [400, "request_invalid", "Bearer a, Bearer b", undefined],
    [401, "token_invalid", "Bearer e30.e30.AAAA", undefined],
    [401, "token_expired", undefined, { exp: now - 61 }],
    [403, "scope_insufficient", undefined, { scope: "openid" }],
    [403, "scope_insufficient", undefined, { scope: undefined }],
    [403, "asset_forbidden", undefined, { assets: undefined }],
  ])("answers %d %s to the header %j and the claims %j", async (status, code, Authorization, claims) => {
    const headers = Authorization === undefined ? {} : { Authorization };
    const init =
      claims === undefined ? start(undefined, undefined, { headers }) : start(await token(shared.issuer, claims));
    expect(await outcome(init)).toEqual([status, code]);
  });

  it("checks the token before the body, so that a caller without one learns nothing", async () => {
    expect(await outcome(start(undefined, "{"))).toEqual([401, "token_missing"]);
    expect(await outcome(start(undefined, "x".repeat(10_000)))).toEqual([401, "token_missing"]);
  });

  it("reads at most the maximum size of a body", async () => {
    let pulled = 0;
    const endless = new ReadableStream({
      pull(controller) {
        pulled++;
        if (pulled > 100) controller.error(new Error("the body was read too far"));
        else controller.enqueue(new Uint8Array(1024).fill(0x20));
      },
    });
    const init: RequestInit & { duplex: "half" } = { ...start(good, endless), duplex: "half" };
    const request = new Request(`https://api.example${path}`, init);
    expect((await shared.send(path, request)).status).toBe(400);
    expect(pulled).toBeLessThan(10);
  });
});

describe("the route of a start", () => {
  it.each(["GET", "HEAD", "PUT", "DELETE", "PATCH"])("answers %s with 405 and Allow", async (method) => {
    const response = await shared.send(path, { method });
    expect([response.status, response.headers.get("Allow")]).toEqual([405, "POST, OPTIONS"]);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
  });

  it("answers a preflight without a token, for all origins and the headers of a start", async () => {
    const headers = {
      Origin: "https://site.example",
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "authorization,content-type",
    };
    const response = await shared.send(path, { method: "OPTIONS", headers });
    expect([response.status, await response.text()]).toEqual([204, ""]);
    expect(Object.fromEntries(response.headers)).toEqual({
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "POST, OPTIONS",
      "access-control-allow-headers": "Authorization, Content-Type, CTA-Common-Access-Token, DPoP",
      "access-control-max-age": "86400",
      "cache-control": "no-store",
    });
  });

  it.each([201, 401])("lets any page read a response %d and its headers, without credentials", async (status) => {
    const response = await shared.send(path, start(status === 201 ? good : undefined));
    expect(response.status).toBe(status);
    expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(response.headers.get("Access-Control-Expose-Headers")?.split(", ")).toEqual(
      expect.arrayContaining(["WWW-Authenticate", "Retry-After"]),
    );
    expect(response.headers.has("Access-Control-Allow-Credentials")).toBe(false);
  });

  it.each([
    "/",
    "/stream",
    "/stream/start/",
    "/stream/start/x",
    "/STREAM/START",
    "/api/v1/stream/start",
    "/stream//start",
  ])("is not found at %s", async (other) => {
    expect(await outcome(start(good), other)).toEqual([404, "route_unknown"]);
  });

  it("is mounted below the base path and nowhere else", async () => {
    const { send, issuer } = await api({}, "/api/v1");
    const init = start(await token(issuer));
    const statuses = ["/api/v1/stream/start", "/stream/start", "/api/v2/stream/start", "/api/v1"].map(
      async (at) => (await send(at, init)).status,
    );
    expect(await Promise.all(statuses)).toEqual([201, 404, 404, 404]);
  });
});

describe("a failure of the service", () => {
  it("is answered 503 with Retry-After if a store is down, with the reason in the log only", async () => {
    const { send, issuer, log } = await api({ catalog: brokenCatalog });
    const response = await send(path, start(await token(issuer)));
    expect([response.status, response.headers.has("Retry-After")]).toEqual([503, true]);
    expect(await response.text()).not.toContain("MARKED");
    expect(log.join("\n")).toContain("MARKED");
  });

  it("is answered 500 with CORS headers and without its message if it is an exception", async () => {
    const { send, issuer, log } = await api({
      clock: () => now,
      random: () => {
        throw new Error("MARKEDREASON");
      },
    });
    const response = await send(path, start(await token(issuer)));
    expect([response.status, response.headers.get("Access-Control-Allow-Origin")]).toEqual([500, "*"]);
    expect(await response.text()).not.toContain("MARKED");
    expect(log).toEqual([expect.stringMatching(/^\{"worker":"api","event":"error","error":"Error at /)]);
    expect(log.join()).not.toContain("MARKED");
  });

  it("is answered 500 if there is no active key", async () => {
    const { send, issuer } = await api({ keys: new Map() });
    expect((await send(path, start(await token(issuer)))).status).toBe(500);
  });
});

describe("arbitrary requests", () => {
  it("get a known status; the log has one line per refusal and no token", async () => {
    const words = fc.constantFrom("Bearer ", good, "{", "}", '"asset"', ":", '"film"', "[", ",", "null", "\\u0000");
    const noise = fc.array(fc.oneof(words, fc.string({ unit: "binary" }))).map((parts) => parts.join(""));
    const header = fc
      .array(fc.oneof(words, fc.string({ unit: "binary-ascii" })))
      .map((parts) => parts.join("").replaceAll(/[^ -~]/g, ""));
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(noise, fc.uint8Array(), fc.json()),
        header,
        fc.boolean(),
        async (body, authorization, known) => {
          const before = shared.log.length;
          const headers = { Authorization: known ? `Bearer ${good}` : authorization };
          const sent = typeof body === "string" ? body : new Uint8Array(body);
          const [status] = await outcome({ method: "POST", headers, body: sent });
          expect([201, 400, 401, 403]).toContain(status);
          const lines = shared.log.slice(before);
          expect(lines).toHaveLength(status === 201 ? 0 : 1);
          expect(lines.join("")).not.toMatch(/[\r\n]|eyJ/);
        },
      ),
    );
  });

  it("never cause an exception, whatever the path", async () => {
    await fc.assert(
      fc.asyncProperty(fc.webPath(), fc.constantFrom("GET", "POST", "OPTIONS", "DELETE"), async (at, method) => {
        const response = await shared.send(`https://api.example${at}`, { method });
        expect([404, 405, 204, 401]).toContain(response.status);
        expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
      }),
    );
  });
});
