import { describe, expect, it } from "vitest";
import { verifyToken } from "../../../src/auth/trusted-issuers.ts";
import { now } from "../signing/session.ts";
import { activeAnswer, introspectUrl, provider } from "./providers.ts";
import { audience, issuerName, newPair, token, trusting } from "./tokens.ts";

const thumbprint = "A".repeat(43);

describe("an introspected token (RFC 7662)", () => {
  it("becomes a credential, which does not contain its username", async () => {
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

  it("is sent once, in the form body, with the client's credentials encoded for HTTP Basic (RFC 6749 §2.3.1)", async () => {
    const { requests, code } = provider({}, { clientId: "client:id ü", clientSecret: "a+b/c=%&é" });
    expect(await code("opaque+/=1")).toBe("ok");
    const [{ url, method, redirect, headers, form } = expect.fail("no request")] = requests;
    expect([requests.length, url, method, redirect]).toEqual([1, introspectUrl, "POST", "manual"]);
    expect([...form]).toEqual([
      ["token", "opaque+/=1"],
      ["token_type_hint", "access_token"],
    ]);
    expect(headers.get("Accept")).toBe("application/json");
    const [scheme, pair = ""] = headers.get("Authorization")?.split(" ") ?? [];
    expect([scheme, atob(pair)]).toEqual(["Basic", "client%3Aid+%C3%BC:a%2Bb%2Fc%3D%25%26%C3%A9"]);
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
    ["provider_unavailable", { active: undefined }],
    ["provider_unavailable", { active: "true" }],
    ["provider_unavailable", { active: 1 }],
  ])("gets the outcome %s if the provider's answer has %o", async (expected, changes) => {
    const { answerWith, code } = provider();
    answerWith(changes);
    expect(await code()).toBe(expected);
  });

  it("without an audience is accepted only if withoutAudience is `take`, and one for another service never", async () => {
    const { answerWith, code } = provider({}, { withoutAudience: "take", cache: 0 });
    answerWith({ aud: undefined });
    expect(await code()).toBe("ok");
    answerWith({ aud: "other" });
    expect(await code()).toBe("token_invalid");
  });

  it("is for this service if the configured audience claim and any aud say so", async () => {
    const { answerWith, code } = provider({ audienceClaim: "client_id" }, { cache: 0 });
    const outcome = async (changes: Readonly<Record<string, unknown>>) => {
      answerWith(changes);
      return code();
    };
    expect(await outcome({ aud: undefined, client_id: audience })).toBe("ok");
    expect(await outcome({ client_id: audience })).toBe("ok");
    expect(await outcome({})).toBe("token_invalid");
    expect(await outcome({ aud: "other", client_id: audience })).toBe("token_invalid");
    expect(await outcome({ aud: undefined, client_id: "other" })).toBe("token_invalid");
  });

  it("keeps the thumbprint of the key that it is bound to", async () => {
    const { answerWith, ask } = provider({ dpop: "required" });
    answerWith({ cnf: { jkt: thumbprint } });
    expect(await ask()).toMatchObject({ ok: true, value: { jkt: thumbprint, dpop: "required" } });
  });
});

describe("an introspecting provider", () => {
  it.each<[string, () => Response | Promise<Response>]>([
    ["cannot be reached", () => Promise.reject(new TypeError("MARKED"))],
    ["rejects the client's credentials", () => Response.json(activeAnswer, { status: 401 })],
    ["fails", () => new Response("MARKED", { status: 500 })],
    ["redirects", () => Response.redirect("https://evil.example/", 307)],
    ["answers 204", () => new Response(null, { status: 204 })],
    ["answers with a page", () => new Response("<html>MARKED")],
    ["answers with nothing", () => new Response("")],
    ["answers with a list", () => Response.json([activeAnswer])],
    ["answers with a string", () => Response.json("active")],
    ["answers with more than 64 kB", () => Response.json({ ...activeAnswer, more: "x".repeat(65_536) })],
  ])(
    "that %s makes a request fail as provider_unavailable, and the reason does not quote the token",
    async (_, answer) => {
      const { state, ask } = provider();
      state.answer = answer;
      const verified = await ask("MARKEDTOKEN");
      expect(verified).toMatchObject({ ok: false, refusal: { code: "provider_unavailable" } });
      expect(JSON.stringify(verified)).not.toContain("MARKED");
    },
  );

  it("that exceeds its timeout makes the request fail as provider_unavailable", async () => {
    const { state, ask, expireTimers } = provider();
    state.answer = () => new Promise(() => undefined);
    const waiting = ask();
    expireTimers();
    expect(await waiting).toMatchObject({
      refusal: { code: "provider_unavailable", reason: expect.stringContaining("within 2 s") },
    });
  });

  it("that fails three times in a row gets no requests for two seconds", async () => {
    const { state, code, requests } = provider();
    state.answer = () => new Response(null, { status: 503 });
    for (let i = 0; i < 20; i++) expect(await code(`token-${i}`)).toBe("provider_unavailable");
    expect(requests).toHaveLength(3);
    state.answer = () => Response.json(activeAnswer);
    state.now += 1;
    expect([await code(), requests.length]).toEqual(["provider_unavailable", 3]);
    state.now += 1;
    expect([await code(), requests.length]).toEqual(["ok", 4]);
  });

  it.each([400, 429])("that answers %i still gets the next requests at once", async (status) => {
    const { state, code, requests } = provider();
    state.answer = () => new Response(null, { status });
    for (let i = 0; i < 20; i++) expect(await code(`odd-${i}`)).toBe("provider_unavailable");
    state.answer = () => Response.json(activeAnswer);
    expect([await code(), requests.length]).toEqual(["ok", 21]);
  });
});

describe("an introspection answer", () => {
  it("is cached for the configured seconds and no longer", async () => {
    const { state, code, answerWith, requests } = provider({}, { cache: 3 });
    expect([await code(), await code(), requests.length]).toEqual(["ok", "ok", 1]);
    answerWith({ active: false });
    state.now += 2;
    expect([await code(), requests.length]).toEqual(["ok", 1]);
    state.now += 1;
    expect([await code(), requests.length]).toEqual(["token_invalid", 2]);
  });

  it("is never cached beyond the token's expiry", async () => {
    const { state, code, answerWith, requests } = provider({}, { cache: 5 });
    answerWith({ exp: now + 2 });
    expect(await code()).toBe("ok");
    state.now += 2;
    await code();
    expect(requests).toHaveLength(2);
  });

  it("is not cached, active or inactive, if the cache is set to 0", async () => {
    const { code, answerWith, requests } = provider({}, { cache: 0 });
    expect([await code(), await code(), requests.length]).toEqual(["ok", "ok", 2]);
    answerWith({ active: false });
    expect([await code(), await code(), requests.length]).toEqual(["token_invalid", "token_invalid", 4]);
  });

  it("for an inactive token is cached for one second, so that a burst of requests asks the provider once", async () => {
    const { state, code, answerWith, requests } = provider();
    answerWith({ active: false });
    for (let i = 0; i < 20; i++) expect(await code()).toBe("token_invalid");
    expect(requests).toHaveLength(1);
    answerWith({});
    state.now += 1;
    expect([await code(), requests.length]).toEqual(["ok", 2]);
  });

  it("that is malformed is not cached", async () => {
    const { code, answerWith, requests } = provider();
    answerWith({ active: "yes" });
    expect(await code()).toBe("provider_unavailable");
    answerWith({});
    expect([await code(), requests.length]).toEqual(["ok", 2]);
  });

  it("for an active token is not evicted by forged tokens", async () => {
    const { code, answerWith, requests } = provider();
    expect(await code("good")).toBe("ok");
    answerWith({ active: false });
    for (let i = 0; i < 2000; i++) await code(`made-up-${i}`);
    expect([await code("good"), requests.length]).toEqual(["ok", 2001]);
    expect([await code("made-up-1999"), await code("made-up-0"), requests.length]).toEqual([
      "token_invalid",
      "token_invalid",
      2002,
    ]);
  });

  it("applies to one exact token, and is forgotten on request", async () => {
    const { code, forget, answerWith, requests } = provider();
    expect([await code("one"), await code("One"), await code("one ")]).toEqual(["ok", "ok", "ok"]);
    expect(requests).toHaveLength(3);
    answerWith({ active: false });
    forget("one");
    expect([await code("one"), await code("One")]).toEqual(["token_invalid", "ok"]);
    answerWith({});
    forget("one");
    expect(await code("one")).toBe("ok");
  });

  it("that arrives after its token was to be forgotten is not cached", async () => {
    const { code, forget, answerWith, state } = provider();
    const { promise, resolve } = Promise.withResolvers<Response>();
    state.answer = () => promise;
    const early = code("one");
    forget("one");
    resolve(Response.json(activeAnswer));
    expect(await early).toBe("ok");
    answerWith({ active: false });
    expect(await code("one")).toBe("token_invalid");
  });

  it("is evicted, the oldest first, when a thousand others are cached", async () => {
    const { code, requests } = provider();
    for (let i = 0; i < 1001; i++) await code(`token-${i}`);
    expect([await code("token-1"), requests.length]).toEqual(["ok", 1001]);
    expect([await code("token-0"), requests.length]).toEqual(["ok", 1002]);
  });
});

describe("a token for introspection", () => {
  const one = () => provider({ tokenPrefix: "one_" });
  const two = () => provider({ issuer: "https://two.example", tokenPrefix: "two_" });

  it.each([
    ["one_abc", 1, 0],
    ["two_abc", 0, 1],
    ["abc", 0, 0],
    ["ONE_abc", 0, 0],
  ])("is sent only to the issuer with its prefix: %s", async (text, first, second) => {
    const [a, b] = [one(), two()];
    b.answerWith({ iss: "https://two.example" });
    const { ok } = await verifyToken(text, "opaque", { issuers: [a.issuer, b.issuer] }, now);
    expect([a.requests.length, b.requests.length, ok]).toEqual([first, second, first + second > 0]);
  });

  it("that is a JWT is sent only to the issuer in its iss", async () => {
    const pair = await newPair("ES256");
    const asks = provider();
    const keyed = trusting([pair.jwk], { issuer: "https://keys.example" });
    const issuers = [asks.issuer, keyed];
    const outcome = async (iss: string) => (await verifyToken(await token(pair, { iss }), "jws", { issuers }, now)).ok;
    expect([await outcome(issuerName), asks.requests.length]).toEqual([true, 1]);
    expect([await outcome("https://keys.example"), asks.requests.length]).toEqual([true, 1]);
    expect([await outcome("https://third.example"), asks.requests.length]).toEqual([false, 1]);
  });

  it("that is opaque is sent nowhere if no issuer uses introspection", async () => {
    const pair = await newPair("ES256");
    const verified = await verifyToken("opaque-1", "opaque", { issuers: [trusting([pair.jwk])] }, now);
    expect(verified).toMatchObject({ ok: false, refusal: { code: "token_invalid" } });
  });
});
