import { matchesOrigin } from "../base/origin-pattern.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";

/** Where the API stands, and which other sites may use its cookie. */
export interface Site {
  /** Scheme, host and port (STAGEDOOR_API_URL); undefined where it is not configured. */
  readonly apiUrl: string | undefined;
  /** Patterns of origins (STAGEDOOR_ORIGINS), such as `https://*.example.com`. */
  readonly origins: readonly string[];
}

/** Whose page sends a request: the site's own, one that is trusted beside it, or any other, which a missing Origin is too. */
export function standingOf(origin: string | null, { apiUrl, origins }: Site): "own" | "trusted" | "foreign" {
  if (origin === null) return "foreign";
  if (apiUrl !== undefined && origin === new URL(apiUrl).origin) return "own";
  return origins.some((pattern) => matchesOrigin(origin, pattern)) ? "trusted" : "foreign";
}

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Whether a cookie may be taken with a request: browsers add it to what any site makes them send, so that a method that
 * changes something (RFC 9110 §9.2.1) needs an Origin of the site or one that it trusts, else `origin_untrusted`. All
 * browsers send Origin with such methods; one that leaves it out, or writes `null`, is no browser on a page that we know.
 */
export function mayUseCookie(method: string, origin: string | null, site: Site): Result<undefined, Refusal> {
  if (safeMethods.has(method) || standingOf(origin, site) !== "foreign") return ok(undefined);
  return refusal("origin_untrusted", "a cookie came with an unsafe method and no Origin that is trusted");
}
