import { beforeAll, describe, expect, it } from "vitest";
import type { Presented } from "../../../src/auth/credential.ts";
import type { IdentitySession } from "../../../src/auth/identity-credential.ts";
import { type CredentialSources, credentialOf } from "../../../src/auth/request-credential.ts";
import type { IntrospectedIssuer } from "../../../src/auth/verify-jwt.ts";
import type { systemTimer } from "../../../src/base/time.ts";
import type { TelemetryEvent } from "../../../src/metrics/telemetry.ts";
import { now } from "../signing/session.ts";
import { newOperatorPair, operatorToken } from "./operators.ts";
import { apiUrl, identityToken, identityWith, requestWith, sessionCookie, signedIn, sourcesOf } from "./sources.ts";
import { newPair, type Pair, token, trusting } from "./tokens.ts";

let pair: Pair;
beforeAll(async () => {
  pair = await newPair("ES256");
});

const cookieRequest = () => requestWith({ Cookie: sessionCookie, Origin: apiUrl });
const tokenRequest = (text = identityToken) => requestWith({ Authorization: `Bearer ${text}` });

/** Sources with an identity worker that answers `session`, and the list of its calls. */
function withIdentity(session: IdentitySession | undefined, changes: Partial<CredentialSources> = {}) {
  const calls: Presented[] = [];
  const sessions = async (presented: Presented) => {
    calls.push(presented);
    return session;
  };
  return { calls, sources: sourcesOf({ identity: identityWith(sessions), ...changes }) };
}

/** An introspecting issuer, with the tokens that were introspected and forgotten. */
function introspecting(cnf: string | undefined = undefined, tokenPrefix: string | undefined = undefined) {
  const calls: string[] = [];
  const forgotten: string[] = [];
  const { settings: usual } = trusting([pair.jwk]);
  const settings = { ...usual, tokenPrefix };
  const credential = {
    issuer: settings.issuer,
    subject: "viewer-1",
    scopes: new Set<string>(),
    assets: new Set<string>(),
    expiresAt: now,
    issuedAt: undefined,
    tokenId: undefined,
    loginId: undefined,
    streams: undefined,
  };
  const issuer: IntrospectedIssuer = {
    settings,
    introspection: {
      ask: async (text) => {
        calls.push(text);
        return { ok: true, value: { credential, jkt: cnf, dpop: "optional" } };
      },
      forget: (text) => void forgotten.push(text),
    },
  };
  return { issuer, calls, forgotten };
}

describe("a request's credential", () => {
  it("is validated once for fifty simultaneous callers and for later ones", async () => {
    const { calls, sources } = withIdentity(signedIn);
    const credential = credentialOf(cookieRequest(), sources);
    const answers = await Promise.all(Array.from({ length: 50 }, () => credential.validate()));
    expect(new Set([...answers, await credential.validate()]).size).toBe(1);
    expect(calls).toEqual([{ kind: "cookie", cookie: sessionCookie }]);
  });

  it("is validated once even if it is refused", async () => {
    const { calls, sources } = withIdentity(undefined);
    const credential = credentialOf(cookieRequest(), sources);
    await Promise.all([credential.validate(), credential.validate()]);
    await credential.validate();
    expect(calls).toHaveLength(1);
  });

  it("is read, or found missing, without a call to the identity worker", async () => {
    const { calls, sources } = withIdentity(signedIn);
    expect(credentialOf(tokenRequest(), sources).read()).toMatchObject({ ok: true, value: { kind: "bearer" } });
    expect(await credentialOf(requestWith(), sources).validate()).toMatchObject({ refusal: { code: "token_missing" } });
    expect(calls).toEqual([]);
  });

  it("is validated again after it was invalidated, so that changes of the user take effect", async () => {
    let session: IdentitySession | undefined = signedIn;
    const sources = sourcesOf({ identity: identityWith(async () => session) });
    const credential = credentialOf(cookieRequest(), sources);
    expect(await credential.validate()).toMatchObject({ ok: true, value: { streams: 2 } });
    session = { ...signedIn, streams: 7 };
    expect(await credential.validate()).toMatchObject({ ok: true, value: { streams: 2 } });
    credential.invalidate();
    expect(await credential.validate()).toMatchObject({ ok: true, value: { streams: 7 } });
    session = undefined;
    credential.invalidate();
    expect(await credential.validate()).toMatchObject({ refusal: { code: "sign_in_required" } });
  });

  it("is refused with advice if it is an operator's, which opens no viewer's route", async () => {
    const text = await operatorToken(await newOperatorPair());
    expect(await credentialOf(tokenRequest(text), sourcesOf({})).validate()).toMatchObject({
      refusal: { code: "token_invalid", faults: [expect.stringMatching(/^Authorization: Send a viewer's token\./)] },
    });
  });

  it("is removed from the introspection cache when it is invalidated", async () => {
    const { issuer, calls, forgotten } = introspecting();
    const credential = credentialOf(tokenRequest("opaque"), sourcesOf({ issuers: [issuer] }));
    await credential.validate();
    expect(forgotten).toEqual([]);
    credential.invalidate();
    await credential.validate();
    expect([calls, forgotten]).toEqual([["opaque", "opaque"], ["opaque"]]);
  });

  it("can be invalidated even if it is missing", () => {
    expect(() => credentialOf(requestWith(), sourcesOf()).invalidate()).not.toThrow();
  });
});

describe("a sign-in session", () => {
  it.each([
    ["its cookie", cookieRequest],
    ["its token", tokenRequest],
  ])("becomes a credential through %s", async (_, request) => {
    const { sources } = withIdentity(signedIn);
    expect(await credentialOf(request(), sources).validate()).toEqual({
      ok: true,
      value: {
        issuer: apiUrl,
        subject: "user-1",
        scopes: new Set(["stream:play"]),
        assets: new Set(["film"]),
        issuedAt: now - 60,
        expiresAt: now + 600,
        tokenId: undefined,
        loginId: "login-1",
        streams: 2,
      },
    });
  });

  it("allows the whole catalog if its user has all assets", async () => {
    const { sources } = withIdentity({ ...signedIn, assets: "*" });
    expect(await credentialOf(cookieRequest(), sources).validate()).toMatchObject({ value: { assets: "*" } });
  });

  it.each<[string, IdentitySession | undefined]>([
    ["does not exist", undefined],
    ["has expired", { ...signedIn, expiresAt: now * 1000 }],
    ["has an invalid expiry", { ...signedIn, expiresAt: Number.NaN }],
    ["has an invalid start", { ...signedIn, createdAt: -1 }],
  ])("that %s gets sign_in_required with a cookie and token_invalid with a token", async (_, session) => {
    const { sources } = withIdentity(session);
    const code = async (request: ReturnType<typeof requestWith>) => {
      const validated = await credentialOf(request, sources).validate();
      return validated.ok ? "ok" : validated.refusal.code;
    };
    expect([await code(cookieRequest()), await code(tokenRequest())]).toEqual(["sign_in_required", "token_invalid"]);
  });

  it.each([
    ["fails", () => Promise.reject(new Error("MARKED"))],
    [
      "fails at once",
      () => {
        throw new Error("MARKED");
      },
    ],
    ["does not answer in time", () => new Promise<undefined>(() => undefined)],
  ])("gets store_unavailable if the identity worker %s", async (_, sessions) => {
    const sources = sourcesOf({ identity: identityWith(sessions), timer: immediateTimer });
    for (const request of [cookieRequest(), tokenRequest()])
      expect(await credentialOf(request, sources).validate()).toEqual({
        ok: false,
        refusal: { code: "store_unavailable", reason: "the identity worker did not answer" },
      });
  });

  it("is refused as a DPoP token without a call to the identity worker, because it is never bound to a key", async () => {
    const { calls, sources } = withIdentity(signedIn);
    const request = requestWith({ Authorization: `DPoP ${identityToken}`, DPoP: "e30.e30.AAAA" });
    expect(await credentialOf(request, sources).validate()).toMatchObject({ refusal: { code: "token_invalid" } });
    expect(calls).toEqual([]);
  });
});

describe("an opaque token", () => {
  const signature = `${"+/".repeat(21)}A=`;
  const shapes = [
    "a".repeat(32),
    `${"a".repeat(32)}.${signature}`,
    `${"Z9".repeat(16)}.${encodeURIComponent(signature)}`,
  ];
  const others = ["a".repeat(31), "a".repeat(33), `${"a".repeat(31)}_`, `${"a".repeat(32)}.AAAA`, `x.${signature}`];

  it("in the identity worker's format goes only to the identity worker", async () => {
    const { issuer, calls } = introspecting();
    const identity = withIdentity(signedIn, { issuers: [issuer] });
    for (const shape of shapes) await credentialOf(tokenRequest(shape), identity.sources).validate();
    expect(identity.calls.map((presented) => "token" in presented && presented.token)).toEqual(shapes);
    expect(calls).toEqual([]);
    for (const other of others) await credentialOf(tokenRequest(other), identity.sources).validate();
    expect([identity.calls.length, calls]).toEqual([shapes.length, others]);
  });

  it("in that format goes to an introspecting issuer if no identity worker is bound", async () => {
    const { issuer, calls } = introspecting();
    for (const shape of shapes) await credentialOf(tokenRequest(shape), sourcesOf({ issuers: [issuer] })).validate();
    expect(calls).toEqual(shapes);
  });
});

it("each validation is counted once per request, by kind and outcome", async () => {
  const events: TelemetryEvent[] = [];
  const telemetry = (event: TelemetryEvent) => void events.push(event);
  const { issuer } = introspecting();
  const { sources } = withIdentity(signedIn, { issuers: [trusting([pair.jwk]), issuer], telemetry });
  const jwt = await token(pair);
  const requests = [
    cookieRequest(),
    tokenRequest(),
    tokenRequest("opaque"),
    tokenRequest(jwt),
    requestWith(),
    requestWith({ Cookie: sessionCookie }),
  ];
  for (const request of requests) {
    const credential = credentialOf(request, sources);
    await Promise.all([credential.validate(), credential.validate()]);
  }
  expect(events).toEqual(
    [
      ["cookie", "accepted"],
      ["identity", "accepted"],
      ["introspected", "accepted"],
      ["jwt", "accepted"],
      ["none", "token_missing"],
      ["cookie", "origin_untrusted"],
    ].map(([by, outcome]) => ({ event: "validated", by, outcome })),
  );
});

/** A timer that fires at once, as after a timeout. */
const immediateTimer: typeof systemTimer = (_length, ring) => {
  queueMicrotask(ring);
  return () => undefined;
};

describe("an opaque token that can be the identity worker's or a provider's", () => {
  const bare = "aB3".repeat(10).concat("xY");

  it("goes to the provider if it has the provider's prefix", async () => {
    const { issuer, calls } = introspecting(undefined, "aB3");
    const { calls: identityCalls, sources } = withIdentity(signedIn, { issuers: [issuer] });
    expect(await credentialOf(tokenRequest(bare), sources).validate()).toMatchObject({ ok: true });
    expect([calls, identityCalls]).toEqual([[bare], []]);
  });

  it("goes to the identity worker, and to the provider only if it is not a session there", async () => {
    const { issuer, calls } = introspecting();
    const running = withIdentity(signedIn, { issuers: [issuer] });
    expect(await credentialOf(tokenRequest(bare), running.sources).validate()).toMatchObject({
      value: { issuer: apiUrl },
    });
    expect(calls).toEqual([]);
    const ended = withIdentity(undefined, { issuers: [issuer] });
    expect(await credentialOf(tokenRequest(bare), ended.sources).validate()).toMatchObject({ ok: true });
    expect([calls, ended.calls.length]).toEqual([[bare], 1]);
  });

  it("never goes to the provider with the identity worker's signature, or while the identity worker is down", async () => {
    const { issuer, calls } = introspecting();
    const ended = withIdentity(undefined, { issuers: [issuer] });
    expect(await credentialOf(tokenRequest(), ended.sources).validate()).toMatchObject({
      refusal: { code: "token_invalid" },
    });
    const sessions = () => Promise.reject(new Error("down"));
    const down = sourcesOf({ identity: identityWith(sessions), issuers: [issuer] });
    const answer = await credentialOf(tokenRequest(bare), down).validate();
    expect(answer).toMatchObject({ refusal: { code: "store_unavailable" } });
    expect(calls).toEqual([]);
  });
});
