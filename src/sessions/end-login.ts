import { maxSessionTtl } from "../base/constants.ts";
import { after, between, seconds, type UnixSeconds } from "../base/time.ts";
import { signingKey } from "../keys/ring.ts";
import { streamsUnder } from "./claim-lease.ts";
import { clockSkew } from "./revocation.ts";
import { fromStore, type SessionContext } from "./session-context.ts";

/** A login that the identity worker has ended, and when its last access token expires. */
export interface SignedOut {
  readonly userId: string;
  readonly login: string;
  readonly tokensUntil: UnixSeconds;
}

/**
 * Ends the rows of a login's sessions after a sign-out. After that the entry in the revocation log, which first lasts
 * as long as the longest session, only needs to outlast the login's access tokens and a lease. False if a store did not
 * answer: the entry stays unchanged.
 */
export async function endLogin({ userId, login, tokensUntil }: SignedOut, context: SessionContext): Promise<boolean> {
  const { clock, keys, log, identity } = context;
  const now = clock();
  const key = signingKey([...keys.values()], now);
  if (key === undefined || identity === undefined) return false;
  const streams = streamsUnder(key, { issuer: identity.issuer, subject: userId }, context);
  const ending = { login, now, until: after(tokensUntil, maxSessionTtl) };
  const ended = await fromStore("the viewer's streams", streams.endLogin(ending), context);
  if (!ended.ok) return false;
  const { complete, leaseUntil } = ended.value;
  if (!complete) return true;
  const lease = between(now, leaseUntil);
  const until = after(tokensUntil, seconds(lease + 2 * clockSkew));
  const shortened = await fromStore("the revocation log", log.shorten("login", login, until), context);
  return shortened.ok;
}
