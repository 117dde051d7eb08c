import { beforeAll, describe, expect, it } from "vitest";
import type { Presented } from "../../../src/auth/credential.ts";
import type { IdentitySession } from "../../../src/auth/identity-credential.ts";
import { type CredentialSources, credentialOf } from "../../../src/auth/request-credential.ts";
import type { AskedIssuer } from "../../../src/auth/verify-jwt.ts";
import type { systemTimer } from "../../../src/base/time.ts";
import type { TelemetryEvent } from "../../../src/metrics/telemetry.ts";
import { now } from "../signing/session.ts";
import { apiUrl, askedWith, identityThat, identityToken, sessionCookie, signedIn, sourcesOf } from "./sources.ts";
import { newPair, type Pair, token, trusting } from "./tokens.ts";

let pair: Pair;
beforeAll(async () => {
  pair = await newPair("ES256");
});

const byCookie = () => askedWith({ Cookie: sessionCookie, Origin: apiUrl });
const byToken = (text = identityToken) => askedWith({ Authorization: `Bearer ${text}` });

/** Sources with an identity worker that answers `session`, and a list of what it was asked. */
function withIdentity(session: IdentitySession | undefined, changes: Partial<CredentialSources> = {}) {
  const asked: Presented[] = [];
  const sessions = async (presented: Presented) => {
    asked.push(presented);
    return session;
  };
  return { asked, sources: sourcesOf({ identity: identityThat(sessions), ...changes }) };
}

/** An issuer that is asked about its opaque tokens, with what was asked and forgotten. */
function introspecting(cnf: string | undefined = undefined, tokenPrefix: string | undefined = undefined) {
  const asked: string[] = [];
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
  const issuer: AskedIssuer = {
    settings,
    introspection: {
      ask: async (text) => {
        asked.push(text);
        return { ok: true, value: { credential, jkt: cnf, dpop: "optional" } };
      },
      forget: (text) => void forgotten.push(text),
    },
  };
  return { issuer, asked, forgotten };
}

describe("a request's credential", () => {
  it("is validated once for fifty parts that ask at once, and for who asks later", async () => {
    const { asked, sources } = withIdentity(signedIn);
    const credential = credentialOf(byCookie(), sources);
    const answers = await Promise.all(Array.from({ length: 50 }, () => credential.validate()));
    expect(new Set([...answers, await credential.validate()]).size).toBe(1);
    expect(asked).toEqual([{ is: "cookie", cookie: sessionCookie }]);
  });

  it("is validated once where it is refused too", async () => {
    const { asked, sources } = withIdentity(undefined);
    const credential = credentialOf(byCookie(), sources);
    await Promise.all([credential.validate(), credential.validate()]);
    await credential.validate();
    expect(asked).toHaveLength(1);
  });

  it("is read without asking anybody, and a request without one is told so without asking", async () => {
    const { asked, sources } = withIdentity(signedIn);
    expect(credentialOf(byToken(), sources).read()).toMatchObject({ ok: true, value: { is: "bearer" } });
    expect(await credentialOf(askedWith(), sources).validate()).toMatchObject({ refusal: { code: "token_missing" } });
    expect(asked).toEqual([]);
  });

  it("is asked about anew once it was invalidated, so that a changed user is seen", async () => {
    let session: IdentitySession | undefined = signedIn;
    const sources = sourcesOf({ identity: identityThat(async () => session) });
    const credential = credentialOf(byCookie(), sources);
    expect(await credential.validate()).toMatchObject({ ok: true, value: { streams: 2 } });
    session = { ...signedIn, streams: 7 };
    expect(await credential.validate()).toMatchObject({ ok: true, value: { streams: 2 } });
    credential.invalidate();
    expect(await credential.validate()).toMatchObject({ ok: true, value: { streams: 7 } });
    session = undefined;
    credential.invalidate();
    expect(await credential.validate()).toMatchObject({ refusal: { code: "sign_in_required" } });
  });

  it("that was invalidated is forgotten between requests too, by its token", async () => {
    const { issuer, asked, forgotten } = introspecting();
    const credential = credentialOf(byToken("opaque"), sourcesOf({ issuers: [issuer] }));
    await credential.validate();
    expect(forgotten).toEqual([]);
    credential.invalidate();
    await credential.validate();
    expect([asked, forgotten]).toEqual([["opaque", "opaque"], ["opaque"]]);
  });

  it("of a request without one is invalidated all the same", () => {
    expect(() => credentialOf(askedWith(), sourcesOf()).invalidate()).not.toThrow();
  });
});

describe("a session of sign-in", () => {
  it.each([
    ["its cookie", byCookie],
    ["its token", byToken],
  ])("becomes a credential by %s", async (_, asked) => {
    const { sources } = withIdentity(signedIn);
    expect(await credentialOf(asked(), sources).validate()).toEqual({
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

  it("opens all of the catalog where its user may", async () => {
    const { sources } = withIdentity({ ...signedIn, assets: "*" });
    expect(await credentialOf(byCookie(), sources).validate()).toMatchObject({ value: { assets: "*" } });
  });

  it.each<[string, IdentitySession | undefined]>([
    ["is gone", undefined],
    ["has ended", { ...signedIn, expiresAt: now * 1000 }],
    ["ends at no time", { ...signedIn, expiresAt: Number.NaN }],
    ["began at no time", { ...signedIn, createdAt: -1 }],
  ])("that %s has a browser sign in, and a client get a new token", async (_, session) => {
    const { sources } = withIdentity(session);
    const code = async (asked: ReturnType<typeof askedWith>) => {
      const validated = await credentialOf(asked, sources).validate();
      return validated.ok ? "ok" : validated.refusal.code;
    };
    expect([await code(byCookie()), await code(byToken())]).toEqual(["sign_in_required", "token_invalid"]);
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
  ])("is our own failure where its worker %s", async (_, sessions) => {
    const sources = sourcesOf({ identity: identityThat(sessions), timer: ringing });
    for (const asked of [byCookie(), byToken()])
      expect(await credentialOf(asked, sources).validate()).toEqual({
        ok: false,
        refusal: { code: "store_unavailable", reason: "the identity worker did not answer" },
      });
  });

  it("is never bound to a key, so its token does not come as a DPoP token, and nobody is asked", async () => {
    const { asked, sources } = withIdentity(signedIn);
    const sent = askedWith({ Authorization: `DPoP ${identityToken}`, DPoP: "e30.e30.AAAA" });
    expect(await credentialOf(sent, sources).validate()).toMatchObject({ refusal: { code: "token_invalid" } });
    expect(asked).toEqual([]);
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

  it("is the identity worker's by its shape, and goes to nobody else", async () => {
    const { issuer, asked } = introspecting();
    const identity = withIdentity(signedIn, { issuers: [issuer] });
    for (const shape of shapes) await credentialOf(byToken(shape), identity.sources).validate();
    expect(identity.asked.map((presented) => "token" in presented && presented.token)).toEqual(shapes);
    expect(asked).toEqual([]);
    for (const other of others) await credentialOf(byToken(other), identity.sources).validate();
    expect([identity.asked.length, asked]).toEqual([shapes.length, others]);
  });

  it("of that shape goes to an issuer that is asked, where no identity worker is bound", async () => {
    const { issuer, asked } = introspecting();
    for (const shape of shapes) await credentialOf(byToken(shape), sourcesOf({ issuers: [issuer] })).validate();
    expect(asked).toEqual(shapes);
  });
});

it("what was validated is counted once a request, by its kind and what came of it", async () => {
  const events: TelemetryEvent[] = [];
  const telemetry = (event: TelemetryEvent) => void events.push(event);
  const { issuer } = introspecting();
  const { sources } = withIdentity(signedIn, { issuers: [trusting([pair.jwk]), issuer], telemetry });
  const jwt = await token(pair);
  const sent = [
    byCookie(),
    byToken(),
    byToken("opaque"),
    byToken(jwt),
    askedWith(),
    askedWith({ Cookie: sessionCookie }),
  ];
  for (const asked of sent) {
    const credential = credentialOf(asked, sources);
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

/** Rings at once, as if the time had run out. */
const ringing: typeof systemTimer = (_length, ring) => {
  queueMicrotask(ring);
  return () => undefined;
};

describe("an opaque token that could be the identity worker's or a provider's", () => {
  const bare = "aB3".repeat(10).concat("xY");

  it("is the provider's where its prefix says so", async () => {
    const { issuer, asked } = introspecting(undefined, "aB3");
    const { asked: askedIdentity, sources } = withIdentity(signedIn, { issuers: [issuer] });
    expect(await credentialOf(byToken(bare), sources).validate()).toMatchObject({ ok: true });
    expect([asked, askedIdentity]).toEqual([[bare], []]);
  });

  it("is asked about where it was made, and of the provider once it is no session", async () => {
    const { issuer, asked } = introspecting();
    const running = withIdentity(signedIn, { issuers: [issuer] });
    expect(await credentialOf(byToken(bare), running.sources).validate()).toMatchObject({ value: { issuer: apiUrl } });
    expect(asked).toEqual([]);
    const ended = withIdentity(undefined, { issuers: [issuer] });
    expect(await credentialOf(byToken(bare), ended.sources).validate()).toMatchObject({ ok: true });
    expect([asked, ended.asked.length]).toEqual([[bare], 1]);
  });

  it("never leaves for the provider with the identity worker's signature, or while that is silent", async () => {
    const { issuer, asked } = introspecting();
    const ended = withIdentity(undefined, { issuers: [issuer] });
    expect(await credentialOf(byToken(), ended.sources).validate()).toMatchObject({
      refusal: { code: "token_invalid" },
    });
    const sessions = () => Promise.reject(new Error("down"));
    const down = sourcesOf({ identity: identityThat(sessions), issuers: [issuer] });
    const answer = await credentialOf(byToken(bare), down).validate();
    expect(answer).toMatchObject({ refusal: { code: "store_unavailable" } });
    expect(asked).toEqual([]);
  });
});
