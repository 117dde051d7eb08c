import { decodeBase64url } from "../src/base/encoding.ts";
import { shortened, timeLeft, timeOfDay } from "./time-text.ts";

/**
 * Describes a bearer token by its claims, with the token shortened. Nothing is verified here: that is the API's work.
 */
export function describeToken(token: string): string {
  if (token === "") return "Paste a bearer token. It stays in this page's memory and is sent only to the API.";
  const claims = claimsOf(token);
  if (claims === undefined) return "This is not a readable JWT. The API will refuse it.";
  const { assets, scope, streams, exp } = claims;
  const streamsText = assets === "*" ? "every stream" : Array.isArray(assets) ? assets.join(", ") : "no stream";
  const expiry = typeof exp === "number" ? expiryText(exp * 1000, Date.now()) : "no expiry";
  return [
    shortened(token),
    streamsText,
    typeof scope === "string" && scope !== "" ? `scope ${scope}` : "no scope",
    ...(typeof streams === "number" ? [streams === 1 ? "one stream at a time" : `${streams} streams at a time`] : []),
    expiry,
  ].join(" · ");
}

/** A time span for a distant expiry, otherwise a time of day, since the text does not count down. */
function expiryText(expiry: number, now: number): string {
  if (expiry <= now) return "expired";
  return expiry - now < 3_600_000 ? `expires at ${timeOfDay(expiry)}` : `expires in ${timeLeft(expiry, now)}`;
}

/** The claims of a JWT without verification, or undefined if it is not one. */
export function claimsOf(token: string): { readonly [name: string]: unknown } | undefined {
  const bytes = decodeBase64url(token.split(".")[1] ?? "");
  try {
    return bytes === undefined ? undefined : Object(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return undefined;
  }
}
