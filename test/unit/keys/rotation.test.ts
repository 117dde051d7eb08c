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
  it("moves a key from next to active, retiring and retired, each step at its earliest time", () => {
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

  it("does not change keys of other purposes", () => {
    const other = key("c", { purpose: "operator" });
    const keys = activated(introduced([other, key("a")], key("b"), "session", at(0)), "b", "session", at(20));
    expect(keys.find(({ kid }) => kid === "c")).toBe(other);
    expect(nextStep("operator", keys, times(at(20)))).toEqual({ step: "introduce" });
  });

  it("continues a ring without states from the nbf of its keys", () => {
    const keys = [key("old"), key("new", { nbf: at(0) })];
    expect(nextStep("session", keys, times(at(50)))).toEqual({ step: "retire", kid: "old", from: at(110) });
    expect(states(settled(keys, "session", at(50)), at(50))).toEqual(["old retiring", "new active"]);
    expect(settled(keys, "session", at(50))[0]?.since).toBe(at(0));
  });

  it("activates a key at its nbf even if another one is active", () => {
    const keys = [key("a", { state: "active", since: at(0) }), key("b", { nbf: at(60) })];
    expect(nextStep("session", keys, times(at(50)))).toEqual({ step: "activate", kid: "b", from: at(60) });
    expect(states(keys, at(59))).toEqual(["a active", "b next"]);
    expect(states(keys, at(60))).toEqual(["a retiring", "b active"]);
    expect(nextStep("session", keys, times(at(60)))).toEqual({ step: "retire", kid: "a", from: at(170) });
  });

  it("waits from now if a state has no start time, and from the recorded time afterwards", () => {
    const keys = [key("a"), key("b", { state: "next" }), key("c", { state: "retiring" })];
    expect(nextStep("session", keys, times(at(5)))).toEqual({ step: "activate", kid: "b", from: at(15) });
    expect(nextStep("session", settled(keys, "session", at(5)), times(at(9)))).toMatchObject({ from: at(15) });
  });

  it("retires a key no later than its own expiry", () => {
    const keys = [key("a", { state: "retiring", since: at(0), exp: at(30) }), key("b", { state: "active" })];
    expect(nextStep("session", keys, times(at(5)))).toEqual({ step: "retire", kid: "a", from: at(30) });
    expect(nextStep("session", keys, times(at(30)))).toEqual({ step: "introduce" });
  });

  it("keeps an operator key until its last recorded credential expires, or for the longest credential", () => {
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

  it("retires a leaked key at once and activates its successor", () => {
    const keys = introduced(introduced([], key("a"), "session", at(0)), key("b"), "session", at(1));
    expect(states(replacedAtOnce(keys, "b", "session", at(2)), at(2))).toEqual(["a retired", "b active"]);
  });
});

describe("CloudFront keys without a state", () => {
  const pair = (kid: string, more: Partial<LivingKey> = {}) => key(kid, { purpose: "cloudfront", ...more });

  it("sign for every asset if there is only one", () => {
    expect(inUse([pair("K1")], "cloudfront", at(0))?.kid).toBe("K1");
    const keys = introduced([pair("K1")], pair("K2"), "cloudfront", at(0));
    expect(states(keys, at(0))).toEqual(["K1 active", "K2 next"]);
    expect(states(activated(keys, "K2", "cloudfront", at(20)), at(20))).toEqual(["K1 retiring", "K2 active"]);
  });

  it("sign for the assets that name them if there are several, and retire when no asset names them", () => {
    const keys = introduced([pair("K1"), pair("K2")], pair("K3"), "cloudfront", at(0));
    expect(inUse(keys, "cloudfront", at(0))).toBeUndefined();
    expect(states(keys, at(0))).toEqual(["K1 active", "K2 active", "K3 next"]);
    const after = activated(keys, "K3", "cloudfront", at(20), new Set(["K2"]));
    expect(states(after, at(20))).toEqual(["K1 retiring", "K2 active", "K3 active"]);
    expect(inUse(after, "cloudfront", at(20))?.kid).toBe("K3");
  });
});

describe("the longest validity of a signature", () => {
  it.each<[string, number | undefined, { session?: number }[] | undefined, number]>([
    ["is a week without a setting and a catalog", undefined, undefined, 604_800],
    ["is a week if the catalog is unknown", 60, undefined, 604_800],
    ["is a week if an asset depends on an unknown setting", undefined, [{}, { session: 60 }], 604_800],
    ["is a week with an empty catalog and an unknown setting", undefined, [], 604_800],
    ["is the longest of the assets if all have their own", undefined, [{ session: 90 }, { session: 60 }], 90],
    ["is the setting if that is longer", 100, [{ session: 90 }], 100],
    ["is an asset's if that is longer", 100, [{ session: 190 }, {}], 190],
  ])("%s", (_, setting, assets, session) => {
    const known = assets?.map((asset) => (asset.session === undefined ? {} : { session: seconds(asset.session) }));
    expect(longestSession(setting === undefined ? undefined : seconds(setting), known)).toBe(session);
  });

  it("is a day longer for CloudFront, because the URL of an init segment expires at the end of a day", () => {
    expect([longestHold("session", seconds(60)), longestHold("cloudfront", seconds(60))]).toEqual([60, 86_460]);
  });
});

describe("during a rotation with random waits and delayed deployments,", () => {
  /** Rings with the time of their deployment. */
  type History = { readonly from: number; readonly keys: readonly LivingKey[] }[];

  /** The rings that isolates can use at `time`: the newest, and those that were the newest within the head start. */
  const running = (history: History, time: number, headStart: number) =>
    history.filter(({ from }, i) => from <= time && (history[i + 1]?.from ?? Infinity) > time - headStart);

  /** A signature that some isolate refuses before its expiry, or `undefined`. */
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

  /** A history of rotations: after each wait, the next step is made if it is allowed. */
  function rotate(
    waits: readonly number[],
    headStart: number,
    longest: number,
    early = 0,
    overlapping = false,
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
      // A new key can be introduced while another one retires, as with --introduce.
      const isFree = !keys.some((one) => keyStateOf(one, keys, at(now)) === "next");
      if (step.step === "introduce" || (overlapping && isFree && now % 3 === 0 && at(now) < step.from))
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

  it("no signature is refused before its expiry", () => {
    fc.assert(
      fc.property(waits, lengths, (random, { headStart, longest }) => {
        const { history, end } = rotate(random, headStart, longest, 0, true);
        expect(refusedSignature(history, end, headStart, longest)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });

  it("a signature is refused if a step is made too early", () => {
    // Introduced at 1, and activated a second before the end of its head start of 4.
    const activation = rotate([1, 3], 4, 5, 1);
    expect(refusedSignature(activation.history, activation.end, 4, 5)).toMatch(/^k1 of 4/);
    // Its successor is activated at 5, so it last signs at 8; it is retired at 12, before that signature expires.
    const retirement = rotate([1, 4, 7], 4, 5, 2);
    expect(retirement.history).toHaveLength(4);
    expect(refusedSignature(retirement.history, retirement.end + 5, 4, 5)).toMatch(/^k0 of 8/);
  });
});
