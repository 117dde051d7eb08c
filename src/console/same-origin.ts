import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";

/**
 * Whether a form comes from the console's own page. A cookie that is `SameSite=Strict` still comes from pages of other hosts
 * of the same site, so every POST has to name the very origin that it is sent to (RFC 6454), and where the browser says how
 * the two stand to each other (Fetch Metadata), that has to agree. `origin_untrusted`.
 */
export function fromOwnPage({ url, headers }: Pick<Request, "url" | "headers">): Result<undefined, Refusal> {
  if (headers.get("Origin") !== new URL(url).origin)
    return refusal("origin_untrusted", "a form of the console came without the console's own Origin");
  const site = headers.get("Sec-Fetch-Site");
  return site === null || site === "same-origin"
    ? ok(undefined)
    : refusal("origin_untrusted", "the browser says that a form of the console came from elsewhere");
}
