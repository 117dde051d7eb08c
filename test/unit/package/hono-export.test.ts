import { Hono } from "hono";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { bearer, protectMedia } from "../../../src/package/hono.ts";
import { mintGrant, newSessionKey, sessionKeys, signMediaUrl } from "../../../src/package/signing.ts";

const now = 1_795_000_000;
const provider = await generateKeyPair("ES256");
const issuer = {
  issuer: "https://login.example.com",
  audience: "films",
  algorithms: ["ES256" as const],
  jwks: { keys: [{ ...(await exportJWK(provider.publicKey)), kty: "EC" }] },
};

function token(claims: JWTPayload): Promise<string> {
  const all = { iss: issuer.issuer, aud: "films", sub: "viewer-42", exp: now + 60, scope: "stream:play", ...claims };
  return new SignJWT(all).setProtectedHeader({ alg: "ES256" }).sign(provider.privateKey);
}

describe("bearer", () => {
  const refusals: object[] = [];
  const app = new Hono();
  const options = { issuers: [issuer], now: () => now, onRefusal: (refusal: object) => refusals.push(refusal) };
  app.get("/", bearer(options), (context) =>
    context.json({ ...context.var.viewer, scopes: [...context.var.viewer.scopes] }),
  );
  const get = (authorization?: string) =>
    app.request("/", authorization === undefined ? {} : { headers: { Authorization: authorization } });

  it("passes a viewer's token on as a viewer", async () => {
    const response = await get(`Bearer ${await token({})}`);
    expect(await response.json()).toMatchObject({
      issuer: issuer.issuer,
      subject: "viewer-42",
      scopes: ["stream:play"],
      expiresAt: now + 60,
    });
  });

  it.each([
    ["token_missing", 401, undefined, {}],
    ["token_expired", 401, "Bearer", { exp: now - 600 }],
    ["token_invalid", 401, "Bearer", { aud: "other" }],
    ["token_invalid", 401, "Bearer", { iss: "https://other.example.com" }],
    ["scope_insufficient", 403, "Bearer", { scope: "profile" }],
    ["token_invalid", 401, "Bearer", { cnf: { jkt: "a".repeat(43) } }],
    ["token_invalid", 401, "DPoP", {}],
  ])("answers %s with %i", async (code, status, scheme, claims) => {
    const sent = await token(claims);
    const response = await get(scheme && `${scheme} ${sent}`);
    expect([response.status, (await response.json()).code]).toEqual([status, code]);
    expect(response.headers.get("WWW-Authenticate")).toMatch(/^Bearer (?!.*DPoP)/);
    expect(JSON.stringify(refusals.at(-1))).toContain(code);
    expect(JSON.stringify(refusals)).not.toContain(sent);
  });

  it("accepts another scope, or any", async () => {
    const other = new Hono();
    other.get("/files", bearer({ ...options, scope: "files" }), (context) => context.text("files"));
    other.get("/any", bearer({ ...options, scope: undefined }), (context) => context.text("any"));
    const headers = { Authorization: `Bearer ${await token({ scope: "profile" })}` };
    expect((await other.request("/files", { headers })).status).toBe(403);
    expect((await other.request("/any", { headers })).status).toBe(200);
  });

  it("names every fault of the issuers", () => {
    const faulty = () =>
      bearer({
        issuers: [
          { ...issuer, audience: "" },
          { ...issuer, algorithms: [] },
        ],
      });
    expect(faulty).toThrow(/issuers\[0\]\.audience[\s\S]*issuers\[1\]/);
    expect(() => bearer({ issuers: [] })).toThrow("name at least one");
  });
});

describe("protectMedia", async () => {
  const keys = await sessionKeys({ keys: [newSessionKey("k1")] });
  const app = new Hono();
  app.all("*", protectMedia({ keys, issuer: "films", now: () => now }), (context) =>
    context.text(context.var.media.file),
  );
  const grant = mintGrant(keys, {
    issuer: "films",
    subject: "viewer-42",
    prefixes: ["/film/"],
    issuedAt: now,
    expiresAt: now + 3600,
  });
  const url = (expiry: number) => {
    const signed = signMediaUrl(keys, { grant, path: "/film/0.ts", purpose: "segment", expiry });
    return signed.ok ? signed.value : "";
  };

  it("passes the file of a signed URL on", async () => {
    expect(await (await app.request(url(now + 60))).text()).toBe("0.ts");
  });

  it.each([
    ["signature_expired", url(now)],
    ["signature_invalid", url(now + 60).replace("0.ts", "1.ts")],
    ["signature_missing", "/film/0.ts"],
  ])("answers %s with 403", async (code, target) => {
    const response = await app.request(target);
    expect([response.status, (await response.json()).code]).toEqual([403, code]);
    expect(response.headers.get("Cache-Control")).toBe("no-store");
  });

  describe("on another origin than the player's", () => {
    const readable = {
      "access-control-allow-origin": "*",
      "access-control-expose-headers": expect.stringContaining("Stagedoor-Refusal"),
      "cross-origin-resource-policy": "cross-origin",
    };
    const headersOf = ({ headers }: Response) => Object.fromEntries(headers);

    it("answers a preflight without a signature, and allows the headers that it lists", async () => {
      const preflight = { method: "OPTIONS", headers: { "Access-Control-Request-Headers": "range, cmcd-session" } };
      const response = await app.request("/film/0.ts", preflight);
      expect([response.status, await response.text()]).toEqual([204, ""]);
      expect(headersOf(response)).toMatchObject({
        "access-control-allow-origin": "*",
        "access-control-allow-methods": "GET, HEAD, OPTIONS",
        "access-control-allow-headers": "range, cmcd-session",
      });
    });

    it("lets pages read files and refusals", async () => {
      expect(headersOf(await app.request(url(now + 60)))).toMatchObject(readable);
      const refused = await app.request(url(now));
      expect(headersOf(refused)).toMatchObject({ ...readable, "stagedoor-refusal": "signature_expired" });
      expect(headersOf(await app.request(url(now + 60), { method: "POST" }))).toMatchObject(readable);
    });

    it("lets pages read the response of a handler that throws or does not exist", async () => {
      const [empty, failing] = [new Hono(), new Hono()];
      for (const one of [empty, failing]) one.use(protectMedia({ keys, issuer: "films", now: () => now }));
      const missing = await empty.request(url(now + 60));
      expect([missing.status, headersOf(missing)]).toEqual([404, expect.objectContaining(readable)]);
      failing.get("*", () => {
        throw new Error("no file");
      });
      failing.onError((_, context) => context.text("failed", 500));
      const failed = await failing.request(url(now + 60));
      expect([failed.status, headersOf(failed)]).toEqual([500, expect.objectContaining(readable)]);
    });

    it("keeps status, body and headers of the handler's response", async () => {
      const origin = new Hono();
      origin.use(protectMedia({ keys, issuer: "films", now: () => now }));
      origin.get("*", () => Response.json([1], { status: 206, headers: { "Content-Range": "bytes 0-2/9" } }));
      const response = await origin.request(url(now + 60));
      expect([response.status, await response.text(), headersOf(response)]).toEqual([
        206,
        "[1]",
        { ...readable, "content-range": "bytes 0-2/9", "content-type": "application/json" },
      ]);
    });

    it("leaves all that to another middleware with cors: false", async () => {
      const own = new Hono();
      own.use(protectMedia({ keys, issuer: "films", now: () => now, cors: false }));
      own.get("*", (context) => context.text("file"));
      for (const target of [url(now + 60), url(now)])
        expect(Object.keys(headersOf(await own.request(target))).join()).not.toMatch(/access-control|cross-origin/);
      expect((await own.request(url(now + 60), { method: "OPTIONS" })).status).toBe(405);
    });
  });

  it("answers other methods than GET and HEAD with 405", async () => {
    expect((await app.request(url(now + 60), { method: "POST" })).status).toBe(405);
    expect((await app.request(url(now + 60), { method: "HEAD" })).status).toBe(200);
  });
});
