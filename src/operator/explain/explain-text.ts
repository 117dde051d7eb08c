import { readJwsParts } from "../../auth/claims.ts";
import { operatorIssuer } from "../../auth/operator-token.ts";
import { verifyJwt } from "../../auth/verify-jwt.ts";
import { ok, type Result } from "../../base/result.ts";
import type { UnixSeconds } from "../../base/time.ts";
import type { Catalog } from "../../catalog/catalog.ts";
import type { CatalogUnavailable } from "../../catalog/catalog-source.ts";
import { requestIdForm } from "../../http/request.ts";
import { idForm } from "../../sessions/identifiers.ts";
import { requireNotRevoked } from "../../sessions/revocations-now.ts";
import { openGrant } from "../../signing/grant.ts";
import { parseMediaTarget } from "../../signing/media-url.ts";
import type { SessionKeys } from "../../signing/session-keys.ts";
import type { OperatorContext } from "../operator-context.ts";
import { clientAt, explainGrant, hasGrantForm, isApiPath, targetOf } from "./explain-grant.ts";
import { inspectSession } from "./explain-session.ts";
import { accepted, examineToken, refusedAs } from "./explain-token.ts";
import { type ExplainContext, explainUrl } from "./explain-url.ts";
import { type Explanation, fails, info, passes, type Step } from "./explanation.ts";

export interface ExplainRequest {
  /** A URL, a path with its query, a grant or a bearer token, as copied. */
  readonly text: string;
  /** The viewer's address, for texts that are bound to one. */
  readonly address?: string | undefined;
}

/**
 * Explains what a text grants and where it is refused, step by step: like `npx stagedoor explain`, but with the
 * deployment's own keys, catalog, revocations and sessions. The text itself is never repeated, only its claims. A
 * refused text is a successful explanation; only the catalog's refusals are refusals here.
 */
export async function explainText(
  { text, address }: ExplainRequest,
  context: OperatorContext,
): Promise<Result<Explanation, CatalogUnavailable>> {
  const bare = pasted(text);
  const target = targetOf(bare);
  const now = context.clock();
  if (target === undefined && !hasGrantForm(bare)) return ok(await explainPastedToken(bare, now, context));
  const catalog = await context.catalog();
  if (!catalog.ok) return catalog;
  const grantText = target === undefined ? bare : grantIn(target);
  const keys = keysFor(grantText, catalog.value, now, context);
  const opened = grantText === undefined ? undefined : openGrant(grantText, keys, now);
  const grant = opened?.ok ? opened.value : undefined;
  const { publicKeys, renewal, settings } = context;
  const explainContext: ExplainContext = {
    ...{ now, keys, publicKeys, renewal, address, catalog: catalog.value },
    ...{ grantIssuer: settings.grantIssuer, mediaUrl: settings.mediaUrl, enforcement: settings.enforcement },
    client: address === undefined ? "anybody" : clientAt(address, grant),
  };
  const checks = target === undefined ? explainGrant(bare, explainContext) : await explainUrl(target, explainContext);
  const explanation = { ...checks, steps: [...checks.steps, ...hostSteps(bare, explainContext)] };
  if (grant === undefined || explanation.kind === "cloudfront") return ok(explanation);
  const session = await inspectSession(grant, now, context);
  const complete = { ...explanation, steps: withSessionSteps(explanation, session.steps) };
  if (session.refusal === undefined || explanation.verdict === "refused") return ok(complete);
  return ok({ ...complete, verdict: "refused", refusal: session.refusal, grants: undefined });
}

/** The keys that are accepted for a grant: those of CloudFront's function only if the grant is of an asset there. */
function keysFor(
  grantText: string | undefined,
  catalog: Catalog,
  now: UnixSeconds,
  { keys, edgeKeys = new Map() }: Pick<OperatorContext, "keys" | "edgeKeys">,
): SessionKeys {
  const own = grantText === undefined ? undefined : openGrant(grantText, edgeKeys, now);
  const isAtCloudFront = own?.ok === true && catalog.assetOfPath(own.value.prefix)?.cdn === "cloudfront";
  return isAtCloudFront ? new Map([...keys, ...edgeKeys]) : keys;
}

/**
 * Inserts the session's steps where the edge checks the session: after the signature, and before an expired URL is
 * renewed.
 */
function withSessionSteps({ verdict, steps }: Explanation, sessionSteps: readonly Step[]): readonly Step[] {
  const expiry = verdict === "renewed" ? steps.findIndex(({ state }) => state === "fail") : -1;
  const index = expiry < 0 ? steps.length : expiry;
  return [...steps.slice(0, index), ...sessionSteps, ...steps.slice(index)];
}

/** The first path segment of a target. */
function grantIn(target: string): string | undefined {
  const parsed = parseMediaTarget(target);
  return parsed.ok ? parsed.value.grant : undefined;
}

/** The edge ignores the host, but a wrong host means that the request never reached it. */
function hostSteps(text: string, { mediaUrl, catalog }: ExplainContext): readonly Step[] {
  if (!URL.canParse(text)) return [];
  const { origin } = new URL(text);
  const distributions = catalog.assets().map(({ cloudfront }) => cloudfront?.url);
  if (origin === mediaUrl || distributions.includes(origin)) return [];
  if (isApiPath(targetOf(text) ?? ""))
    return [
      info(
        "host",
        "an address of the API, not of the media host: give a start's manifestUrl, or a URL in its playlists",
      ),
    ];
  return [
    info("host", "neither the media host nor a CloudFront distribution of the catalog: explained as if it were one"),
  ];
}

async function explainPastedToken(token: string, now: UnixSeconds, context: OperatorContext): Promise<Explanation> {
  const { verified, steps: tokenSteps } = await examineToken(token, context, now);
  const steps = [...(await formSteps(token, now, context)), ...tokenSteps];
  if (!verified.ok) return refusedAs(verified.refusal, steps);
  const allowed = await requireNotRevoked(verified.value.credential, context.revocations.fresh());
  if (!allowed.ok) {
    const { code, reason } = allowed.refusal;
    return refusedAs(allowed.refusal, [...steps, fails("revocations", code, reason)]);
  }
  const revocations = passes("revocations", "none of token, viewer and login is revoked");
  return accepted(verified.value, [...steps, revocations], now);
}

/** Names a text that is not a viewer's token and says where to go with it. */
async function formSteps(
  text: string,
  now: UnixSeconds,
  { operators }: Pick<OperatorContext, "operators">,
): Promise<readonly Step[]> {
  const words = formWords(text);
  if (words !== undefined) return [info("what it is", words)];
  const parts = readJwsParts(text);
  if (!parts.ok || parts.value.claims.iss !== operatorIssuer) return [];
  const verified = await verifyJwt(text, operators, now);
  const state = verified.ok ? "which this deployment accepts" : `which is not accepted: ${verified.refusal.reason}`;
  return [info("what it is", `an operator's credential, ${state}; it does not start streams`)];
}

function formWords(text: string): string | undefined {
  if (text === "") return "nothing: paste a URL, a grant or a token";
  if (requestIdForm.test(text)) return "it looks like a Request-Id: search the list of refusals for it";
  if (idForm.test(text)) return "it looks like a session's or viewer's id: search the list of sessions for it";
  if (/^\{.*"event"/s.test(text))
    return "it looks like a log line: `code` and `reason` name the cause, `request` is the Request-Id";
  return undefined;
}

/**
 * The token, grant or URL in a copied text: without whitespace, quotes, the `Authorization` header, or the rest of a
 * command or log line around it. From a text with both a token and a URL, such as a curl command for the API, it takes
 * the token.
 */
export function pasted(text: string): string {
  const bare = unquoted(text.trim());
  const token = /(?:^|[\s'"])(?:authorization:\s*)?(?:bearer|dpop)\s+([^\s'"]+)/i.exec(bare);
  if (token?.[1] !== undefined) return token[1];
  if (!/[\s"]/.test(bare)) return bare;
  const url = /https?:\/\/[^\s'"`<>]+/i.exec(bare);
  return url === null ? bare : url[0];
}

function unquoted(text: string): string {
  const quoted = /^(["'`<])(.*)(["'`>])$/s.exec(text);
  return quoted?.[2] === undefined ? text : quoted[2].trim();
}
