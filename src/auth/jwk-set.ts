import { type CryptoKey, createLocalJWKSet, errors, type JSONWebKeySet } from "jose";
import { isObject } from "../base/body-text.ts";
import { SingleFlight } from "../base/concurrency.ts";
import { seconds, type UnixSeconds } from "../base/time.ts";
import { askJson, type HttpDeps } from "./ask-json.ts";
import { type FindKeys, KeysUnavailable, mostKeysTried } from "./verify-jwt.ts";

/** How long a set is used before the next fetch, and how much longer if the provider is down. */
const fresh = seconds(600);
const old = seconds(3600);
/** How long fetches pause after a failure, to spare a provider that is down. */
const pauseAfterFailure = seconds(5);
/**
 * Tokens with made-up kids must not flood the provider: at most this many fetches for unknown kids at once, and one
 * more per 30 s.
 */
const mostSpare = 4;
const spareEvery = seconds(30);
const limits = { within: seconds(5), longest: 262_144 };

interface HeldSet {
  readonly find: FindKeys;
  readonly fetchedAt: UnixSeconds;
}

/**
 * The keys of a JWK Set that is fetched from an address. Concurrent requests share one fetch. A new kid works at once.
 * While the provider is down, the last keys are used for another hour. Throws `KeysUnavailable`, or jose's error for an
 * unknown kid.
 */
export function fetchedKeys(uri: string, reach: HttpDeps): FindKeys {
  const { clock, timer } = reach;
  let held: HeldSet | undefined;
  const fetching = new SingleFlight();
  let restUntil = 0;
  let lastFailure = "the issuer's JWK Set did not come in time";
  let spare = mostSpare;
  let spareAt: UnixSeconds | undefined;

  const fetchSet = () => fetching.run(clock() + limits.within + 1, loadSet);

  async function loadSet(): Promise<HeldSet> {
    const init = { headers: { Accept: "application/jwk-set+json, application/json" } };
    const answer = await askJson(uri, init, reach, limits);
    const find = answer.ok ? readSet(answer.value) : undefined;
    if (find === undefined) {
      restUntil = clock() + pauseAfterFailure;
      lastFailure = `the issuer's JWK Set cannot be had: it ${answer.ok ? "is malformed" : answer.refusal.why}`;
      throw new KeysUnavailable(lastFailure);
    }
    held = { find, fetchedAt: clock() };
    return held;
  }

  const afterFetch = () => fetching.finished(clock, timer, limits.within);

  async function current(waited = false): Promise<HeldSet> {
    const usable = usableAt(clock(), held);
    if (usable !== undefined && clock() < usable.fetchedAt + fresh) return usable;
    const resting = clock() < restUntil;
    if (usable !== undefined && (resting || fetching.isRunning(clock()))) return usable;
    if (resting) throw new KeysUnavailable(lastFailure);
    if (fetching.isRunning(clock())) {
      if (waited) throw new KeysUnavailable(lastFailure);
      await afterFetch();
      return current(true);
    }
    try {
      return await fetchSet();
    } catch (error) {
      if (usable === undefined) throw error;
      reach.onFailure({ code: "provider_unavailable", reason: `${lastFailure}; the one of before is used on` });
      return usable;
    }
  }

  /** A newer set than `known`, which lacks the kid; undefined if no fetch is allowed now. */
  async function newerThan(known: HeldSet): Promise<HeldSet | undefined> {
    if (fetching.isRunning(clock())) await afterFetch();
    if (held !== undefined && held !== known) return held;
    if (clock() < restUntil) throw new KeysUnavailable(lastFailure);
    return maySpare(clock()) ? fetchSet() : undefined;
  }

  function maySpare(now: UnixSeconds): boolean {
    const gained = Math.floor((now - (spareAt ?? now)) / spareEvery);
    if (gained > 0 || spareAt === undefined || spare === mostSpare) spareAt = now;
    spare = Math.min(mostSpare, spare + gained);
    if (spare === 0) return false;
    spare--;
    return true;
  }

  return async (signed) => {
    let set = await current();
    // Twice, because the shared fetch may have begun before the provider published the key.
    for (let tries = 0; ; tries++) {
      try {
        return await set.find(signed);
      } catch (error) {
        const newer = error instanceof errors.JWKSNoMatchingKey && tries < 2 ? await newerThan(set) : undefined;
        if (newer === undefined) throw error;
        set = newer;
      }
    }
  };
}

function usableAt(now: UnixSeconds, set: HeldSet | undefined): HeldSet | undefined {
  return set !== undefined && now < set.fetchedAt + fresh + old ? set : undefined;
}

/** RFC 7517 §5: invalid or unknown keys in the set are ignored. */
function readSet(document: unknown): FindKeys | undefined {
  if (!isObject(document) || !Array.isArray(document.keys)) return undefined;
  try {
    return keysInSet({ keys: document.keys.filter((key) => isObject(key) && typeof key.kty === "string") });
  } catch {
    return undefined;
  }
}

/** Finds the keys in a JWK Set, at most {@link mostKeysTried} per token. Throws if the set is malformed. */
export function keysInSet(set: JSONWebKeySet): FindKeys {
  const find = createLocalJWKSet(set);
  return async ({ alg, kid }) => {
    try {
      return [await find({ alg, ...(kid !== undefined && { kid }) })];
    } catch (error) {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      const fitting: CryptoKey[] = [];
      // jose skips keys that cannot be imported.
      for await (const key of error) if (fitting.push(key) === mostKeysTried) break;
      if (fitting.length === 0) throw new errors.JWKSInvalid();
      return fitting;
    }
  };
}
