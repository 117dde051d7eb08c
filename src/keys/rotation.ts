import { maxSessionTtl } from "../base/constants.ts";
import { after, earlier, isUnixSeconds, later, type Seconds, seconds, type UnixSeconds } from "../base/time.ts";
import { inUse, keyStateOf, type LivingKey, signsByAsset } from "./life.ts";

/** The purposes whose keys are rotated. The development issuer's key is not: it ends with its folder. */
export const rotatedPurposes = ["session", "cloudfront", "operator"] as const;
export type RotatedPurpose = (typeof rotatedPurposes)[number];

/** How long workers are given to have a new ring, where nothing else is said. */
export const usualHeadStart = seconds(3600);

/** The longest that `operator new` takes. */
const longestCredential = seconds(366 * 86_400);
/** An init segment of a stream that goes on has one URL a day, and that day may end after the session (`playlist/expiry-plan.ts`). */
const day = seconds(86_400);

/** What decides when a step may be taken. */
export interface RotationTimes {
  readonly now: UnixSeconds;
  /** How long workers take to have a new ring: isolates go on with the old one for a while. */
  readonly headStart: Seconds;
  /** How long what a key of the purpose signed can hold, from when it was signed: see {@link longestHold}. */
  readonly longest: Seconds;
}

/**
 * The next step in the life of a purpose's keys. `introduce`: a new key comes into the ring as `next`; it may be taken
 * whenever a rotation is wanted, and nothing has to be done until then. `activate`: that key signs and the one before it is
 * `retiring`. `retire`: a key leaves the workers' rings. Before `from` a step would refuse sessions that run.
 */
export type NextStep = { readonly step: "introduce" } | WaitingStep;

/** A step that a key waits for. */
export interface WaitingStep {
  readonly step: "activate" | "retire";
  readonly kid: string;
  readonly from: UnixSeconds;
}

/**
 * The step that may be taken first. A `next` key may sign once it was in the ring for the head start; a `retiring` one may go
 * once the isolates that still sign with it have the new ring, and the last that they signed has ended.
 */
export function nextStep(purpose: RotatedPurpose, keys: readonly LivingKey[], times: RotationTimes): NextStep {
  return soonest(waitingSteps(purpose, keys, times));
}

/** The first of the steps that wait, or where none does a new key. */
export function soonest([first, ...others]: readonly WaitingStep[]): NextStep {
  if (first === undefined) return { step: "introduce" };
  return others.reduce((sooner, step) => (step.from < sooner.from ? step : sooner), first);
}

/** All the steps that wait for their time, in the ring's order. */
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

/** Since when a key is in its state; undefined where neither the key nor the clock says. */
export function sinceWhen(key: LivingKey, keys: readonly LivingKey[], now: UnixSeconds): UnixSeconds | undefined {
  if (isUnixSeconds(key.since) && key.state === keyStateOf(key, keys, now)) return key.since;
  const state = keyStateOf(key, keys, now);
  if (state === "active" && key.state === undefined) return isUnixSeconds(key.nbf) ? key.nbf : undefined;
  if (state !== "retiring" || key.state === "retiring") return undefined;
  // It ceased to sign when the one that signs now began.
  const signing = inUse(keys, key.purpose, now);
  return signing === undefined ? undefined : sinceWhen(signing, keys, now);
}

/**
 * How long what a key of `purpose` signed can hold. A grant ends with its session, and nothing that is signed under it
 * holds longer, the manifest's URL neither; a URL of CloudFront is cut at the session's end, but for an init segment's.
 */
export function longestHold(purpose: RotatedPurpose, session: Seconds): Seconds {
  if (purpose === "operator") return longestCredential;
  return purpose === "session" ? session : seconds(session + day);
}

/**
 * The longest session that can run: the setting's or an asset's own, whichever is longer. What is not known is taken for the
 * longest that there can be.
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

/** What a key signed ends by the key's own `exp` at the latest. */
function retiredFrom(key: LivingKey, keys: readonly LivingKey[], times: RotationTimes): UnixSeconds {
  const { now, headStart, longest } = times;
  const silent = after(sinceWhen(key, keys, now) ?? now, headStart);
  const signed = isUnixSeconds(key.signedUntil) ? later(silent, key.signedUntil) : after(silent, longest);
  return isUnixSeconds(key.exp) ? earlier(signed, key.exp) : signed;
}

/**
 * The keys with their states written down: what each says itself, or what its window comes to. Where nothing says since when
 * a key waits, it counts from `now`, since less than that might strand a session. Left as they are: keys of other purposes,
 * those that the clock will bring into use, and CloudFront keys without a state where there are several, since each signs for
 * assets of its own.
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
 * A new key comes into the ring: as `next` beside one that signs, and where none does it signs at once, if it can: a public half
 * alone (`signs` false) is `next` until it is whole.
 */
export function introduced<Key extends LivingKey>(
  keys: readonly Key[],
  key: Key,
  purpose: RotatedPurpose,
  now: UnixSeconds,
  signs = true,
): Key[] {
  const before = settled(keys, purpose, now);
  // CloudFront keys without a state sign for the assets that name them: with several of them, none is everybody's.
  const alone = inUse(before, purpose, now) === undefined && !before.some((other) => signsByAsset(other, now));
  return [...before, { ...key, state: signs && alone ? "active" : "next", since: now }];
}

/**
 * The key `kid` signs from `now` on, and the one before it is taken for as long as what it signed holds. So is a CloudFront
 * key without a state, unless an asset names it: then it goes on signing for that.
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
    // Another nbf would let the clock choose among them.
    if (key.kid === kid) return { ...key, state: "active", since: now, nbf: undefined };
    const signed = key.state === "active" || (signsByAsset(key, now) && !named.has(key.kid));
    return signed ? { ...key, state: "retiring", since: now } : key;
  });
}

/** Nobody takes the key `kid` from `now` on. */
export function retired<Key extends LivingKey>(
  keys: readonly Key[],
  kid: string,
  purpose: RotatedPurpose,
  now: UnixSeconds,
): Key[] {
  return settled(keys, purpose, now).map((key) => (key.kid === kid ? { ...key, state: "retired", since: now } : key));
}

/** For a key that leaked: the one that signs ends at once, with all that it signed, and `kid` signs. */
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
