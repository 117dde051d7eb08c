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
    ["dpop_proof_invalid", 401, "DPoP", {}],
  ])("answers %s with %i", async (code, status, scheme, claims) => {
    const sent = await token(claims);
    const response = await get(scheme && `${scheme} ${sent}`);
    expect([response.status, (await response.json()).code]).toEqual([status, code]);
    expect(response.headers.has("WWW-Authenticate")).toBe(true);
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

  it("answers other methods than GET and HEAD with 405", async () => {
    expect((await app.request(url(now + 60), { method: "POST" })).status).toBe(405);
    expect((await app.request(url(now + 60), { method: "HEAD" })).status).toBe(200);
  });
});
