import { readJwsParts } from "../../auth/claims.ts";
import { operatorIssuer } from "../../auth/operator-token.ts";
import { verifyJwt } from "../../auth/verify-jwt.ts";
import { ok, type Refusal, type Result } from "../../base/result.ts";
import type { UnixSeconds } from "../../base/time.ts";
import { nothingForbids } from "../../sessions/revocations-now.ts";
import { openGrant } from "../../signing/grant.ts";
import { parseMediaTarget } from "../../signing/media-url.ts";
import type { OperatorContext } from "../operator-context.ts";
import { clientAt, explainGrant, hasGrantForm, targetOf } from "./explain-grant.ts";
import { seenSession } from "./explain-session.ts";
import { accepted, examineToken, refusedAs } from "./explain-token.ts";
import { type ExplainContext, explainUrl } from "./explain-url.ts";
import { type Explanation, fails, holds, type Step, told } from "./explanation.ts";

export interface ExplainAsked {
  /** A URL, a path with its query, a grant or a bearer token, as somebody copied it. */
  readonly text: string;
  /** The viewer's address, for what is bound to one. */
  readonly address?: string | undefined;
}

/**
 * What a text grants and where it is refused, step by step: as `npx stagedoor explain` has it, with what only the deployment
 * knows: its own keys and catalog, what was revoked, and how the session stands. Nothing of the text is repeated but what it says
 * of itself. An explanation of a refusal is no refusal: what the catalog is refused for is the only one.
 */
export async function explainText(
  { text, address }: ExplainAsked,
  context: OperatorContext,
): Promise<Result<Explanation, Refusal>> {
  const bare = pasted(text);
  const target = targetOf(bare);
  const now = context.clock();
  if (target === undefined && !hasGrantForm(bare)) return ok(await tokenExplained(bare, now, context));
  const catalog = await context.catalog();
  if (!catalog.ok) return catalog;
  const grant = target === undefined ? bare : grantIn(target);
  const opened = grant === undefined ? undefined : openGrant(grant, context.keys, now);
  const known = opened?.ok ? opened.value : undefined;
  const { keys, publicKeys, renewal, settings } = context;
  const explainContext: ExplainContext = {
    ...{ now, keys, publicKeys, renewal, address, catalog: catalog.value },
    ...{ grantIssuer: settings.grantIssuer, mediaUrl: settings.mediaUrl },
    client: address === undefined ? "anybody" : clientAt(address, known),
  };
  const explained =
    target === undefined ? explainGrant(bare, explainContext) : await explainUrl(target, explainContext);
  const here = { ...explained, steps: [...explained.steps, ...hostSteps(bare, explainContext)] };
  if (known === undefined || here.kind === "cloudfront") return ok(here);
  const { steps, refusal: ended } = await seenSession(known, now, context);
  const all = { ...here, steps: withSession(here, steps) };
  if (ended === undefined || here.verdict === "refused") return ok(all);
  return ok({ ...all, verdict: "refused", refusal: ended, grants: undefined });
}

/** The steps of the session where the edge looks at it: behind the check, and before an ended URL is renewed. */
function withSession({ verdict, steps }: Explanation, seen: readonly Step[]): readonly Step[] {
  const renewal = verdict === "renewed" ? steps.findIndex(({ state }) => state === "fails") : -1;
  const place = renewal < 0 ? steps.length : renewal;
  return [...steps.slice(0, place), ...seen, ...steps.slice(place)];
}

/** The text in a target where a grant stands. */
function grantIn(target: string): string | undefined {
  const parsed = parseMediaTarget(target);
  return parsed.ok ? parsed.value.grant : undefined;
}

/** The edge looks at no host, but CloudFront does: so another one is worth a word. */
function hostSteps(text: string, { mediaUrl, catalog }: ExplainContext): readonly Step[] {
  if (!URL.canParse(text)) return [];
  const { origin } = new URL(text);
  const distributions = catalog.assets().map(({ cloudfront }) => cloudfront?.url);
  if (origin === mediaUrl || distributions.includes(origin)) return [];
  return [
    told("host", "it is neither the media host nor a distribution of the catalog: judged as if one of them were asked"),
  ];
}

async function tokenExplained(token: string, now: UnixSeconds, context: OperatorContext): Promise<Explanation> {
  const examined = await examineToken(token, context, now);
  const { verified } = examined;
  const steps = [...(await whatItIs(token, now, context)), ...examined.steps];
  if (!verified.ok) return refusedAs(verified.refusal, steps);
  const behind: Promise<unknown>[] = [];
  const waitUntil = (work: Promise<unknown>) => void behind.push(work);
  const free = await nothingForbids(verified.value.credential, undefined, { waitUntil }, context);
  await Promise.all(behind);
  if (!free.ok) {
    const { code, reason } = free.refusal;
    return refusedAs(free.refusal, [...steps, fails("revocations", code, reason)]);
  }
  const seen = holds("revocations", "neither it, its viewer nor its login was revoked");
  return accepted(verified.value, [...steps, seen], now);
}

/** What a text is that is no viewer's token, by its form, and where it leads on; no step for all else. */
async function whatItIs(
  text: string,
  now: UnixSeconds,
  { operators }: Pick<OperatorContext, "operators">,
): Promise<readonly Step[]> {
  const named = formWords(text);
  if (named !== undefined) return [told("what it is", named)];
  const parts = readJwsParts(text);
  if (!parts.ok || parts.value.claims.iss !== operatorIssuer) return [];
  const verified = await verifyJwt(text, operators, now);
  const taken = verified.ok ? "which this deployment takes" : `which is not taken: ${verified.refusal.reason}`;
  return [told("what it is", `an operator's credential, ${taken}; it opens no stream`)];
}

function formWords(text: string): string | undefined {
  if (text === "") return "nothing: paste a URL, a grant or a token";
  if (/^[0-9a-f]{16}(?:-[A-Z]{3})?$/.test(text))
    return "it has the form of a Request-Id: the list of refusals finds what was refused with it";
  if (/^[A-Za-z0-9_-]{22}$/.test(text))
    return "it has the form of a session's or a viewer's id: the list of sessions finds what runs under it";
  if (/^\{.*"event"/s.test(text))
    return "it has the form of a line of the log: its code and reason say what was found, and its request which refusal it is of";
  return undefined;
}

/**
 * A token, grant or URL as somebody copied it: without the room and the quotes around it, the header that it stood in, and the rest
 * of its command or of its line in a log. What holds both a token and a URL, as a call of the API with curl does, is about the
 * token.
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
