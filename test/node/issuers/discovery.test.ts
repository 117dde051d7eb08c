import { exportJWK, generateKeyPair } from "jose";
import { describe, expect, it } from "vitest";
import { discover, keySetOf } from "../../../cli/lib/discovery.ts";
import { seconds, systemTimer, type Timer } from "../../../src/base/time.ts";
import { newPair } from "../../unit/auth/tokens.ts";
import { fetchFrom, origin, publicKeyOf, recordedProvider, responsesOf, rsaPair } from "./recorded-provider.ts";

const find = (url: string, responses: Readonly<Record<string, unknown>>, expected?: string) =>
  discover(url, { fetch: fetchFrom(responses), timer: systemTimer }, expected);

const well = `${origin}/.well-known/openid-configuration`;

describe("the metadata of a provider", () => {
  it.each([[origin], [`${origin}/`], [well]])("is found for %s", async (url) => {
    const { responses } = await recordedProvider();
    expect(await find(url, responses)).toMatchObject({
      ok: true,
      value: { issuer: origin, jwksUri: `${origin}/jwks`, keys: { algorithms: ["RS256"], usable: 1, leftOut: [] } },
    });
  });

  it("keeps the slash at the end of an issuer, because tokens are compared byte for byte", async () => {
    const { responses } = await recordedProvider({ issuer: `${origin}/` });
    for (const url of [origin, `${origin}/`, well])
      expect(await find(url, responses)).toMatchObject({ ok: true, value: { issuer: `${origin}/` } });
  });

  it.each([`${origin}/realms/media`, `${origin}/.well-known/oauth-authorization-server/realms/media`])(
    "is found where RFC 8414 puts it, for %s",
    async (url) => {
      const { metadata, responses } = await recordedProvider({ issuer: `${origin}/realms/media` });
      const place = `${origin}/.well-known/oauth-authorization-server/realms/media`;
      const found = await find(url, { [place]: metadata, [`${origin}/jwks`]: responses[`${origin}/jwks`] });
      expect(found).toMatchObject({ ok: true, value: { issuer: `${origin}/realms/media` } });
    },
  );

  it.each([
    "https://id.example/other",
    "https://ID.example",
    "http://id.example",
    "https://id.example//",
    "https://evil.example",
  ])("is refused if its issuer is %s", async (issuer) => {
    const { responses } = await recordedProvider({ issuer });
    const found = await find(origin, responses);
    expect(found).toMatchObject({ ok: false, refusal: expect.stringContaining(`"${issuer}", not "${origin}"`) });
  });

  it("is accepted for another issuer only if the operator names exactly that one", async () => {
    const issuer = "https://sts.example/tenant/";
    const { responses } = await recordedProvider({ issuer });
    const refused = await find(origin, responses);
    expect(refused).toMatchObject({ ok: false, refusal: expect.stringContaining(`--issuer '${issuer}'`) });
    expect(await find(origin, responses, issuer)).toMatchObject({ ok: true, value: { issuer } });
    expect(await find(origin, responses, "https://sts.example/tenant")).toMatchObject({
      ok: false,
      refusal: expect.stringContaining("byte for byte"),
    });
  });

  it("is refused if its issuer is a template, and the message asks for the tenant's own address", async () => {
    const { responses } = await recordedProvider({ issuer: `${origin}/{tenantid}/v2.0` });
    expect(await find(origin, responses)).toMatchObject({ ok: false, refusal: expect.stringContaining("<tenant id>") });
  });

  it.each([
    ["without an issuer", { jwks_uri: `${origin}/jwks` }, "needs the member issuer"],
    ["without jwks_uri", { issuer: origin }, "has no jwks_uri"],
    ["with keys over plain HTTP", { issuer: origin, jwks_uri: "http://id.example/jwks" }, "must be an https URL"],
  ])("is refused %s", async (_, metadata, message) => {
    expect(await find(origin, { [well]: metadata })).toMatchObject({
      ok: false,
      refusal: expect.stringContaining(message),
    });
  });

  it.each([
    ["a redirect", new Response("", { status: 302, headers: { Location: "https://evil.example" } }), "answered 302"],
    ["text", new Response("<html>"), "did not answer with JSON"],
    ["more than 256 KiB", new Response(`"${"x".repeat(262_144)}"`), "answered more than 262144 bytes"],
  ])("is refused if the address answers with %s", async (_, response, message) => {
    expect(await find(well, { [well]: response })).toMatchObject({
      ok: false,
      refusal: expect.stringContaining(message),
    });
  });

  it("is refused after five seconds without an answer", async () => {
    const rings: (() => void)[] = [];
    const timer: Timer = (length, ring) => {
      expect(length).toBe(seconds(5));
      rings.push(ring);
      return () => undefined;
    };
    const found = discover(well, { fetch: () => new Promise(() => undefined), timer }, undefined);
    for (const ring of rings) ring();
    expect(await found).toMatchObject({ ok: false, refusal: expect.stringContaining("did not answer within 5 s") });
  });

  it.each(["\u001b]0;owned\u0007", "\u009b2J", "\u202e", "\n"])(
    "reaches no terminal with the control character %j",
    async (control) => {
      const odd = `${origin}/a${control}b`;
      const { metadata, responses } = await recordedProvider();
      const introspected = await find(origin, { ...responses, [well]: { ...metadata, introspection_endpoint: odd } });
      expect(introspected).toMatchObject({ ok: true, value: { introspectionUrl: undefined } });
      for (const changes of [{ issuer: odd }, { jwks_uri: odd }]) {
        const found = await find(origin, { ...responses, [well]: { ...metadata, ...changes } });
        expect(found).toMatchObject({ ok: false, refusal: expect.not.stringContaining(control) });
      }
    },
  );

  it.each(["https://ann@id.example/jwks", "https://:secret@id.example/jwks"])(
    "is refused if its keys are at %s",
    async (address) => {
      const { metadata, responses } = await recordedProvider();
      expect(await find(origin, { ...responses, [well]: { ...metadata, jwks_uri: address } })).toMatchObject({
        ok: false,
        refusal: expect.stringContaining("without a user name"),
      });
    },
  );

  it("names every address that was tried", async () => {
    const found = await find(`${origin}/a`, {});
    expect(found).toMatchObject({ ok: false });
    for (const url of [
      `${origin}/a/.well-known/openid-configuration answered 404`,
      `${origin}/.well-known/oauth-authorization-server/a answered 404`,
    ])
      expect(found).toMatchObject({ refusal: expect.stringContaining(url) });
  });
});

describe("the keys of a provider", () => {
  it("are refused as a whole if one of them is private", async () => {
    const { metadata } = await recordedProvider();
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = { ...(await exportJWK(privateKey)), kid: "leaked" };
    const found = await find(origin, responsesOf(metadata, [jwk]));
    expect(found).toMatchObject({
      ok: false,
      refusal: expect.stringContaining('private half (d) of the key "leaked"'),
    });
    expect(JSON.stringify(found)).not.toContain(jwk.d);
  });

  it("allow an algorithm only if one of them can verify it", async () => {
    const rsa = await rsaPair();
    const [p256, p384, ed] = [await newPair("ES256"), await newPair("ES384"), await newPair("EdDSA")];
    const algorithmsOf = async (keys: readonly object[], announced: readonly string[] = []) =>
      (
        await keySetOf(
          keys.map((key) => ({ ...key })),
          announced,
        )
      ).algorithms;
    expect(await algorithmsOf([publicKeyOf(rsa), publicKeyOf(p384)], ["PS256", "ES256"])).toEqual(["RS256", "ES384"]);
    // A key without alg, as Entra publishes it.
    expect(await algorithmsOf([{ ...rsa.jwk, use: "sig" }], ["HS256", "RS256", "PS256", "none"])).toEqual([
      "RS256",
      "PS256",
    ]);
    expect(await algorithmsOf([rsa.jwk], ["ES256"])).toEqual(["RS256"]);
    expect(await algorithmsOf([p256.jwk], ["RS256"])).toEqual(["ES256"]);
    expect(await algorithmsOf([ed.jwk])).toEqual(["EdDSA", "Ed25519"]);
    expect(await algorithmsOf([publicKeyOf(ed)])).toEqual(["EdDSA"]);
  });

  it.each([
    ["a shared secret", { kty: "oct", k: "c2VjcmV0", alg: "HS256" }, "shared secret"],
    ["a key for encryption", { use: "enc", alg: "RSA-OAEP" }, 'its use is "enc", not sig'],
    ["a key that may not verify", { key_ops: ["wrapKey"] }, "key_ops are without verify"],
    ["an algorithm of another type", { alg: "ES256" }, 'its alg "ES256" is not supported'],
    ["none", { alg: "none" }, 'its alg "none" is not supported'],
    ["an unknown type", { kty: "AKP", alg: "ML-DSA-44" }, "is not supported"],
    ["a short key", { n: "AQAB" }, "less than 2048 bits"],
    ["a malformed key", { kty: "EC", crv: "P-256", alg: "ES256" }, "it is malformed"],
  ])("leave out %s, and say why", async (_, changes, reason) => {
    const { jwk } = await rsaPair();
    const set = await keySetOf([{ ...jwk, kid: "k9", ...changes }], ["RS256"]);
    expect(set).toMatchObject({ algorithms: [], usable: 0 });
    expect(set.leftOut).toEqual([expect.stringMatching(/^The key "k9" is left out: /)]);
    expect(set.leftOut[0]).toContain(reason);
  });
});
