import { describe, expect, it } from "vitest";
import { verifyToken } from "../../../src/auth/trusted-issuers.ts";
import { now } from "../signing/session.ts";
import { activeAnswer, introspectUrl, provider } from "./providers.ts";
import { audience, issuerName, newPair, token, trusting } from "./tokens.ts";

const thumbprint = "A".repeat(43);

describe("a token that a provider is asked about (RFC 7662)", () => {
  it("becomes a credential, and its username plays no part", async () => {
    const { ask } = provider();
    expect(await ask()).toEqual({
      ok: true,
      value: {
        credential: {
          issuer: issuerName,
          subject: "viewer-1",
          scopes: new Set(["stream:play"]),
          assets: new Set(["film"]),
          expiresAt: now + 900,
          issuedAt: now - 10,
        },
        dpop: "optional",
      },
    });
  });

  it("is sent once, in the body, by a client that says who it is as OAuth writes it", async () => {
    const { asked, code } = provider({}, { clientId: "stage:door ü", clientSecret: "a+b/c=%&é" });
    expect(await code("opaque+/=1")).toBe("ok");
    const [{ url, method, redirect, headers, form } = expect.fail("nobody was asked")] = asked;
    expect([asked.length, url, method, redirect]).toEqual([1, introspectUrl, "POST", "manual"]);
    expect([...form]).toEqual([
      ["token", "opaque+/=1"],
      ["token_type_hint", "access_token"],
    ]);
    expect(headers.get("Accept")).toBe("application/json");
    const [scheme, pair = ""] = headers.get("Authorization")?.split(" ") ?? [];
    expect([scheme, atob(pair)]).toEqual(["Basic", "stage%3Adoor+%C3%BC:a%2Bb%2Fc%3D%25%26%C3%A9"]);
  });

  it.each<[string, Record<string, unknown>]>([
    ["ok", {}],
    ["ok", { iss: undefined }],
    ["ok", { aud: ["other", audience] }],
    ["ok", { token_type: undefined }],
    ["ok", { token_type: "bearer", token_use: "access_token" }],
    ["ok", { token_type: "DPoP", cnf: { jkt: thumbprint } }],
    ["ok", { iat: undefined }],
    ["ok", { nbf: now + 60 }],
    ["ok", { exp: now - 59 }],
    ["token_invalid", { active: false }],
    ["token_invalid", { iss: "https://other.example" }],
    ["token_invalid", { iss: null }],
    ["token_invalid", { aud: undefined }],
    ["token_invalid", { aud: null }],
    ["token_invalid", { aud: "other" }],
    ["token_invalid", { aud: [] }],
    ["token_invalid", { aud: { [audience]: true } }],
    ["token_invalid", { sub: undefined }],
    ["token_invalid", { sub: "" }],
    ["token_invalid", { exp: undefined }],
    ["token_invalid", { exp: String(now + 900) }],
    ["token_invalid", { exp: 1e300 }],
    ["token_expired", { exp: now - 60 }],
    ["token_invalid", { nbf: now + 61 }],
    ["token_invalid", { nbf: "0" }],
    ["token_invalid", { iat: now + 61 }],
    ["token_invalid", { iat: "0" }],
    ["token_invalid", { token_type: "refresh_token" }],
    ["token_invalid", { token_type: 7 }],
    ["token_invalid", { token_use: "refresh_token" }],
    ["token_invalid", { token_use: "id" }],
    ["token_invalid", { token_type: "DPoP" }],
    ["token_invalid", { cnf: { "x5t#S256": thumbprint } }],
    ["store_unavailable", { active: undefined }],
    ["store_unavailable", { active: "true" }],
    ["store_unavailable", { active: 1 }],
  ])("%s where the answer says %j", async (expected, changes) => {
    const { says, code } = provider();
    says(changes);
    expect(await code()).toBe(expected);
  });

  it("without an audience is taken only where that is configured, and never one for somebody else", async () => {
    const { says, code } = provider({}, { withoutAudience: "take", cache: 0 });
    says({ aud: undefined });
    expect(await code()).toBe("ok");
    says({ aud: "other" });
    expect(await code()).toBe("token_invalid");
  });

  it("is for this service by the claim that is configured", async () => {
    const { says, code } = provider({ audienceClaim: "client_id" }, { cache: 0 });
    const judged = async (changes: Readonly<Record<string, unknown>>) => {
      says(changes);
      return code();
    };
    expect(await judged({ aud: undefined, client_id: audience })).toBe("ok");
    expect(await judged({ client_id: audience })).toBe("ok");
    expect(await judged({})).toBe("token_invalid");
    expect(await judged({ aud: "other", client_id: audience })).toBe("token_invalid");
    expect(await judged({ aud: undefined, client_id: "other" })).toBe("token_invalid");
  });

  it("carries the key that it is bound to", async () => {
    const { says, ask } = provider({ dpop: "required" });
    says({ cnf: { jkt: thumbprint } });
    expect(await ask()).toMatchObject({ ok: true, value: { jkt: thumbprint, dpop: "required" } });
  });
});

describe("a provider that gives no answer is our side's failure, and never the token's", () => {
  it.each<[string, () => Response | Promise<Response>]>([
    ["cannot be reached", () => Promise.reject(new TypeError("MARKED"))],
    ["does not know us", () => Response.json(activeAnswer, { status: 401 })],
    ["fails", () => new Response("MARKED", { status: 500 })],
    ["sends us elsewhere", () => Response.redirect("https://evil.example/", 307)],
    ["has nothing to say", () => new Response(null, { status: 204 })],
    ["answers with a page", () => new Response("<html>MARKED")],
    ["answers with nothing", () => new Response("")],
    ["answers with a list", () => Response.json([activeAnswer])],
    ["answers with a word", () => Response.json("active")],
    ["answers with more than 64 kB", () => Response.json({ ...activeAnswer, more: "x".repeat(65_536) })],
  ])("where it %s", async (_, answer) => {
    const { state, ask } = provider();
    state.answer = answer;
    const verified = await ask("MARKEDTOKEN");
    expect(verified).toMatchObject({ ok: false, refusal: { code: "store_unavailable" } });
    expect(JSON.stringify(verified)).not.toContain("MARKED");
  });

  it("where it takes longer than its time", async () => {
    const { state, ask, ringAll } = provider();
    state.answer = () => new Promise(() => undefined);
    const waiting = ask();
    ringAll();
    expect(await waiting).toMatchObject({
      refusal: { code: "store_unavailable", reason: expect.stringContaining("in time") },
    });
  });

  it("and is left in peace for two seconds once it failed three times in a row", async () => {
    const { state, code, asked } = provider();
    state.answer = () => new Response(null, { status: 503 });
    for (let i = 0; i < 20; i++) expect(await code(`token-${i}`)).toBe("store_unavailable");
    expect(asked).toHaveLength(3);
    state.answer = () => Response.json(activeAnswer);
    state.now += 1;
    expect([await code(), asked.length]).toEqual(["store_unavailable", 3]);
    state.now += 1;
    expect([await code(), asked.length]).toEqual(["ok", 4]);
  });

  it.each([400, 429])("but what it answers with %i shuts out nobody else", async (status) => {
    const { state, code, asked } = provider();
    state.answer = () => new Response(null, { status });
    for (let i = 0; i < 20; i++) expect(await code(`odd-${i}`)).toBe("store_unavailable");
    state.answer = () => Response.json(activeAnswer);
    expect([await code(), asked.length]).toEqual(["ok", 21]);
  });
});

describe("an answer", () => {
  it("is kept for the seconds that are configured, and no longer", async () => {
    const { state, code, says, asked } = provider({}, { cache: 3 });
    expect([await code(), await code(), asked.length]).toEqual(["ok", "ok", 1]);
    says({ active: false });
    state.now += 2;
    expect([await code(), asked.length]).toEqual(["ok", 1]);
    state.now += 1;
    expect([await code(), asked.length]).toEqual(["token_invalid", 2]);
  });

  it("is never kept beyond the token's end", async () => {
    const { state, code, says, asked } = provider({}, { cache: 5 });
    says({ exp: now + 2 });
    expect(await code()).toBe("ok");
    state.now += 2;
    await code();
    expect(asked).toHaveLength(2);
  });

  it("is not kept at all where that is configured, be it a yes or a no", async () => {
    const { code, says, asked } = provider({}, { cache: 0 });
    expect([await code(), await code(), asked.length]).toEqual(["ok", "ok", 2]);
    says({ active: false });
    expect([await code(), await code(), asked.length]).toEqual(["token_invalid", "token_invalid", 4]);
  });

  it("that the token is not active is kept for one second, so that who hammers with it asks once", async () => {
    const { state, code, says, asked } = provider();
    says({ active: false });
    for (let i = 0; i < 20; i++) expect(await code()).toBe("token_invalid");
    expect(asked).toHaveLength(1);
    says({});
    state.now += 1;
    expect([await code(), asked.length]).toEqual(["ok", 2]);
  });

  it("that is none is not kept", async () => {
    const { code, says, asked } = provider();
    says({ active: "yes" });
    expect(await code()).toBe("store_unavailable");
    says({});
    expect([await code(), asked.length]).toEqual(["ok", 2]);
  });

  it("about a good token is pushed out by no number of made-up ones", async () => {
    const { code, says, asked } = provider();
    expect(await code("good")).toBe("ok");
    says({ active: false });
    for (let i = 0; i < 2000; i++) await code(`made-up-${i}`);
    expect([await code("good"), asked.length]).toEqual(["ok", 2001]);
    expect([await code("made-up-1999"), await code("made-up-0"), asked.length]).toEqual([
      "token_invalid",
      "token_invalid",
      2002,
    ]);
  });

  it("is of one token alone, and forgotten when somebody asks for that", async () => {
    const { code, forget, says, asked } = provider();
    expect([await code("one"), await code("One"), await code("one ")]).toEqual(["ok", "ok", "ok"]);
    expect(asked).toHaveLength(3);
    says({ active: false });
    forget("one");
    expect([await code("one"), await code("One")]).toEqual(["token_invalid", "ok"]);
    says({});
    forget("one");
    expect(await code("one")).toBe("ok");
  });

  it("that was on its way when it was to be forgotten is not kept", async () => {
    const { code, forget, says, state } = provider();
    const { promise, resolve } = Promise.withResolvers<Response>();
    state.answer = () => promise;
    const early = code("one");
    forget("one");
    resolve(Response.json(activeAnswer));
    expect(await early).toBe("ok");
    says({ active: false });
    expect(await code("one")).toBe("token_invalid");
  });

  it("makes room for others: the oldest of a thousand goes", async () => {
    const { code, asked } = provider();
    for (let i = 0; i < 1001; i++) await code(`token-${i}`);
    expect([await code("token-1"), asked.length]).toEqual(["ok", 1001]);
    expect([await code("token-0"), asked.length]).toEqual(["ok", 1002]);
  });
});

describe("a token is sent to its own issuer alone", () => {
  const one = () => provider({ tokenPrefix: "one_" });
  const two = () => provider({ issuer: "https://two.example", tokenPrefix: "two_" });

  it.each([
    ["one_abc", 1, 0],
    ["two_abc", 0, 1],
    ["abc", 0, 0],
    ["ONE_abc", 0, 0],
  ])("by its prefix: %s", async (text, first, second) => {
    const [a, b] = [one(), two()];
    b.says({ iss: "https://two.example" });
    const { ok } = await verifyToken(text, "opaque", { issuers: [a.issuer, b.issuer] }, now);
    expect([a.asked.length, b.asked.length, ok]).toEqual([first, second, first + second > 0]);
  });

  it("by its iss where it is a JWT, whatever its signature", async () => {
    const pair = await newPair("ES256");
    const asks = provider();
    const keyed = trusting([pair.jwk], { issuer: "https://keys.example" });
    const issuers = [asks.issuer, keyed];
    const judged = async (iss: string) => (await verifyToken(await token(pair, { iss }), "jws", { issuers }, now)).ok;
    expect([await judged(issuerName), asks.asked.length]).toEqual([true, 1]);
    expect([await judged("https://keys.example"), asks.asked.length]).toEqual([true, 1]);
    expect([await judged("https://third.example"), asks.asked.length]).toEqual([false, 1]);
  });

  it("and to nobody where no issuer gives out opaque tokens", async () => {
    const pair = await newPair("ES256");
    const verified = await verifyToken("opaque-1", "opaque", { issuers: [trusting([pair.jwk])] }, now);
    expect(verified).toMatchObject({ ok: false, refusal: { code: "token_invalid" } });
  });
});
