import { makeRoom } from "../base/oldest-out.ts";
import { ok } from "../base/result.ts";
import { stillTaken } from "../keys/ring.ts";
import type { Grant } from "./grant.ts";
import { openGrant } from "./grant.ts";
import type { PreparedSessionKey } from "./session-keys.ts";

/**
 * {@link openGrant} with a memory: a session sends the same grant with each of its requests, so it is decoded and its MAC
 * checked once an isolate. Only grants that held are kept, under their whole text, so nothing can be asked of the memory
 * without knowing a whole grant. One whose key has ended, or is not the key it was opened with, is opened anew.
 */
export function rememberGrants(capacity: number): typeof openGrant {
  const opened = new Map<string, { readonly grant: Grant; readonly key: PreparedSessionKey }>();
  return (text, keys, now) => {
    const known = opened.get(text);
    if (known !== undefined && keys.get(known.grant.kid) === known.key && stillTaken(known.key, now))
      return ok(known.grant);
    const result = openGrant(text, keys, now);
    const key = result.ok ? keys.get(result.value.kid) : undefined;
    if (result.ok && key !== undefined) {
      makeRoom(opened, capacity);
      const own = ownCopy(text);
      opened.set(own, { grant: { ...result.value, text: own }, key });
    }
    return result;
  };
}

/** The same text in memory of its own: a slice keeps alive what it was cut from, a URL that a stranger may make long. */
function ownCopy(text: string): string {
  return new TextDecoder().decode(new TextEncoder().encode(text));
}
