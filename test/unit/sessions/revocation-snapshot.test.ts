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
  type CredentialIdentifiers,
  forbiddenBy,
  forbidsCredential,
  HeldRevocations,
  isKeyRevoked,
} from "../../../src/sessions/revocation-snapshot.ts";

const at = unixSeconds(1_000);
const before = unixSeconds(999);
const after = unixSeconds(1_001);

const session: Revocable = { sessionId: "s", subject: "u", token: "t", login: "l", kid: "k", issuedAt: at };
const credential: CredentialIdentifiers = { subject: "u", token: "t", login: "l", issuedAt: at };
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

function snapshotOf(...entries: readonly Revocation[]): HeldRevocations {
  const snapshot = new HeldRevocations();
  snapshot.apply(deltaOf(entries));
  return snapshot;
}

describe("a running session", () => {
  it("is revoked if its grant is older than what the log still knows, and not if it is as old", () => {
    const snapshot = new HeldRevocations();
    snapshot.apply(deltaOf([], { notBefore: at }));
    const judged = [before, at, after].map((issuedAt) => forbiddenBy(snapshot, { ...session, issuedAt }, "film"));
    expect(judged.map((entry) => entry?.cause)).toEqual(["revoked", undefined, undefined]);
    snapshot.apply(deltaOf([]));
    expect(forbiddenBy(snapshot, { ...session, issuedAt: before }, "film")).toBeUndefined();
  });

  it("is not revoked without entries or by entries for others", () => {
    expect(forbiddenBy(new HeldRevocations(), session, "film")).toBeUndefined();
    const others = revocationKinds.map((kind) => entryOf(kind, { value: "x" }));
    expect(forbiddenBy(snapshotOf(...others), session, "film")).toBeUndefined();
  });

  it.each(["session", "asset", "token", "login", "key"] as const)(
    "is revoked by an entry for its %s, whenever its grant was issued",
    (kind) => {
      const snapshot = snapshotOf(entryOf(kind));
      for (const issuedAt of [before, at, after])
        expect(forbiddenBy(snapshot, { ...session, issuedAt }, "film")).toEqual(entryOf(kind));
    },
  );

  it("is revoked by an entry for its subject only if its grant was issued before", () => {
    const snapshot = snapshotOf(entryOf("subject"));
    for (const issuedAt of [before, at])
      expect(forbiddenBy(snapshot, { ...session, issuedAt }, "film")).toEqual(entryOf("subject"));
    expect(forbiddenBy(snapshot, { ...session, issuedAt: after }, "film")).toBeUndefined();
  });

  it("is not revoked by an entry of another kind with the same value", () => {
    expect(forbiddenBy(snapshotOf(entryOf("asset", { value: "s" })), session, "film")).toBeUndefined();
    expect(forbiddenBy(snapshotOf(entryOf("token", { value: "u" })), session, "film")).toBeUndefined();
  });

  it("is not revoked by a token entry if its token had no jti", () => {
    expect(forbiddenBy(snapshotOf(entryOf("token")), { ...session, token: undefined }, "film")).toBeUndefined();
  });

  it("is not revoked by a login entry if its credential had no login", () => {
    expect(forbiddenBy(snapshotOf(entryOf("login")), { ...session, login: undefined }, "film")).toBeUndefined();
    expect(forbidsCredential(snapshotOf(entryOf("login")), { ...credential, login: undefined })).toBeUndefined();
  });

  it("is revoked by its own entry before any other, because that has the cause", () => {
    const sessionOwn = entryOf("session", { cause: "taken" });
    expect(forbiddenBy(snapshotOf(entryOf("asset"), sessionOwn), session, "film")).toEqual(sessionOwn);
  });

  it("is revoked by its asset even if an entry for its subject is too old", () => {
    const snapshot = snapshotOf(entryOf("subject", { at: before }), entryOf("asset"));
    expect(forbiddenBy(snapshot, session, "film")?.kind).toBe("asset");
  });
});

describe("a credential", () => {
  it("is not refused without entries or by session, asset and key entries", () => {
    expect(forbidsCredential(new HeldRevocations(), credential)).toBeUndefined();
    expect(
      forbidsCredential(snapshotOf(entryOf("session"), entryOf("asset"), entryOf("key")), credential),
    ).toBeUndefined();
  });

  it.each(["token", "login"] as const)(
    "is refused by an entry for its %s, whenever the bearer token was issued",
    (kind) => {
      for (const issuedAt of [before, after, undefined])
        expect(forbidsCredential(snapshotOf(entryOf(kind)), { ...credential, issuedAt })).toEqual(entryOf(kind));
    },
  );

  it("is refused by an entry for its subject unless the token has a later iat", () => {
    const snapshot = snapshotOf(entryOf("subject"));
    for (const issuedAt of [before, at, undefined])
      expect(forbidsCredential(snapshot, { ...credential, issuedAt })).toEqual(entryOf("subject"));
    expect(forbidsCredential(snapshot, { ...credential, issuedAt: after })).toBeUndefined();
  });

  it("is not refused by a token entry if its token has no jti", () => {
    expect(forbidsCredential(snapshotOf(entryOf("token")), { ...credential, token: undefined })).toBeUndefined();
  });
});

describe("a snapshot", () => {
  it("reports a revoked key", () => {
    expect(isKeyRevoked(snapshotOf(entryOf("key")), "k")).toBe(true);
    expect(isKeyRevoked(snapshotOf(entryOf("key")), "l")).toBe(false);
    expect(isKeyRevoked(snapshotOf(entryOf("session", { value: "k" })), "k")).toBe(false);
  });

  it("counts each entry once", () => {
    const snapshot = snapshotOf(
      entryOf("session"),
      entryOf("asset"),
      entryOf("session", { until: unixSeconds(3_000) }),
    );
    expect(snapshot.size).toBe(2);
  });

  it("keeps the cursor of the last delta", () => {
    const snapshot = snapshotOf();
    snapshot.apply(deltaOf([], { cursor: 7 }));
    expect(snapshot.cursor).toBe(7);
  });

  it("drops expired entries at the next delta, and not a second earlier", () => {
    const snapshot = snapshotOf(entryOf("session"), entryOf("asset", { until: unixSeconds(2_001) }));
    snapshot.apply(deltaOf([], { asOf: unixMilliseconds(1_999_999) }));
    expect(snapshot.size).toBe(2);
    snapshot.apply(deltaOf([], { asOf: unixMilliseconds(2_000_000) }));
    expect([snapshot.size, snapshot.entries.session.size, snapshot.entries.asset.size]).toEqual([1, 0, 1]);
    snapshot.apply(deltaOf([], { asOf: unixMilliseconds(2_001_000) }));
    expect(snapshot.size).toBe(0);
  });

  it("drops lifted entries", () => {
    const snapshot = snapshotOf(entryOf("session"));
    snapshot.apply(deltaOf([entryOf("session", { until: unixSeconds(0) })]));
    expect(snapshot.size).toBe(0);
  });
});
