import type { Context } from "hono";
import { credentialOf } from "../auth/request-credential.ts";
import { requestText } from "../base/body-text.ts";
import type { TextHash } from "../base/crypto.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { clientOf, countryOf } from "../http/request.ts";
import { pasted } from "../operator/explain/explain-text.ts";
import type { OperatorContext } from "../operator/operator-context.ts";
import type { SessionRequest } from "../sessions/session-context.ts";
import type { ConsoleSession } from "./console-sign-in.ts";

/** A signed URL of 8 kB, percent-encoded throughout, fits. */
const longestForm = 32_768;

/** The fields of a form; `body_invalid` for anything else. */
export async function formOf(raw: Request): Promise<Result<URLSearchParams, Refusal>> {
  const type = raw.headers.get("Content-Type")?.split(";", 1)[0]?.trim().toLowerCase();
  const text = await requestText(raw, longestForm);
  if (!text.ok) return text;
  return type === "application/x-www-form-urlencoded"
    ? ok(new URLSearchParams(text.value))
    : refusal("body_invalid", "the body is not a form");
}

/** Where a request stands, for {@link requestOf}. */
export interface Around {
  readonly sha256: TextHash;
  readonly development: boolean;
}

/**
 * A request to the console as the flows look at one. The credential is what a form held, never a header: a page that is looked
 * at has none.
 */
export function requestOf(
  { req, executionCtx }: Context,
  token: string | undefined,
  context: OperatorContext,
  { sha256, development }: Around,
): SessionRequest {
  const { raw } = req;
  const url = new URL(raw.url);
  const headers = new Headers(token === undefined ? {} : { Authorization: `Bearer ${headerText(token)}` });
  const asked = { method: raw.method, url: url.origin + url.pathname, headers, body: undefined };
  return {
    credential: credentialOf(asked, context),
    grant: undefined,
    id: req.param("id") ?? "",
    query: url.searchParams,
    body: "",
    origin: undefined,
    country: countryOf(raw, development),
    client: clientOf(raw, sha256, development),
    onQuotaStatus: () => undefined,
    waitUntil: (work) => executionCtx.waitUntil(work),
  };
}

/** What was pasted, as far as a header can hold it: all else is no token either, and is refused as one. */
function headerText(token: string): string {
  const trimmed = pasted(token);
  return /^[\x21-\x7e]+$/.test(trimmed) ? trimmed : "-";
}

/** A request of an operator who is signed in. */
interface Visit {
  readonly session: ConsoleSession;
  /** His name. */
  readonly operator: string;
  readonly request: SessionRequest;
  /** What of the path is a parameter: a session's id, or a code. */
  readonly name: string;
  /** A form's fields; empty for a page that is looked at. */
  readonly form: URLSearchParams;
}

/** A page for who is signed in, or why there is none. */
export type Shown = (visit: Visit, context: OperatorContext) => Promise<Result<Response, Refusal>>;

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
