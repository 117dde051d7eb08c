import { Buffer } from "node:buffer";
import { CAT } from "@eyevinn/cat";
import { describe, expect, it } from "vitest";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { seconds, systemClock, after as timeAfter } from "../../../src/base/time.ts";
import { nobleHmac } from "../../../src/platform/cloudflare/noble-hmac.ts";
import { type GrantClaims, mintGrant } from "../../../src/signing/grant.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";

const kid = "2026-a";
const raw = Buffer.alloc(32, 0x5a);
const claims = {
  issuer: "stagedoor",
  subject: "c3ViamVjdHN1YmplY3RzdQ",
  sessionId: encodeBase64url(new Uint8Array(16).fill(0xfe)),
  prefix: "/film/",
  issuedAt: systemClock(),
  expiresAt: timeAfter(systemClock(), seconds(3600)),
};

async function mint(changes: Partial<GrantClaims> = {}): Promise<string> {
  const k = encodeBase64url(new Uint8Array(raw));
  const keys = await prepareSessionKeys(
    { keys: [{ kid, purpose: "session", kty: "oct", alg: "HS256", k }] },
    nobleHmac,
  );
  const key = keys.get(kid);
  if (key === undefined) throw new Error("no key was prepared");
  return mintGrant({ ...claims, ...changes }, key);
}

/** Validates a grant with an independent implementation of CTA-5007. */
function validate(grant: string, { path = "/film/360p/0.ts", key = raw, issuer = "stagedoor" } = {}) {
  const cat = new CAT({ keys: { [kid]: key }, expectCwtTag: true });
  return cat.validate(grant, "mac", { alg: "HS256", issuer, url: new URL(`https://media.example${path}`) });
}

describe("a grant, validated as a Common Access Token by an independent implementation,", () => {
  it("is accepted under the raw key, with the same claims", async () => {
    const { cat, error } = await validate(await mint());
    expect(error).toBeUndefined();
    expect(cat?.claims).toEqual({
      iss: "stagedoor",
      sub: claims.subject,
      exp: claims.expiresAt,
      iat: claims.issuedAt,
      cti: "fe".repeat(16),
      catv: 1,
      catu: { path: { "prefix-match": "/film/" } },
      catm: ["GET", "HEAD"],
    });
  });

  it("is accepted with private claims for a token and a login", async () => {
    const sixteen = (byte: number) => encodeBase64url(new Uint8Array(16).fill(byte));
    const { cat, error } = await validate(await mint({ token: sixteen(9), login: sixteen(8) }));
    expect(error).toBeUndefined();
    expect(cat?.claims).toMatchObject({ iss: "stagedoor", sub: claims.subject });
  });

  it("covers its prefix, and not a path that only begins the same", async () => {
    const grant = await mint();
    const errors = await Promise.all(
      ["/film/", "/film/a/b.ts", "/film-2/a.ts", "/film", "/"].map(
        async (path) => (await validate(grant, { path })).error,
      ),
    );
    expect(errors.map((error) => error === undefined)).toEqual([true, true, false, false, false]);
  });

  it("covers each of several prefixes, and not their neighbours", async () => {
    const grant = await mint({ otherPrefixes: ["/film.2/", "/series-3/"] });
    const errors = await Promise.all(
      ["/film/a.ts", "/film.2/a.ts", "/series-3/1/a.ts", "/film-2/a.ts", "/x/film/a.ts", "/series-3"].map(
        async (path) => (await validate(grant, { path })).error,
      ),
    );
    expect(errors.map((error) => error === undefined)).toEqual([true, true, true, false, false, false]);
  });

  it("is refused after its expiry, and for another issuer", async () => {
    const expired = await validate(await mint({ expiresAt: timeAfter(claims.issuedAt, seconds(-5)) }));
    expect(expired.error?.message).toMatch(/expired/i);
    const foreign = await validate(await mint(), { issuer: "somebody" });
    expect(foreign.error?.message).toMatch(/issuer/i);
  });

  it("is refused under another key, and with one bit changed", async () => {
    await expect(validate(await mint(), { key: Buffer.alloc(32, 0x5b) })).rejects.toThrow();
    const grant = await mint();
    const changed = grant.slice(0, -3) + (grant.at(-3) === "A" ? "B" : "A") + grant.slice(-2);
    await expect(validate(changed)).rejects.toThrow();
  });
});
