import { describe, expect, it } from "vitest";
import { ok, refusal } from "../../../src/base/result.ts";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { countryName, relativeTime } from "../../../src/console/format.ts";
import { chartTop, codesOf, others } from "../../../src/console/refusal-counts.ts";
import type { MinuteCounts, RefusalsOfHour } from "../../../src/metrics/gathered.ts";
import { noOutcomes } from "../../../src/metrics/last-hour.ts";
import { countRefusals } from "../../../src/operator/counts.ts";
import type { KeyStatus } from "../../../src/operator/list-keys.ts";
import { statusJson, statusSchema } from "../../../src/operator/status.ts";
import { type Overview, verdictOf } from "../../../src/operator/verdict.ts";
import { now } from "../signing/session.ts";

/** An hour with these counts, by minutes ago. */
function hour(ago: Readonly<Record<number, Readonly<Record<string, number>>>>): RefusalsOfHour {
  const minutes = Array.from({ length: 60 }, (_, place) => ({
    at: unixSeconds(now - (59 - place) * 60),
    counts: ago[59 - place] ?? {},
    viewers: { start: noOutcomes, media: noOutcomes },
  }));
  return { minutes, recent: [] };
}

/** The overview after a minute of viewers' requests, which began this many minutes ago. */
function served(viewers: Partial<MinuteCounts["viewers"]>, ago = 1): Overview {
  const counts = { ...viewers.start?.refused, ...viewers.media?.refused };
  const { minutes } = hour({ [ago]: counts });
  const minute = (one: MinuteCounts, place: number) =>
    place === 59 - ago ? { ...one, viewers: { ...one.viewers, ...viewers } } : one;
  return { ...overview(), refusals: ok({ minutes: minutes.map(minute), recent: [] }) };
}

const key = (changes: Partial<KeyStatus> = {}): KeyStatus => ({
  kid: "s1",
  purpose: "session",
  type: "HS256",
  state: "active",
  since: undefined,
  ends: undefined,
  fingerprint: "f",
  revoked: false,
  next: undefined,
  ...changes,
});

const overview = (ago: Parameters<typeof hour>[0] = {}, keys: readonly KeyStatus[] = [key()]): Overview => ({
  sessions: ok({ count: 0, sessions: [] }),
  watching: 0,
  refusals: ok(hour(ago)),
  keys: ok({ keys, longestSession: seconds(21_600) }),
  worse: [],
  unenforced: [],
  now,
});

const inDays = (days: number) => unixSeconds(now + days * 86_400);

describe("the verdict", () => {
  it.each([
    ["nothing was refused", overview(), "ok"],
    ["some viewers were refused", overview({ 3: { token_expired: 15 }, 30: { signature_expired: 40 } }), "ok"],
    ["requests fail", overview({ 2: { store_unavailable: 1 } }), "error"],
    ["an origin fails", overview({ 2: { origin_failed: 1 } }), "error"],
    ["requests failed half an hour ago", overview({ 30: { store_unavailable: 9 } }), "ok"],
    ["refusals surge", overview({ 1: { token_expired: 60 }, 30: { token_expired: 10 } }), "warning"],
    ["refusals are always that many", overview({ 1: { token_expired: 60 }, 30: { token_expired: 400 } }), "ok"],
    ["there are few refusals", overview({ 1: { token_expired: 59 } }), "ok"],
    ["a key expires within a week", overview({}, [key({ ends: inDays(6) })]), "warning"],
    [
      "an expiring key has a successor",
      overview({}, [key({ ends: inDays(6) }), key({ kid: "s2", state: "next" })]),
      "ok",
    ],
    ["a key expires in a month", overview({}, [key({ ends: inDays(30) })]), "ok"],
    ["a key expires within a session", overview({}, [key({ ends: unixSeconds(now + 3600) })]), "error"],
    ["no session key is active", overview({}, [key({ state: "retiring" })]), "error"],
    ["the active key is revoked", overview({}, [key({ revoked: true })]), "error"],
    [
      "a figure is worse than yesterday",
      { ...overview(), worse: ["Accepted starts: 80%, and 99% a day before"] },
      "warning",
    ],
    ["a store is down", { ...overview(), sessions: refusal("store_unavailable", "silent") }, "error"],
  ])("has the expected level if %s", (_, data, level) => {
    expect(verdictOf(data).level).toBe(level);
  });

  it("reports errors before warnings", () => {
    const seen = overview({ 1: { store_unavailable: 30, token_expired: 400 } }, [key({ ends: inDays(1) })]);
    expect(verdictOf(seen).words).toBe("30 requests failed in the last five minutes.");
    expect(verdictOf(seen).why).toContain("store_unavailable");
    expect(verdictOf(seen).why).not.toContain("token_expired");
  });
});

describe("the verdict on viewers' requests", () => {
  const playing = { media: { accepted: 6_000, refused: {} } };

  it.each<[string, Overview, level: string, words: string]>([
    [
      "a provider changes its keys or audience, and nobody watches",
      served({ start: { accepted: 0, refused: { token_invalid: 250 } } }, 0),
      ...(["error", "250 of 250 starts failed because of the provider."] as const),
    ],
    [
      "a provider does not answer while streams go on",
      served({ ...playing, start: { accepted: 12, refused: { provider_unavailable: 40, token_expired: 3 } } }),
      ...(["error", "40 of 55 starts failed because of the provider."] as const),
    ],
    [
      "an origin fails while streams start",
      served({ start: { accepted: 40, refused: {} }, media: { accepted: 900, refused: { origin_failed: 100 } } }),
      ...(["error", "100 of 1,000 media requests failed because of the origin."] as const),
    ],
    [
      "an origin lost its files",
      served({ media: { accepted: 60, refused: { object_unknown: 40 } } }),
      ...(["error", "40 of 100 media requests failed because of the origin."] as const),
    ],
    [
      "a store is down",
      served({ start: { accepted: 0, refused: { store_unavailable: 2 } } }),
      ...(["error", "2 of 2 starts failed because of this service."] as const),
    ],
    [
      "a few of many requests fail",
      served({ media: { accepted: 6_000, refused: { origin_slow: 2 } } }),
      ...(["warning", "2 of 6,002 media requests failed because of the origin."] as const),
    ],
    [
      "the provider and the origin fail, the provider more often",
      served({ start: { accepted: 0, refused: { token_invalid: 160, origin_slow: 10 } } }),
      ...(["error", "160 of 170 starts failed because of the provider."] as const),
    ],
    [
      "one client sends bad tokens among many starts",
      served({ start: { accepted: 300, refused: { token_invalid: 30 } } }),
      ...(["warning", "30 of 330 starts failed because of the provider."] as const),
    ],
    [
      "viewers' own refusals leave hardly a start",
      served({ start: { accepted: 5, refused: { country_forbidden: 45 } } }),
      ...(["warning", "Only 5 of 50 starts were accepted."] as const),
    ],
    [
      "refusals are as usual",
      served({
        start: { accepted: 90, refused: { token_expired: 10, token_invalid: 4 } },
        media: { accepted: 6_000, refused: { signature_expired: 20, object_unknown: 9 } },
      }),
      ...(["ok", "All is well."] as const),
    ],
    [
      "a provider failed and answers again",
      served({ start: { accepted: 3, refused: { provider_unavailable: 40 } } }, 6),
      ...(["ok", "All is well."] as const),
    ],
  ])("has the expected headline if %s", (_, data, level, words) => {
    const { level: shown, words: told } = verdictOf(data);
    expect([shown, told]).toEqual([level, words]);
  });

  it("says what is off and how long, after what fails", () => {
    const off = { asset: "film", mode: "off", until: unixSeconds(now + 7_200) } as const;
    const { level, words, why } = verdictOf({ ...overview(), unenforced: [off, { ...off, asset: "lake" }] });
    expect([level, words]).toEqual(["warning", "Protection is off: film and 1 other asset."]);
    expect(why).toContain("in 2 h");
    expect(verdictOf({ ...overview(), unenforced: [{ ...off, mode: "observe" }] }).level).toBe("ok");
  });

  it("names the codes, and a failure that is over only as evidence", () => {
    const failing = served({ start: { accepted: 0, refused: { token_invalid: 240, token_expired: 10 } } });
    expect(verdictOf(failing).why).toMatch(/^In the last five minutes: token_invalid \(240\)\. /);
    const over = served({ start: { accepted: 3, refused: { provider_unavailable: 40 } } }, 6);
    expect(verdictOf(over).why).toContain("Failures earlier in the hour, over now: provider_unavailable (40).");
    expect(verdictOf(served({ ...playing, start: { accepted: 1, refused: {} } })).why).toBe(
      "1 of 1 start and 6,000 of 6,000 media requests accepted in the last five minutes; nothing refused in the last hour.",
    );
  });
});

describe("the status for programs", () => {
  it("has the headline and the requests of five minutes by cause", () => {
    const status = statusJson(served({ start: { accepted: 2, refused: { token_invalid: 30, token_expired: 1 } } }));
    expect(status).toMatchObject({
      ...{ level: "error", words: "30 of 33 starts failed because of the provider.", watching: 0, minutes: 5 },
      starts: { requested: 33, accepted: 2, refused: { ours: 0, origin: 0, provider: 30, viewer: 1 } },
      media: { requested: 0, accepted: 0, codes: {} },
    });
    expect(statusSchema.safeParse(status).success).toBe(true);
  });

  it("is an error without figures if a store is down", () => {
    const down = refusal("store_unavailable", "silent");
    const status = statusJson({ ...overview(), refusals: down, watching: undefined });
    expect(status).toEqual(expect.objectContaining({ level: "error", words: "Some data is unavailable." }));
    expect([Object.keys(status).includes("starts"), statusSchema.safeParse(status).success]).toEqual([false, true]);
  });
});

describe("the codes of an hour", () => {
  it("are sorted by frequency and have distinct colours", () => {
    const codes = codesOf(hour({ 1: { a: 1, b: 5, c: 3 }, 20: { a: 9 } }));
    expect(codes.map(({ code, count }) => [code, count])).toEqual([
      ["a", 10],
      ["b", 5],
      ["c", 3],
    ]);
    expect(new Set(codes.map(({ colour }) => colour)).size).toBe(3);
  });

  it("are counted together beyond the seventh", () => {
    const counts = Object.fromEntries([..."abcdefghij"].map((code, place) => [code, place + 1]));
    const codes = codesOf(hour({ 1: counts }));
    expect(codes).toHaveLength(7);
    expect(codes.at(-1)).toEqual({ code: others, count: 1 + 2 + 3 + 4, colour: 0 });
    expect(codes.reduce((sum, { count }) => sum + count, 0)).toBe(countRefusals(hour({ 1: counts })));
  });

  it("keep their colours when their order changes", () => {
    const colourOf = (code: string, counts: Readonly<Record<string, number>>) =>
      codesOf(hour({ 1: counts })).find((one) => one.code === code)?.colour;
    for (const code of ["token_expired", "signature_expired"])
      expect(colourOf(code, { token_expired: 9, signature_expired: 1 })).toBe(
        colourOf(code, { token_expired: 1, signature_expired: 9 }),
      );
  });

  it.each([
    [0, 2],
    [1, 2],
    [3, 4],
    [7, 8],
    [12, 20],
    [40, 40],
    [41, 60],
    [1000, 1000],
  ])("with at most %d per minute have the chart top %d", (highest, top) => {
    expect(chartTop(highest)).toBe(top);
  });
});

describe("the console's text", () => {
  it.each([
    [0, "now"],
    [-12, "12 s ago"],
    [-7140, "1 h 59 min ago"],
    [319, "in 5 min"],
  ])('for a time %d s away is "%s"', (away, words) => {
    expect(relativeTime(unixSeconds(now + away), now)).toBe(words);
  });

  it("names a country, and nothing for an unknown code", () => {
    expect(countryName("DE")).toBe("Germany");
    for (const none of ["XX", "T1", "", "<b>"]) expect(countryName(none)).toBeUndefined();
  });
});
