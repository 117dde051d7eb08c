import { describe, expect, it } from "vitest";
import { unixMilliseconds, unixSeconds } from "../../../src/base/time.ts";
import {
  type Revocable,
  type Revocation,
  type RevocationDelta,
  type RevocationKind,
  revocationKinds,
} from "../../../src/sessions/revocation.ts";
import {
  forbiddenBy,
  forbidsStart,
  HeldRevocations,
  isKeyRevoked,
  type StartAsked,
} from "../../../src/sessions/revocation-snapshot.ts";

const at = unixSeconds(1_000);
const before = unixSeconds(999);
const after = unixSeconds(1_001);

const session: Revocable = { sessionId: "s", subject: "u", token: "t", login: "l", kid: "k", issuedAt: at };
const start: StartAsked = { subject: "u", token: "t", login: "l", issuedAt: at, assetId: "film" };
const ownValue: Record<RevocationKind, string> = {
  session: "s",
  subject: "u",
  asset: "film",
  token: "t",
  login: "l",
  key: "k",
};

function entryOf(kind: RevocationKind, parts: Partial<Revocation> = {}): Revocation {
  return { kind, value: ownValue[kind], cause: "revoked", at, until: unixSeconds(2_000), ...parts };
}

function deltaOf(entries: readonly Revocation[], parts: Partial<RevocationDelta> = {}): RevocationDelta {
  return { cursor: 1, asOf: unixMilliseconds(1_000_000), reset: false, more: false, entries, ...parts };
}

function holding(...entries: readonly Revocation[]): HeldRevocations {
  const held = new HeldRevocations();
  held.apply(deltaOf(entries));
  return held;
}

describe("what forbids a session to go on", () => {
  it("is nothing where nothing is forbidden, or only others are", () => {
    expect(forbiddenBy(new HeldRevocations(), session, "film")).toBeUndefined();
    const others = revocationKinds.map((kind) => entryOf(kind, { value: "x" }));
    expect(forbiddenBy(holding(...others), session, "film")).toBeUndefined();
  });

  it.each(["session", "asset", "token", "login", "key"] as const)(
    "is an entry of its %s, whenever its grant was issued",
    (kind) => {
      const snapshot = holding(entryOf(kind));
      for (const issuedAt of [before, at, after])
        expect(forbiddenBy(snapshot, { ...session, issuedAt }, "film")).toEqual(entryOf(kind));
    },
  );

  it("is an entry of its subject, where its grant was issued until then", () => {
    const snapshot = holding(entryOf("subject"));
    for (const issuedAt of [before, at])
      expect(forbiddenBy(snapshot, { ...session, issuedAt }, "film")).toEqual(entryOf("subject"));
    expect(forbiddenBy(snapshot, { ...session, issuedAt: after }, "film")).toBeUndefined();
  });

  it("is no entry of another kind that has the same value", () => {
    expect(forbiddenBy(holding(entryOf("asset", { value: "s" })), session, "film")).toBeUndefined();
    expect(forbiddenBy(holding(entryOf("token", { value: "u" })), session, "film")).toBeUndefined();
  });

  it("is no token entry for a session that was started with a token without jti", () => {
    expect(forbiddenBy(holding(entryOf("token")), { ...session, token: undefined }, "film")).toBeUndefined();
  });

  it("is no login's entry for a session of a credential that told of none", () => {
    expect(forbiddenBy(holding(entryOf("login")), { ...session, login: undefined }, "film")).toBeUndefined();
    expect(forbidsStart(holding(entryOf("login")), { ...start, login: undefined })).toBeUndefined();
  });

  it("is the session's own entry before any other, since that says why", () => {
    const own = entryOf("session", { cause: "taken" });
    expect(forbiddenBy(holding(entryOf("asset"), own), session, "film")).toEqual(own);
  });

  it("is not hidden by a subject's entry that does not reach it", () => {
    const snapshot = holding(entryOf("subject", { at: before }), entryOf("asset"));
    expect(forbiddenBy(snapshot, session, "film")?.kind).toBe("asset");
  });
});

describe("what forbids a start", () => {
  it("is nothing where nothing is forbidden", () => {
    expect(forbidsStart(new HeldRevocations(), start)).toBeUndefined();
    expect(forbidsStart(holding(entryOf("session"), entryOf("key")), start)).toBeUndefined();
  });

  it.each(["asset", "token", "login"] as const)(
    "is an entry of the %s, whenever the bearer token was issued",
    (kind) => {
      for (const issuedAt of [before, after, undefined])
        expect(forbidsStart(holding(entryOf(kind)), { ...start, issuedAt })).toEqual(entryOf(kind));
    },
  );

  it("is an entry of the subject, unless the bearer token was issued later: one without iat was not", () => {
    const snapshot = holding(entryOf("subject"));
    for (const issuedAt of [before, at, undefined])
      expect(forbidsStart(snapshot, { ...start, issuedAt })).toEqual(entryOf("subject"));
    expect(forbidsStart(snapshot, { ...start, issuedAt: after })).toBeUndefined();
  });

  it("is not hidden by a subject's entry that does not reach it", () => {
    const snapshot = holding(entryOf("subject", { at: before }), entryOf("asset"));
    expect(forbidsStart(snapshot, start)?.kind).toBe("asset");
  });

  it("is no token entry for a bearer token without jti", () => {
    expect(forbidsStart(holding(entryOf("token")), { ...start, token: undefined })).toBeUndefined();
  });
});

describe("a snapshot", () => {
  it("knows a revoked key", () => {
    expect(isKeyRevoked(holding(entryOf("key")), "k")).toBe(true);
    expect(isKeyRevoked(holding(entryOf("key")), "l")).toBe(false);
    expect(isKeyRevoked(holding(entryOf("session", { value: "k" })), "k")).toBe(false);
  });

  it("counts what it holds, each entry once", () => {
    const held = holding(entryOf("session"), entryOf("asset"), entryOf("session", { until: unixSeconds(3_000) }));
    expect(held.size).toBe(2);
  });

  it("goes on from the cursor of the last delta", () => {
    const held = holding();
    held.apply(deltaOf([], { cursor: 7 }));
    expect(held.cursor).toBe(7);
  });

  it("drops at the next delta what has ended, and not a second before", () => {
    const held = holding(entryOf("session"), entryOf("asset", { until: unixSeconds(2_001) }));
    held.apply(deltaOf([], { asOf: unixMilliseconds(1_999_999) }));
    expect(held.size).toBe(2);
    held.apply(deltaOf([], { asOf: unixMilliseconds(2_000_000) }));
    expect([held.size, held.entries.session.size, held.entries.asset.size]).toEqual([1, 0, 1]);
    held.apply(deltaOf([], { asOf: unixMilliseconds(2_001_000) }));
    expect(held.size).toBe(0);
  });

  it("drops what was taken back", () => {
    const held = holding(entryOf("session"));
    held.apply(deltaOf([entryOf("session", { until: unixSeconds(0) })]));
    expect(held.size).toBe(0);
  });
});
