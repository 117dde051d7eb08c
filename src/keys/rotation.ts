import { initSegmentPeriod, maxSessionTtl } from "../base/constants.ts";
import { after, earlier, isUnixSeconds, later, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import { inUse, keyStateOf, type LivingKey, signsByAsset } from "./life.ts";

/** The purposes whose keys are rotated. The development issuer's key is not: it lives as long as its folder. */
export const rotatedPurposes = ["session", "cloudfront-session", "cloudfront", "operator", "backend"] as const;
export type RotatedPurpose = (typeof rotatedPurposes)[number];

/** The default time that workers get to receive a new ring. */
export const defaultHeadStart = seconds(3600);

/** The longest credential that `operator new` and `backend new` issue. */
const longestCredential = seconds(366 * 86_400);

/** The durations that decide when a step is allowed. */
export interface RotationTimes {
  readonly now: UnixSeconds;
  /** How long workers need to receive a new ring: isolates use the old one for a while. */
  readonly headStart: Seconds;
  /** The longest life of what a key of the purpose signs; see {@link longestHold}. */
  readonly longest: Seconds;
}

/**
 * The next step for a purpose's keys. `introduce`: a new key enters the ring as `next`, at any time. `activate`: that
 * key signs, and the one before it is `retiring`. `retire`: a key leaves the workers' rings. Before `from`, a step
 * would break running sessions.
 */
export type NextStep = { readonly step: "introduce" } | WaitingStep;

/** A step that is allowed from a point in time. */
export interface WaitingStep {
  readonly step: "activate" | "retire";
  readonly kid: string;
  readonly from: UnixSeconds;
}

/**
 * The step that is allowed first. A `next` key may sign after it was in the ring for the head start. A `retiring` key
 * may go once the isolates that still sign with it have the new ring and their last signature has expired.
 */
export function nextStep(purpose: RotatedPurpose, keys: readonly LivingKey[], times: RotationTimes): NextStep {
  return soonest(waitingSteps(purpose, keys, times));
}

/** The earliest waiting step, or `introduce` if there is none. */
export function soonest([first, ...others]: readonly WaitingStep[]): NextStep {
  if (first === undefined) return { step: "introduce" };
  return others.reduce((sooner, step) => (step.from < sooner.from ? step : sooner), first);
}

/** All waiting steps, in the ring's order. */
export function waitingSteps(
  purpose: RotatedPurpose,
  keys: readonly LivingKey[],
  times: RotationTimes,
): readonly WaitingStep[] {
  const own = keys.filter((key) => key.purpose === purpose);
  return own.flatMap((key): readonly WaitingStep[] => {
    const state = keyStateOf(key, own, times.now);
    if (state === "next") return [{ step: "activate", kid: key.kid, from: activeFrom(key, times) }];
    if (state === "retiring") return [{ step: "retire", kid: key.kid, from: retiredFrom(key, own, times) }];
    return [];
  });
}

/** When a key entered its state; undefined if neither the key nor the clock tells. */
export function sinceWhen(key: LivingKey, keys: readonly LivingKey[], now: UnixSeconds): UnixSeconds | undefined {
  if (isUnixSeconds(key.since) && key.state === keyStateOf(key, keys, now)) return key.since;
  const state = keyStateOf(key, keys, now);
  if (state === "active" && key.state === undefined) return isUnixSeconds(key.nbf) ? key.nbf : undefined;
  if (state !== "retiring" || key.state === "retiring") return undefined;
  // It stopped signing when the current key started.
  const signing = inUse(keys, key.purpose, now);
  return signing === undefined ? undefined : sinceWhen(signing, keys, now);
}

/**
 * The longest life of what a key of `purpose` signs. A grant expires with its session, and so does everything signed
 * under it, including the manifest's URL. A CloudFront URL is limited to the session's expiry, except for an init
 * segment's.
 */
export function longestHold(purpose: RotatedPurpose, session: Seconds): Seconds {
  if (purpose === "operator" || purpose === "backend") return longestCredential;
  return purpose === "cloudfront" ? seconds(session + initSegmentPeriod) : session;
}

/**
 * The longest possible session: the setting's or an asset's own, whichever is longer. Unknown values count as the
 * longest that is allowed.
 */
export function longestSession(
  setting: Seconds | undefined,
  assets: readonly { readonly session?: Seconds | undefined }[] | undefined,
): Seconds {
  const usual = setting ?? maxSessionTtl;
  if (assets === undefined) return maxSessionTtl;
  const longest = Math.max(setting ?? 0, ...assets.map(({ session }) => session ?? usual));
  return longest === 0 ? usual : seconds(longest);
}

function activeFrom(key: LivingKey, { now, headStart }: RotationTimes): UnixSeconds {
  if (key.state === undefined && isUnixSeconds(key.nbf)) return key.nbf;
  return after(isUnixSeconds(key.since) ? key.since : now, headStart);
}

/** A key's own `exp` also ends what it signed. */
function retiredFrom(key: LivingKey, keys: readonly LivingKey[], times: RotationTimes): UnixSeconds {
  const { now, headStart, longest } = times;
  const silent = after(sinceWhen(key, keys, now) ?? now, headStart);
  const signed = isUnixSeconds(key.signedUntil) ? later(silent, key.signedUntil) : after(silent, longest);
  return isUnixSeconds(key.exp) ? earlier(signed, key.exp) : signed;
}

/**
 * The keys with their states made explicit: the stated one, or what the window implies. Without `since`, a waiting key
 * counts from `now`: an earlier time could break a session. Unchanged: keys of other purposes, keys with a future
 * `nbf`, and CloudFront keys without a state if there are several, because each signs for its own assets.
 */
export function settled<Key extends LivingKey>(keys: readonly Key[], purpose: RotatedPurpose, now: UnixSeconds): Key[] {
  const signing = inUse(keys, purpose, now);
  return keys.map((key) => {
    if (key.purpose !== purpose) return key;
    if (signsByAsset(key, now) && signing?.kid !== key.kid) return key;
    const state = keyStateOf(key, keys, now);
    if (state === "next" && key.state === undefined) return key;
    const since = sinceWhen(key, keys, now) ?? (state === "active" ? undefined : now);
    return { ...key, state, since };
  });
}

/**
 * Adds a new key: as `next` after one that signs. If none signs, it signs at once, unless it is only a public half
 * (`signs` false): then it is `next` until it is complete.
 */
export function introduced<Key extends LivingKey>(
  keys: readonly Key[],
  key: Key,
  purpose: RotatedPurpose,
  now: UnixSeconds,
  signs = true,
): Key[] {
  const before = settled(keys, purpose, now);
  // CloudFront keys without a state sign for the assets that name them: of several, none is the default.
  const alone = inUse(before, purpose, now) === undefined && !before.some((other) => signsByAsset(other, now));
  return [...before, { ...key, state: signs && alone ? "active" : "next", since: now }];
}

/**
 * Makes the key `kid` sign from `now`. The key before it stays accepted for as long as its signatures are valid. A
 * CloudFront key without a state retires too, unless an asset names it: then it still signs for that asset.
 */
export function activated<Key extends LivingKey>(
  keys: readonly Key[],
  kid: string,
  purpose: RotatedPurpose,
  now: UnixSeconds,
  named: ReadonlySet<string> = new Set(),
): Key[] {
  return settled(keys, purpose, now).map((key) => {
    if (key.purpose !== purpose) return key;
    // A different nbf would let the clock choose between them.
    if (key.kid === kid) return { ...key, state: "active", since: now, nbf: undefined };
    const signed = key.state === "active" || (signsByAsset(key, now) && !named.has(key.kid));
    return signed ? { ...key, state: "retiring", since: now } : key;
  });
}

/** Makes the key `kid` unaccepted from `now`. */
export function retired<Key extends LivingKey>(
  keys: readonly Key[],
  kid: string,
  purpose: RotatedPurpose,
  now: UnixSeconds,
): Key[] {
  return settled(keys, purpose, now).map((key) => (key.kid === kid ? { ...key, state: "retired", since: now } : key));
}

/** For a leaked key: the signing key ends at once with everything that it signed, and `kid` signs. */
export function replacedAtOnce<Key extends LivingKey>(
  keys: readonly Key[],
  kid: string,
  purpose: RotatedPurpose,
  now: UnixSeconds,
  named: ReadonlySet<string> = new Set(),
): Key[] {
  const leaked = inUse(keys, purpose, now);
  const after = activated(keys, kid, purpose, now, named);
  return leaked === undefined ? after : retired(after, leaked.kid, purpose, now);
}
