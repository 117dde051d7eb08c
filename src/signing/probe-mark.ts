import { equalInConstantTime } from "../base/crypto.ts";
import { readDecimal } from "../base/encoding.ts";
import { after, isUnixSeconds, seconds, type UnixSeconds } from "../base/time.ts";
import { isAccepted } from "../keys/ring.ts";
import type { PreparedSessionKey, SessionKeys } from "./session-keys.ts";

/**
 * Marks a request of `doctor`: it is answered like any other, and not counted. `<kid> <expiry>.<MAC>`, under a key that
 * is derived from a session key of the ring, so viewers cannot hide their requests.
 */
export const probeHeader = "Stagedoor-Probe";

/** The host that a mark is for. */
export type ProbedHost = "api" | "media";

/** A mark that somebody copies from a log hides requests for a minute. Clocks may differ by as much. */
const lifetime = seconds(60);
const tolerance = seconds(60);

/** The value of {@link probeHeader} for requests at `now`. */
export function probeMark(key: PreparedSessionKey, host: ProbedHost, now: UnixSeconds): string {
  const until = after(now, lifetime);
  return `${key.kid} ${until}.${key.probe.base64url(messageOf(host, until))}`;
}

/** The kid of the key that marked a request; undefined if the mark is missing, expired or not authentic. */
export function markedBy(
  { headers }: Pick<Request, "headers">,
  host: ProbedHost,
  keys: SessionKeys,
  now: UnixSeconds,
): string | undefined {
  const sent = headers.get(probeHeader);
  if (sent === null) return undefined;
  const [, kid = "", expiry, mac = ""] = /^(\S{1,64}) (\d{1,12})\.([\w-]{43})$/.exec(sent) ?? [];
  const key = keys.get(kid);
  const until = expiry === undefined ? undefined : readDecimal(expiry);
  if (key === undefined || !isUnixSeconds(until) || !isAccepted(key, now)) return undefined;
  // One that lasts longer was not made by doctor.
  if (now >= until + tolerance || until > now + lifetime + tolerance) return undefined;
  return equalInConstantTime(mac, key.probe.base64url(messageOf(host, until))) ? kid : undefined;
}

function messageOf(host: ProbedHost, until: UnixSeconds): string {
  return `${host}\n${until}`;
}
