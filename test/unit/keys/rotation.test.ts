import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { seconds, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { inUse, keyStateOf, type LivingKey } from "../../../src/keys/life.ts";
import { isAccepted } from "../../../src/keys/ring.ts";
import {
  activated,
  introduced,
  longestHold,
  longestSession,
  nextStep,
  type RotationTimes,
  replacedAtOnce,
  retired,
  settled,
} from "../../../src/keys/rotation.ts";

const at = (time: number) => unixSeconds(100_000 + time);
const key = (kid: string, more: Partial<LivingKey> = {}): LivingKey => ({ kid, purpose: "session", ...more });
const times = (now: UnixSeconds, more: Partial<RotationTimes> = {}): RotationTimes => ({
  now,
  headStart: seconds(10),
  longest: seconds(100),
  ...more,
});
const states = (keys: readonly LivingKey[], now: UnixSeconds) =>
  keys.map((one) => `${one.kid} ${keyStateOf(one, keys, now)}`);

describe("a rotation", () => {
  it("goes from next over active and retiring to retired, each step from its own time on", () => {
    const first = introduced([], key("a"), "session", at(0));
    expect(states(first, at(0))).toEqual(["a active"]);
    expect(nextStep("session", first, times(at(5)))).toEqual({ step: "introduce" });
    const second = introduced(first, key("b"), "session", at(5));
    expect(states(second, at(5))).toEqual(["a active", "b next"]);
    expect(nextStep("session", second, times(at(6)))).toEqual({ step: "activate", kid: "b", from: at(15) });
    const third = activated(second, "b", "session", at(20));
    expect(states(third, at(20))).toEqual(["a retiring", "b active"]);
    expect(nextStep("session", third, times(at(20)))).toEqual({ step: "retire", kid: "a", from: at(130) });
    const fourth = retired(third, "a", "session", at(140));
    expect(states(fourth, at(140))).toEqual(["a retired", "b active"]);
    expect(nextStep("session", fourth, times(at(140)))).toEqual({ step: "introduce" });
  });

  it("leaves the keys of other purposes as they are", () => {
    const other = key("c", { purpose: "operator" });
    const keys = activated(introduced([other, key("a")], key("b"), "session", at(0)), "b", "session", at(20));
    expect(keys.find(({ kid }) => kid === "c")).toBe(other);
    expect(nextStep("operator", keys, times(at(20)))).toEqual({ step: "introduce" });
  });

  it("takes up a ring without states, where the clock says since when a key has not signed", () => {
    const keys = [key("old"), key("new", { nbf: at(0) })];
    expect(nextStep("session", keys, times(at(50)))).toEqual({ step: "retire", kid: "old", from: at(110) });
    expect(states(settled(keys, "session", at(50)), at(50))).toEqual(["old retiring", "new active"]);
    expect(settled(keys, "session", at(50))[0]?.since).toBe(at(0));
  });

  it("lets the clock bring a key into use that has an nbf of its own, also beside an active one", () => {
    const keys = [key("a", { state: "active", since: at(0) }), key("b", { nbf: at(60) })];
    expect(nextStep("session", keys, times(at(50)))).toEqual({ step: "activate", kid: "b", from: at(60) });
    expect(states(keys, at(59))).toEqual(["a active", "b next"]);
    expect(states(keys, at(60))).toEqual(["a retiring", "b active"]);
    expect(nextStep("session", keys, times(at(60)))).toEqual({ step: "retire", kid: "a", from: at(170) });
  });

  it("counts from now where nothing says since when a key waits, and keeps counting from there once it is written down", () => {
    const keys = [key("a"), key("b", { state: "next" }), key("c", { state: "retiring" })];
    expect(nextStep("session", keys, times(at(5)))).toEqual({ step: "activate", kid: "b", from: at(15) });
    expect(nextStep("session", settled(keys, "session", at(5)), times(at(9)))).toMatchObject({ from: at(15) });
  });

  it("waits no longer for a key than the key itself lasts", () => {
    const keys = [key("a", { state: "retiring", since: at(0), exp: at(30) }), key("b", { state: "active" })];
    expect(nextStep("session", keys, times(at(5)))).toEqual({ step: "retire", kid: "a", from: at(30) });
    expect(nextStep("session", keys, times(at(30)))).toEqual({ step: "introduce" });
  });

  it("keeps an operator key until the last credential that is recorded of it has ended, or for the longest there is", () => {
    const retiring = (signedUntil?: number) => [
      key("a", { purpose: "operator", state: "retiring", since: at(0), signedUntil }),
      key("b", { purpose: "operator", state: "active" }),
    ];
    const longest = longestHold("operator", seconds(60));
    const from = (signedUntil?: number) => nextStep("operator", retiring(signedUntil), times(at(5), { longest }));
    expect(from(at(500))).toMatchObject({ from: at(500) });
    expect(from(at(3))).toMatchObject({ from: at(10) });
    expect(from()).toMatchObject({ from: at(10 + 366 * 86_400) });
  });

  it("ends a leaked key at once, and a new one signs", () => {
    const keys = introduced(introduced([], key("a"), "session", at(0)), key("b"), "session", at(1));
    expect(states(replacedAtOnce(keys, "b", "session", at(2)), at(2))).toEqual(["a retired", "b active"]);
  });
});

describe("CloudFront keys without a state", () => {
  const pair = (kid: string, more: Partial<LivingKey> = {}) => key(kid, { purpose: "cloudfront", ...more });

  it("are everybody's where there is one alone", () => {
    expect(inUse([pair("K1")], "cloudfront", at(0))?.kid).toBe("K1");
    const keys = introduced([pair("K1")], pair("K2"), "cloudfront", at(0));
    expect(states(keys, at(0))).toEqual(["K1 active", "K2 next"]);
    expect(states(activated(keys, "K2", "cloudfront", at(20)), at(20))).toEqual(["K1 retiring", "K2 active"]);
  });

  it("sign for the assets that name them where there are several, until none does", () => {
    const keys = introduced([pair("K1"), pair("K2")], pair("K3"), "cloudfront", at(0));
    expect(inUse(keys, "cloudfront", at(0))).toBeUndefined();
    expect(states(keys, at(0))).toEqual(["K1 active", "K2 active", "K3 next"]);
    const after = activated(keys, "K3", "cloudfront", at(20), new Set(["K2"]));
    expect(states(after, at(20))).toEqual(["K1 retiring", "K2 active", "K3 active"]);
    expect(inUse(after, "cloudfront", at(20))?.kid).toBe("K3");
  });
});

describe("the longest that a signature can hold", () => {
  it.each<[string, number | undefined, { session?: number }[] | undefined, number]>([
    ["is a week where nobody says anything", undefined, undefined, 604_800],
    ["is a week where the catalog is not known", 60, undefined, 604_800],
    ["is a week where an asset leaves it to a setting that is not known", undefined, [{}, { session: 60 }], 604_800],
    ["is a week where neither says anything", undefined, [], 604_800],
    ["is the assets' own where all have one", undefined, [{ session: 90 }, { session: 60 }], 90],
    ["is the setting where that is longer", 100, [{ session: 90 }], 100],
    ["is an asset's where that is longer", 100, [{ session: 190 }, {}], 190],
  ])("%s", (_, setting, assets, session) => {
    const known = assets?.map((asset) => (asset.session === undefined ? {} : { session: seconds(asset.session) }));
    expect(longestSession(setting === undefined ? undefined : seconds(setting), known)).toBe(session);
  });

  it("is a day longer for CloudFront, since an init segment's URL lasts until its day ends", () => {
    expect([longestHold("session", seconds(60)), longestHold("cloudfront", seconds(60))]).toEqual([60, 86_460]);
  });
});

describe("whatever the times, and however late each isolate gets its ring", () => {
  /** Rings, with the time since when each was deployed. */
  type History = { readonly from: number; readonly keys: readonly LivingKey[] }[];

  /** The rings that an isolate may run with at `time`: the newest, and those that were the newest within the head start. */
  const running = (history: History, time: number, headStart: number) =>
    history.filter(({ from }, i) => from <= time && (history[i + 1]?.from ?? Infinity) > time - headStart);

  /** A signature that somebody refuses within its life; `undefined` where there is none. */
  function refusedSignature(history: History, end: number, headStart: number, longest: number): string | undefined {
    for (let signed = 0; signed < end; signed++)
      for (const signer of running(history, signed, headStart)) {
        const kid = inUse(signer.keys, "session", at(signed))?.kid;
        for (let time = signed; time < Math.min(end, signed + longest); time++)
          for (const verifier of running(history, time, headStart)) {
            const known = verifier.keys.find((one) => one.kid === kid);
            if (known === undefined || !isAccepted(known, at(time))) return `${kid} of ${signed} at ${time}`;
          }
      }
    return undefined;
  }

  /** A history of rotations in which a step is tried after each wait, and taken where it may be. */
  function rotate(
    waits: readonly number[],
    headStart: number,
    longest: number,
    early = 0,
    beside = false,
  ): { history: History; end: number } {
    let keys: readonly LivingKey[] = introduced([], key("k0"), "session", at(-50));
    const history: History = [{ from: 0, keys }];
    let now = 0;
    for (const wait of waits) {
      now += wait;
      const step = nextStep(
        "session",
        keys,
        times(at(now), { headStart: seconds(headStart), longest: seconds(longest) }),
      );
      // A new one may come in beside one that retires, as with --introduce.
      const waits = !keys.some((one) => keyStateOf(one, keys, at(now)) === "next");
      if (step.step === "introduce" || (beside && waits && now % 3 === 0 && at(now) < step.from))
        keys = introduced(keys, key(`k${now}`), "session", at(now));
      else if (at(now + early) < step.from) continue;
      else keys = (step.step === "activate" ? activated : retired)(keys, step.kid, "session", at(now));
      history.push({ from: now, keys });
    }
    return { history, end: now + longest };
  }

  const wait = fc.integer({ min: 1, max: 12 });
  const waits = fc.array(wait, { minLength: 3, maxLength: 9 });
  const lengths = fc.record({ headStart: fc.integer({ min: 1, max: 6 }), longest: fc.integer({ min: 1, max: 12 }) });

  it("no signature is refused before its time", () => {
    fc.assert(
      fc.property(waits, lengths, (given, { headStart, longest }) => {
        const { history, end } = rotate(given, headStart, longest, 0, true);
        expect(refusedSignature(history, end, headStart, longest)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it("less would be too little: where a step is taken too early, one is refused", () => {
    // Introduced at 1; activated a second before its head start of 4 has passed.
    const activation = rotate([1, 3], 4, 5, 1);
    expect(refusedSignature(activation.history, activation.end, 4, 5)).toMatch(/^k1 of 4/);
    // Activated at 5, so last signed with at 8; retired at 12, when that has not ended.
    const retirement = rotate([1, 4, 7], 4, 5, 2);
    expect(retirement.history).toHaveLength(4);
    expect(refusedSignature(retirement.history, retirement.end + 5, 4, 5)).toMatch(/^k0 of 8/);
  });
});
