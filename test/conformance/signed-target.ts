import type { MediaPurpose } from "../../src/base/media-purpose.ts";
import { unixSeconds } from "../../src/base/time.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { nobleHmac } from "../../src/platform/cloudflare/noble-hmac.ts";
import { mintGrant } from "../../src/signing/grant.ts";
import { signedQuery } from "../../src/signing/media-url.ts";
import { macFor, prepareSessionKeys } from "../../src/signing/session-keys.ts";
import { sessionKid } from "./deployment.ts";

/** Times are in seconds from now; `prefix` is what the grant covers. */
export interface Forgery {
  readonly grantEnds?: number;
  readonly urlEnds?: number;
  readonly prefix?: string;
  /** Whether the signature covers the grant, as that of a playlist always does. */
  readonly bound?: boolean;
  readonly kid?: string;
}

/** A request target that only a holder of the keys can make, to show what even a valid signature does not open. */
export async function signedTarget(
  keys: readonly RingKey[],
  path: string,
  purpose: MediaPurpose,
  {
    grantEnds = 3600,
    urlEnds = 60,
    prefix = "/vod-ts/",
    kid = sessionKid,
    bound = purpose === "playlist",
  }: Forgery = {},
): Promise<string> {
  const key = (await prepareSessionKeys({ keys }, nobleHmac)).get(kid);
  if (key === undefined) throw new Error("no session key");
  const now = Math.floor(Date.now() / 1000);
  const grant = mintGrant(
    {
      issuer: "stagedoor",
      subject: "subject",
      sessionId: "AAAAAAAAAAAAAAAAAAAAAA",
      prefix,
      issuedAt: unixSeconds(now - 60),
      expiresAt: unixSeconds(now + grantEnds),
    },
    key,
  );
  const mac = macFor(key, purpose, bound ? grant : undefined);
  return `/${grant}${path}?${signedQuery(mac, purpose, { path, query: "", expiry: unixSeconds(now + urlEnds) })}`;
}
