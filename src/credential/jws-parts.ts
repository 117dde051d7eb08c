import { decodeBase64url } from "../base/base64url.ts";
import { hasDuplicateMembers } from "../base/json-members.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";

/** What a token says of itself: nobody has verified any of it yet. */
export interface ClaimedParts {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

const longestToken = 8192;
const longestHeader = 4096;
const longestKid = 256;

/**
 * Reads a JWS in compact form (RFC 7515 §7.1) before anything is believed, fetched or computed: three parts in their one
 * spelling, JSON objects without a member that stands twice, no critical extension, and a `kid` that can be one. `jku`,
 * `x5u`, `x5c` and `jwk` may stand there and are never looked at (RFC 8725 §3.10): keys come from the configuration alone.
 * `token_invalid`.
 */
export function readJwsParts(token: string): Result<ClaimedParts, Refusal> {
  if (token.length > longestToken)
    return refusal("token_invalid", `the token is longer than ${longestToken} characters`);
  const [first = "", second = "", signature = "", ...more] = token.split(".");
  // Another spelling of the same bytes would verify too, and be another token to whatever compares texts.
  if (more.length > 0 || signature === "" || decodeBase64url(signature) === undefined)
    return refusal("token_invalid", "the token is not three parts of canonical base64url");
  const header = first.length > longestHeader ? undefined : readObject(first);
  const claims = readObject(second);
  if (header === undefined || claims === undefined)
    return refusal("token_invalid", "the token's header or claims are no JSON object, or name a member twice");
  // RFC 7515 §4.1.11: what we do not understand must not be passed over, and we understand none; RFC 7797 §7 for b64.
  if (Object.hasOwn(header, "crit") || Object.hasOwn(header, "b64"))
    return refusal("token_invalid", "the token's header asks for an extension (crit, b64)");
  if (Object.hasOwn(header, "kid") && !isKid(header.kid))
    return refusal("token_invalid", `the token's kid is no printable text of up to ${longestKid} characters`);
  return ok({ header, claims });
}

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readObject(part: string): Record<string, unknown> | undefined {
  const bytes = part === "" ? undefined : decodeBase64url(part);
  if (bytes === undefined) return undefined;
  try {
    const text = strictUtf8.decode(bytes);
    const value: unknown = JSON.parse(text);
    return isObject(value) && !hasDuplicateMembers(text) ? value : undefined;
  } catch {
    return undefined; // neither UTF-8 nor JSON
  }
}

/** Whether a value of JSON is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isKid(kid: unknown): boolean {
  return typeof kid === "string" && kid !== "" && kid.length <= longestKid && !/\p{Cc}/u.test(kid);
}
