import type { Context } from "hono";
import { requestText } from "../base/body-text.ts";
import type { TextHash } from "../base/hash.ts";
import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { credentialOf } from "../credential/request-credential.ts";
import type { OperatorContext } from "../flows/operator/context.ts";
import { pasted } from "../flows/operator/pasted.ts";
import type { SessionRequest } from "../flows/session/context.ts";
import { clientOf, countryOf } from "../http/client.ts";

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
    onStanding: () => undefined,
    waitUntil: (work) => executionCtx.waitUntil(work),
  };
}

/** What was pasted, as far as a header can hold it: all else is no token either, and is refused as one. */
function headerText(token: string): string {
  const trimmed = pasted(token);
  return /^[\x21-\x7e]+$/.test(trimmed) ? trimmed : "-";
}
