import { beforeEach, describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { newCloudFrontKey, newOperatorKey } from "../../../src/keys/generate.ts";
import { fingerprintOf, withoutPrivateHalf } from "../../../src/keys/key-material.ts";
import type { LiveSession, RecentRefusal } from "../../../src/metrics/gathered.ts";
import { noOutcomes } from "../../../src/metrics/last-hour.ts";
import { listKeys } from "../../../src/operator/list-keys.ts";
import { listRefusals, listSessions } from "../../../src/operator/list-sessions.ts";
import { subjectHash } from "../../../src/sessions/identifiers.ts";
import { asset, codeOf, opened } from "../sessions/session-service.ts";
import { keyOf, now, ringKeys, sessionKey } from "../signing/session.ts";
import { live, operatorStage } from "./operator-stage.ts";

let stage: Awaited<ReturnType<typeof operatorStage>>;
beforeEach(async () => {
  stage = await operatorStage();
});

const id = (letter: string) => letter.repeat(21).concat("A");
const report = (alive: readonly LiveSession[], refusals: readonly RecentRefusal[] = []) =>
  stage.gathered.report({ worker: "edge", counts: [], refusals, alive, ended: [] });
const listed = async (query: Partial<Parameters<typeof listSessions>[0]> = {}) => {
  const { count, sessions } = opened(await listSessions({ limit: 100, ...query }, stage.context()));
  return { count, ids: sessions.map(({ sessionId }) => sessionId[0]).join("") };
};

describe("the list of sessions", () => {
  it("has the sessions that hold a lease, filtered by asset or id, up to the limit", async () => {
    const seenAt = (by: number) => ({ seenAt: unixSeconds(now - by) });
    await report([live(id("a"), seenAt(2)), live(id("b"), { assetId: "film-2" }), live(id("c"), seenAt(1))]);
    expect(await listed()).toEqual({ count: 3, ids: "bca" });
    expect(await listed({ asset: "film" })).toEqual({ count: 2, ids: "ca" });
    expect(await listed({ session: id("b") })).toEqual({ count: 1, ids: "b" });
    expect(await listed({ limit: 1 })).toEqual({ count: 3, ids: "b" });
  });

  it("leaves out revoked sessions, assets and viewers before their leases expire", async () => {
    const key = keyOf(stage.context().keys, "2026-a");
    const subject = subjectHash(key, "https://id.example", "ann");
    const later = { subject, startedAt: unixSeconds(now + 100), seenAt: unixSeconds(now) };
    await report([live(id("a")), live(id("b")), live(id("c"), { assetId: "film-2" })]);
    await report([live(id("d"), { subject }), live(id("e"), later)]);
    expect((await listed()).count).toBe(5);
    opened(await stage.revoke({ session: id("a") }));
    opened(await stage.revoke({ asset: "film-2" }));
    opened(await stage.revoke({ subject: { issuer: "https://id.example", subject: "ann" } }));
    const { count, ids } = await listed();
    expect([count, [...ids].toSorted().join("")]).toEqual([2, "be"]);
  });

  it("is complete however many sessions were revoked", async () => {
    const named = (prefix: string, n: number) => `${prefix}${String(n).padStart(20, "0")}A`;
    const older = { seenAt: unixSeconds(now - 1) };
    await report(Array.from({ length: 1_000 }, (_, n) => live(named("r", n), { assetId: "film-2" })));
    await report(Array.from({ length: 500 }, (_, n) => live(named("p", n), older)));
    opened(await stage.revoke({ asset: "film-2" }));
    expect(await listed({ limit: 500 })).toEqual({ count: 500, ids: "p".repeat(500) });
  });

  it("does not send old revocations to the metrics object", async () => {
    const entry = (value: string, ago: number) =>
      ({
        kind: "session",
        cause: "revoked",
        value,
        at: unixSeconds(now - ago),
        until: unixSeconds(now + 9_000),
      }) as const;
    await stage.context().log.append([entry(id("a"), 4_000), entry(id("b"), 3_999)], "operator");
    const sent: unknown[] = [];
    const sessions: typeof stage.gathered.sessions = async (query) => {
      sent.push(query.without?.sessions);
      return { count: 0, sessions: [] };
    };
    const gathered = { ...stage.gathered, sessions };
    opened(await listSessions({ limit: 1 }, { ...stage.context(), gathered }));
    expect(sent).toEqual([[id("b")]]);
  });

  it("is unavailable if the metrics object or the revocation log is down", async () => {
    const broken = { sessions: () => Promise.reject(new Error("MARKED")) };
    const context = { ...stage.context(), gathered: { ...stage.gathered, ...broken } };
    expect(codeOf(await listSessions({ limit: 1 }, context))).toBe("store_unavailable");
    stage.state.down = "log";
    expect(codeOf(await listSessions({ limit: 1 }, stage.context()))).toBe("store_unavailable");
  });
});

describe("the pages of the list of sessions", () => {
  it("follow each other without a gap, and have the sessions of a country, network or player", async () => {
    const own = { country: "FR", asn: 3215, player: "VLC" };
    await report(
      [..."abcde"].map((letter, at) => live(id(letter), { seenAt: unixSeconds(now - at), ...(at > 2 && own) })),
    );
    const pages = await Promise.all([0, 2, 4].map((skip) => listed({ limit: 2, skip })));
    expect(pages.map(({ ids }) => ids)).toEqual(["ab", "cd", "e"]);
    for (const filter of [{ country: "FR" }, { asn: 3215 }, { player: "VLC" }, { name: "AS3215" }, { name: "VLC" }])
      expect(await listed(filter)).toEqual({ count: 2, ids: "de" });
  });
});

describe("the list of refusals", () => {
  const refused = (request: string, more: Partial<RecentRefusal> = {}): RecentRefusal => ({
    ...{ at: now, worker: "edge", code: "signature_expired", reason: "the URL ended 3 s ago", request },
    ...more,
  });

  it("finds a refusal by its Request-Id, with or without the data centre of a Ray ID", async () => {
    await report([], [refused("00000000000000aa"), refused("00000000000000bb-FRA", { code: "grant_expired" })]);
    const codesFor = async (request?: string) =>
      opened(await listRefusals(stage.context(), request)).recent.map(({ code }) => code);
    expect((await codesFor()).toSorted()).toEqual(["grant_expired", "signature_expired"]);
    expect(await codesFor("00000000000000aa")).toEqual(["signature_expired"]);
    expect([await codesFor("00000000000000bb"), await codesFor("00000000000000bb-FRA")]).toEqual([
      ["grant_expired"],
      ["grant_expired"],
    ]);
    expect(await codesFor("00000000000000cc")).toEqual([]);
  });

  it("finds refusals by code, asset, country, network and player, alone and together", async () => {
    const [first, second] = [{ asset: "film", player: "VLC" }, { asset: "news" }];
    await report(
      [],
      [
        refused("1", { ...first, country: "DE", asn: 3320 }),
        refused("2", { ...first, country: "FR" }),
        refused("3", { ...second, country: "DE" }),
      ],
    );
    const found = async (filter: Parameters<typeof listRefusals>[1]) =>
      opened(await listRefusals(stage.context(), filter))
        .recent.map(({ request }) => request)
        .toSorted();
    expect(await found({ asset: "film", country: "DE" })).toEqual(["1"]);
    expect(await found({ player: "VLC" })).toEqual(["1", "2"]);
    expect(await found({ asn: "AS3320" })).toEqual(["1"]);
    expect(await found({ code: "another_code" })).toEqual([]);
    expect(await found("DE")).toEqual(["1", "3"]);
    expect(await found("unknown")).toEqual(["2", "3"]);
  });

  it("sums the refusals per code over all minutes", async () => {
    const viewers = { start: noOutcomes, media: noOutcomes };
    const minutes = [
      { at: now, counts: { grant_expired: 2, token_invalid: 1 }, viewers },
      { at: unixSeconds(now + 60), counts: { grant_expired: 3 }, viewers },
    ];
    const gathered = { ...stage.gathered, refusals: async () => ({ minutes, recent: [] }) };
    const refusals = opened(await listRefusals({ ...stage.context(), gathered }));
    expect(refusals).toEqual({ minutes, recent: [], total: { grant_expired: 5, token_invalid: 1 } });
  });
});

describe("the list of keys", () => {
  it("has the state, age and next step of each key, and no secret", async () => {
    const pair = await newCloudFrontKey("K1", "ec");
    const whole = await newOperatorKey("op-1");
    const ring = [
      { ...sessionKey("old", 1), state: "retiring" as const, since: now - 10_000 },
      { ...sessionKey("new", 2), state: "active" as const, since: now - 10_000 },
      { ...sessionKey("next", 3), state: "next" as const, since: now - 60 },
      withoutPrivateHalf(pair),
      withoutPrivateHalf(whole),
    ];
    stage = await operatorStage({ ring, assets: [asset("film"), asset("long", { session: 40_000 })] });
    opened(await stage.revoke({ key: "old" }));
    const { keys, longestSession } = opened(await listKeys(stage.context()));
    expect(longestSession).toBe(40_000);
    expect(
      keys.map(({ kid, type, state, since, revoked, next }) => [kid, type, state, since, revoked, next?.step]),
    ).toEqual([
      ["old", "HS256", "retiring", now - 10_000, true, "retire"],
      ["new", "HS256", "active", now - 10_000, false, undefined],
      ["next", "HS256", "next", now - 60, false, "activate"],
      ["K1", "ES256", "active", undefined, false, undefined],
      ["op-1", "ES256", "active", undefined, false, undefined],
    ]);
    // The longest session that the old key may have signed has to expire first.
    expect(keys[0]?.next?.from).toBeGreaterThanOrEqual(now - 10_000 + 40_000);
    const text = JSON.stringify(keys);
    for (const key of [...ring, pair, whole]) {
      const secret = key.purpose === "session" ? key.k : (key.d ?? "none");
      expect(text).not.toContain(secret);
    }
  });

  it("has fingerprints that reveal nothing and are the same everywhere", async () => {
    const { keys } = opened(await listKeys(stage.context()));
    const prints = keys.map(({ fingerprint }) => fingerprint);
    expect(new Set(prints).size).toBe(ringKeys.length);
    for (const print of prints) expect(print).toMatch(/^[\w-]{11}$/);
    expect(await Promise.all(ringKeys.map(fingerprintOf))).toEqual(prints);
    // Computed with Python's hmac (RFC 5869): operators compare fingerprints across releases.
    expect(await fingerprintOf(sessionKey("any name", 1))).toBe("SZbKG3WEbDk");
    const pair = await newCloudFrontKey("K1", "ec");
    expect(await fingerprintOf(pair)).toBe(await fingerprintOf(withoutPrivateHalf(pair)));
  });
});
