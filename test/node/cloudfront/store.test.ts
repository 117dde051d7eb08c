import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { EmulatedStore, storeLimits } from "../../../cli/cloudfront/key-value-store.ts";
import { encodeBase64url } from "../../../src/base/encoding.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import { endingEntry, packedEntry } from "../../../src/cloudfront/store-entries.ts";
import type { Revocation, RevocationKind } from "../../../src/sessions/revocation.ts";
import {
  grantOf,
  in6Hours,
  keyOf,
  now,
  preparedKeys,
  ringKeys,
  sessionKey,
  signedTarget,
} from "../../unit/signing/session.ts";
import { packed, Stage, scriptOf } from "./stage.ts";

const script = await scriptOf();
const key = keyOf(await preparedKeys(), "2026-a");
const client = { address: "192.0.2.7", userAgent: "Player/1.0" };
const id = (byte: number) => encodeBase64url(new Uint8Array(16).map((_, at) => (byte * 31 + at * 7) & 255));
const claims = { sessionId: id(1), subject: id(2), token: id(3), login: id(4), signer: "backend-1" };
const targetOf = (changes = {}) =>
  signedTarget(key, { purpose: "segment", grant: grantOf(key, { ...claims, ...changes }), path: "/film/A/0.ts" });
const segment = targetOf();
const served = { origin: "default", target: "/film/A/0.ts" };
const asked = { origin: "manifest", target: segment, viewer: `${client.address} XX` };

function entry(kind: RevocationKind, value: string, cause: Revocation["cause"] = "revoked"): Revocation {
  return { kind, value, cause, at: now, until: in6Hours };
}

/** A stage whose store has these revocations. */
function revoked(...revocations: readonly Revocation[]): Stage {
  const stage = new Stage(script);
  const endings = revocations.flatMap((each) => endingEntry(each) ?? []);
  stage.write({ puts: [{ key: "c", value: packed({ revocations }) }, ...endings] });
  return stage;
}

const outcomeOf = (stage: Stage, target = segment, time: number = now) => stage.outcome({ target, client, now: time });

describe("a revocation in the store", () => {
  it.each([
    [entry("session", claims.sessionId), "session_revoked"],
    [entry("session", claims.sessionId, "taken"), "stream_taken"],
    [entry("session", claims.sessionId, "shared"), "session_shared"],
    [entry("login", claims.login), "session_revoked"],
    [entry("asset", "film"), "session_revoked"],
    [entry("key", "2026-a"), "session_revoked"],
    [entry("key", "backend-1"), "session_revoked"],
  ])("refuses the request at once: %o", async (revocation, refusal) => {
    expect(await outcomeOf(revoked(revocation))).toEqual({ status: 403, refusal });
  });

  it.each([entry("subject", claims.subject), entry("token", claims.token)])(
    "of a subject or token asks the manifest host, which knows its time: %o",
    async (revocation) => {
      expect(await outcomeOf(revoked(revocation))).toEqual(asked);
    },
  );

  it.each(["session", "login", "asset", "key", "subject", "token"] as const)(
    "lets everybody else pass: %s",
    async (kind) => {
      expect(await outcomeOf(revoked(entry(kind, kind === "asset" ? "film-2" : id(9))))).toEqual(served);
    },
  );

  it("is found with three reads of the store at most, whatever the request is", async () => {
    for (const revocation of [undefined, entry("session", claims.sessionId), entry("login", claims.login)]) {
      const stage = revoked(...(revocation === undefined ? [] : [revocation]));
      await outcomeOf(stage);
      expect(stage.store.reads).toBe(3);
    }
  });

  it("ends an expired URL too, in place of its renewal", async () => {
    const late = now + 400;
    expect(await outcomeOf(revoked(), segment, late)).toMatchObject({ status: 307 });
    expect(await outcomeOf(revoked(entry("login", claims.login)), segment, late)).toEqual({
      ...{ status: 403, refusal: "session_revoked" },
    });
  });

  it("applies once it has propagated, and no longer after it was lifted", async () => {
    const stage = new Stage(script, { propagation: 15_000 });
    const ending = endingEntry(entry("session", claims.sessionId));
    if (ending === undefined) throw new Error("a session has an entry");
    stage.write({ puts: [ending] });
    expect(await outcomeOf(stage, segment, now + 29)).toEqual(served);
    expect(await outcomeOf(stage, segment, now + 30)).toEqual({ status: 403, refusal: "session_revoked" });
    stage.write({ deletes: [ending.key] });
    expect(await outcomeOf(stage, segment, now + 45)).toEqual(served);
  });
});

describe("the packed entry", () => {
  const many = (kind: RevocationKind, count: number, name = (at: number) => `${kind}-of-the-catalog-${at}`) =>
    Array.from({ length: count }, (_, at) => entry(kind, name(at)));

  it("is never longer than a value may be, and hides no revocation, however many there are", async () => {
    const revocations = [...many("asset", 300), ...many("key", 50), entry("asset", "film"), entry("subject", id(8))];
    expect(packed({ revocations }).length).toBeLessThanOrEqual(storeLimits.value);
    expect(await outcomeOf(revoked(...revocations))).toEqual(asked);
    expect(await outcomeOf(revoked(...revocations, entry("subject", claims.subject)))).toEqual(asked);
  });

  it("asks the manifest host for few others, with a hundred revoked subjects", async () => {
    const revocations = Array.from({ length: 100 }, (_, at) => {
      const bytes = crypto.getRandomValues(new Uint8Array(16));
      bytes[15] = at;
      return entry("subject", encodeBase64url(bytes));
    });
    const stage = revoked(...revocations);
    let forwarded = 0;
    for (let at = 0; at < 200; at++) {
      const subject = encodeBase64url(crypto.getRandomValues(new Uint8Array(16)));
      const outcome = await outcomeOf(stage, targetOf({ subject, token: undefined, login: undefined }));
      if ("origin" in outcome && outcome.origin === "manifest") forwarded++;
    }
    // One in twenty thousand is expected.
    expect(forwarded).toBeLessThan(5);
  });

  it("does not contain digests, by which only tokens are known", () => {
    const digest = entry("subject", encodeBase64url(new Uint8Array(32).fill(5)));
    expect(packed({ revocations: [digest] })).toBe(packed());
  });

  it("is refused if the keys leave no room, with the command that removes one", () => {
    const keys = Array.from({ length: 20 }, (_, at) => sessionKey(`2026-${at}`, at));
    const until = unixSeconds(now + 60);
    expect(packedEntry({ keys, revocations: [], until, renewal: "function" })).toEqual({
      ok: false,
      refusal: expect.stringMatching(/^the 20 session keys .* npx stagedoor keys remove$/),
    });
  });

  it.each(["a|b", "a,kb", "schlüssel", "k".repeat(2000)])(
    "is valid whatever text a log names as a key: %s",
    async (kid) => {
      expect(await outcomeOf(revoked(entry("key", kid), entry("key", "2026-b")))).toEqual(served);
      expect(await outcomeOf(revoked(entry("key", kid), entry("key", "2026-a")))).toEqual({
        ...{ status: 403, refusal: "session_revoked" },
      });
      expect(Buffer.byteLength(packed({ revocations: [entry("key", kid), entry("key", "2026-a")] }))).toBeLessThan(
        1025,
      );
    },
  );

  it("accepts no grant if it has no keys, not even one without a kid", async () => {
    const grant = (message: Uint8Array | string) => createHmac("sha256", "").update(message).digest();
    const nobody = { ...key, kid: "", grant };
    const stage = new Stage(script, { keys: [] });
    const target = signedTarget(nobody, { purpose: "segment", grant: grantOf(nobody), path: "/film/A/0.ts" });
    expect(Object(await outcomeOf(stage, target)).status).toBe(403);
  });

  it("has the keys' expiry: a key that has expired is not accepted", async () => {
    const expiring = ringKeys.map((each) => ({ ...each, exp: now + 100 }));
    const stage = new Stage(script, { keys: expiring });
    expect(await outcomeOf(stage)).toEqual(served);
    expect(await outcomeOf(stage, segment, now + 100)).toEqual({ status: 403, refusal: "key_unknown" });
  });

  it("keeps an old key with the new one, so that a rotation ends no session", async () => {
    const [old] = ringKeys;
    if (old === undefined) throw new Error("the ring has keys");
    const stage = new Stage(script, { keys: [old] });
    expect(await outcomeOf(stage)).toEqual(served);
    stage.write({ puts: [{ key: "c", value: packed({ keys: [old, sessionKey("2027-z", 9)] }) }] });
    expect(await outcomeOf(stage)).toEqual(served);
    stage.write({ puts: [{ key: "c", value: packed({ keys: [sessionKey("2027-z", 9)] }) }] });
    expect(await outcomeOf(stage)).toEqual({ status: 403, refusal: "key_unknown" });
  });

  it("leaves renewals to the manifest host, if it says so", async () => {
    const stage = new Stage(script);
    stage.write({ puts: [{ key: "c", value: packed({ renewal: "manifest" }) }] });
    expect(await outcomeOf(stage)).toEqual(served);
    expect(await outcomeOf(stage, segment, now + 400)).toEqual(asked);
  });
});

describe("a store that cannot be relied on", () => {
  const refused = { status: 503, refusal: "store_unavailable" };

  it("refuses every request while it fails, at whichever read", async () => {
    const stage = new Stage(script);
    const { handle } = stage.store;
    for (const failing of ["get", "exists"] as const) {
      stage.store.handle = () => ({ ...handle.call(stage.store), [failing]: () => Promise.reject(new Error("down")) });
      const failed = new Stage(script);
      failed.store.handle = stage.store.handle;
      expect(await outcomeOf(failed)).toEqual(refused);
    }
  });

  it("refuses while it has no packed entry, or one of another version", async () => {
    const stage = new Stage(script);
    for (const value of ["", "2||9999999999|||", "null"]) {
      stage.write({ puts: [{ key: "c", value }] });
      expect(await outcomeOf(stage)).toEqual(refused);
    }
    stage.write({ deletes: ["c"] });
    expect(await outcomeOf(stage)).toEqual(refused);
  });

  it("refuses once it is stale: nobody has written it until the time that it names", async () => {
    const stage = new Stage(script);
    stage.write({ puts: [{ key: "c", value: packed({ until: unixSeconds(now + 60) }) }] });
    expect(await outcomeOf(stage, segment, now + 59)).toEqual(served);
    expect(await outcomeOf(stage, segment, now + 60)).toEqual(refused);
  });
});

describe("the emulated KeyValueStore", () => {
  const store = () => new EmulatedStore(() => 0);
  const put = (of: EmulatedStore, ...puts: { key: string; value: string }[]) => of.update({ puts }, of.describe().etag);
  const keys = (count: number, value: string, prefix = "k") =>
    Array.from({ length: count }, (_, at) => ({ key: `${prefix}${at}`, value }));

  it("refuses what CloudFront refuses", () => {
    const of = store();
    const refuse = (...puts: { key: string; value: string }[]) => Object(put(of, ...puts)).refusal;
    expect(refuse({ key: "k".repeat(513), value: "" })).toBe("ValidationException");
    expect(refuse({ key: "k", value: "v".repeat(1025) })).toBe("ValidationException");
    expect(refuse(...keys(51, ""))).toBe("ValidationException");
    expect(refuse()).toBe("ValidationException");
    expect(Object(of.update({ deletes: ["gone"] }, of.describe().etag)).refusal).toBe("ResourceNotFoundException");
    expect(Object(of.update({ puts: keys(1, "") }, "another")).refusal).toBe("ConflictException");
    expect(put(of, { key: "k".repeat(512), value: "v".repeat(1024) }, ...keys(49, "")).ok).toBe(true);
  });

  it("is full at 5 MB, and has room again once entries were removed", () => {
    const of = store();
    let batch = 0;
    const fill = () => put(of, ...keys(50, "v".repeat(1024), `b${batch++}-`));
    let last = fill();
    while (last.ok) last = fill();
    expect(last.refusal).toBe("ServiceQuotaExceededException");
    const { totalSizeInBytes } = of.describe();
    expect(totalSizeInBytes).toBeLessThanOrEqual(5_242_880);
    expect(totalSizeInBytes).toBeGreaterThan(5_242_880 - 60_000);
    expect(of.update({ deletes: keys(50, "", "b0-").map(({ key: name }) => name) }, of.describe().etag).ok).toBe(true);
    expect(fill().ok).toBe(true);
  });

  it("still ends the sessions that it has when it is full", async () => {
    const stage = revoked(entry("session", claims.sessionId));
    let batch = 0;
    while (put(stage.store, ...keys(50, "v".repeat(1024), `b${batch++}-`)).ok);
    expect(await outcomeOf(stage)).toEqual({ status: 403, refusal: "session_revoked" });
    expect(await outcomeOf(stage, targetOf({ sessionId: id(7) }))).toEqual(served);
  });
});
