import { decodeBase64url } from "../src/base/encoding.ts";
import { shortened, timeLeft, timeOfDay } from "./time-text.ts";

/**
 * What a bearer token says of itself, in words: nothing is verified here, that is the API's. The token itself is
 * shortened.
 */
export function describeToken(token: string): string {
  if (token === "") return "Paste a bearer token. It stays in this page's memory and is sent to the API alone.";
  const claims = claimsOf(token);
  if (claims === undefined) return "This is no JWT that can be read. The API will say the same.";
  const { assets, scope, streams, exp } = claims;
  const opens = assets === "*" ? "every stream" : Array.isArray(assets) ? assets.join(", ") : "no stream";
  const ends = typeof exp === "number" ? endText(exp * 1000, Date.now()) : "no end";
  return [
    shortened(token),
    opens,
    typeof scope === "string" && scope !== "" ? `scope ${scope}` : "no scope",
    ...(typeof streams === "number" ? [streams === 1 ? "one stream at a time" : `${streams} streams at a time`] : []),
    ends,
  ].join(" · ");
}

/** In hours if it is long, else a time of day: the text does not count down. */
function endText(ends: number, now: number): string {
  if (ends <= now) return "ended";
  return ends - now < 3_600_000 ? `ends at ${timeOfDay(ends)}` : `ends in ${timeLeft(ends, now)}`;
}

/** The claims of a JWT, undefined where it is none. Nothing is verified. */
export function claimsOf(token: string): { readonly [name: string]: unknown } | undefined {
  const bytes = decodeBase64url(token.split(".")[1] ?? "");
  try {
    return bytes === undefined ? undefined : Object(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}
