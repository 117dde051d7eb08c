import { encodeBase64url } from "../src/base/encoding.ts";
import type { MediaPurpose } from "../src/base/media-purpose.ts";
import { after, type Clock, seconds } from "../src/base/time.ts";
import type { KeyRing } from "../src/keys/ring.ts";
import { nobleHmac } from "../src/platform/cloudflare/noble-hmac.ts";
import { mintGrant } from "../src/signing/grant.ts";
import { signedQuery } from "../src/signing/media-url.ts";
import { macFor, prepareSessionKeys } from "../src/signing/session-keys.ts";

/** One file of an asset on the media host. */
interface AssetFile {
  readonly purpose: MediaPurpose;
  readonly asset: string;
  readonly file: string;
}

/** The request target (path and query) of a file for viewer number `viewer`. */
export type TargetFor = (viewer: number, file: AssetFile) => string;

/** `iss` of all grants here: the default of a deployment. */
export const grantIssuer = "stagedoor";

const sessionLength = seconds(21_600);

/**
 * Signs the requests of viewers. Each has its own grant, as from `POST /stream/start`, and URLs that live as long as
 * the session, which begins when the URL is made.
 */
export async function viewers(ring: KeyRing, clock: Clock): Promise<TargetFor> {
  const [key] = (await prepareSessionKeys(ring, nobleHmac)).values();
  if (key === undefined) throw new Error("the key ring has no session key");
  return (viewer, { purpose, asset, file }) => {
    const now = clock();
    const expiry = after(now, sessionLength);
    const grant = mintGrant(
      {
        issuer: grantIssuer,
        subject: numbered(viewer),
        sessionId: numbered(viewer),
        prefix: `/${asset}/`,
        issuedAt: now,
        expiresAt: expiry,
      },
      key,
    );
    const path = `/${asset}/${file}`;
    const mac = macFor(key, purpose, purpose === "playlist" ? grant : undefined);
    return `/${grant}${path}?${signedQuery(mac, purpose, { path, query: "", expiry })}`;
  };
}

/** 128 bits, as long as a real id, different for each viewer. */
function numbered(viewer: number): string {
  const bytes = new Uint8Array(16);
  new DataView(bytes.buffer).setUint32(12, viewer);
  return encodeBase64url(bytes);
}
