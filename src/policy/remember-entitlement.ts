import { makeRoom } from "../base/oldest-out.ts";
import { after, type Clock, earlier, type Seconds, type UnixSeconds } from "../base/seconds.ts";
import type { Entitled, Entitlement, EntitlementAsked } from "./entitlement.ts";

/** How many answers an isolate keeps: a few megabytes, with subjects of a usual length. */
const capacity = 10_000;

interface Kept {
  readonly entitled: Entitled;
  readonly until: UnixSeconds;
}

export interface EntitlementMemory {
  readonly clock: Clock;
  /** How long an answer is kept, counted from the question; 0 keeps none. */
  readonly maxAge: Seconds;
  /** The one spelling of the network that an address is in; undefined for what is no address. */
  readonly networkOf: (address: string) => string | undefined;
}

/**
 * An entitlement service whose answers are kept for a short time: what it allowed the same viewer, for the same asset, in
 * the same country and network, and never past the `until` of that answer. What it refused is asked for anew each time: who
 * has just bought must get in, and who hammers meets the rate limit of starts before. So is what failed.
 *
 * Requests share values and never a promise: workerd lets no request wait for what another one is asking.
 */
export function rememberEntitlement(ask: Entitlement, { clock, maxAge, networkOf }: EntitlementMemory): Entitlement {
  const kept = new Map<string, Kept>();
  return async (asked) => {
    const key = keyOf(asked, networkOf);
    const now = clock();
    const known = kept.get(key);
    if (known !== undefined && now < known.until) return { ok: true, value: known.entitled };
    kept.delete(key);
    const answer = await ask(asked);
    if (!answer.ok || maxAge <= 0) return answer;
    const end = after(now, maxAge);
    const until = answer.value.until === undefined ? end : earlier(end, answer.value.until);
    kept.delete(key); // another request may have put it there meanwhile
    makeRoom(kept, capacity);
    kept.set(key, { entitled: answer.value, until });
    return answer;
  };
}

/** JSON, so that no value runs over into the next. */
function keyOf(
  { issuer, subject, asset, country, address }: EntitlementAsked,
  networkOf: EntitlementMemory["networkOf"],
): string {
  const network = address === undefined ? undefined : networkOf(address);
  return JSON.stringify([issuer, subject, asset, country ?? "", network ?? ""]);
}
