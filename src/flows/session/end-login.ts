import { after, between, seconds, type UnixSeconds } from "../../base/seconds.ts";
import { signingKey } from "../../keys/ring.ts";
import { clockSkew } from "../../sessions/revocation.ts";
import { streamsUnder } from "./claim-lease.ts";
import type { SessionContext } from "./context.ts";
import { longestSession } from "./revoke.ts";
import { fromStore } from "./store-failure.ts";

/** A viewer's login that the identity worker has ended, and when the last access token of it has expired. */
export interface SignedOut {
  readonly userId: string;
  readonly login: string;
  readonly tokensUntil: UnixSeconds;
}

/**
 * Ends the rows of a login's sessions after a sign-out. The entry in the revocation log, which lasts as long as the longest
 * session at first, then needs to outlast only the login's access tokens and a lease. False where the viewer's streams or the log
 * did not answer: the entry stays as it was.
 */
export async function endLogin({ userId, login, tokensUntil }: SignedOut, context: SessionContext): Promise<boolean> {
  const { clock, keys, log, identity } = context;
  const now = clock();
  const key = signingKey([...keys.values()], now);
  if (key === undefined || identity === undefined) return false;
  const streams = streamsUnder(key, { issuer: identity.issuer, subject: userId }, context);
  const ending = { login, now, until: after(tokensUntil, longestSession) };
  const ended = await fromStore("the viewer's streams", streams.endLogin(ending), context);
  if (!ended.ok) return false;
  const { complete, leaseUntil } = ended.value;
  if (!complete) return true;
  const lease = between(now, leaseUntil);
  const until = after(tokensUntil, seconds(lease + 2 * clockSkew));
  const shortened = await fromStore("the revocation log", log.shorten("login", login, until), context);
  return shortened.ok;
}
