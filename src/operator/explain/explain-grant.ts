import { decodeBase64url } from "../../base/encoding.ts";
import type { Refusal } from "../../base/result.ts";
import { type CheckContext, checkGrant } from "../../edge/check-media-request.ts";
import { bindingHolds, type Client } from "../../sessions/client-network.ts";
import { openEnvelope } from "../../signing/cose-mac0.ts";
import { type Grant, openGrant } from "../../signing/grant.ts";
import { covers } from "../../signing/grant-claims.ts";
import type { MediaTarget } from "../../signing/media-url.ts";
import { type Explanation, fails, holds, networkWords, type Step, shown, told, when } from "./explanation.ts";

/** Whether a text has the form of a grant, whoever made it. */
export function hasGrantForm(text: string): boolean {
  const bytes = decodeBase64url(text);
  return bytes !== undefined && openEnvelope(bytes) !== undefined;
}

/** What a grant by itself says, in the order in which the edge looks at it: whether it would open a URL that is signed. */
export function explainGrant(text: string, context: CheckContext): Explanation {
  const opened = openGrant(text, context.keys, context.now);
  if (!opened.ok) return refusedAs(opened.refusal, [closedStep(text, opened.refusal)]);
  const { prefix, expiresAt } = opened.value;
  const steps = openedSteps(opened.value, undefined, context);
  const checked = checkGrant({ grant: text, path: prefix, signature: undefined }, context);
  if (!checked.ok) return refusedAs(checked.refusal, steps);
  const grants = `what is signed of ${prefix}, until ${when(expiresAt, context.now)}`;
  return { kind: "grant", verdict: "accepted", refusal: undefined, grants, steps };
}

/** The steps of the grant in a target, whose path is undefined where it cannot be read. */
export function grantSteps(target: MediaTarget, path: string | undefined, context: CheckContext): readonly Step[] {
  const opened = openGrant(target.grant, context.keys, context.now);
  if (opened.ok) return openedSteps(opened.value, path, context);
  if (opened.refusal.code === "grant_invalid" && target.signature === undefined)
    return [fails("grant", "signature_missing", "the URL carries neither a grant nor a signature")];
  return [closedStep(target.grant, opened.refusal)];
}

function closedStep(text: string, { code, reason }: Refusal): Step {
  const bytes = decodeBase64url(text);
  const kid = bytes === undefined ? undefined : openEnvelope(bytes)?.kid;
  return fails("grant", code, kid === undefined ? reason : `${reason}; it names the key ${shown(kid)}`);
}

function openedSteps(grant: Grant, path: string | undefined, context: CheckContext): readonly Step[] {
  const { kid, issuer, sessionId, issuedAt, expiresAt, prefix, otherPrefixes = [] } = grant;
  const { now, grantIssuer, client } = context;
  const authentic = `authentic, under the key ${shown(kid)}`;
  const life = `${sessionId} of ${shown(issuer)}, begun ${when(issuedAt, now)}, ends ${when(expiresAt, now)}`;
  const opens = `it opens everything below ${[prefix, ...otherPrefixes].join(", ")}`;
  const asset =
    path === undefined
      ? told("asset", opens)
      : covers(grant, path)
        ? holds("asset", opens)
        : fails("asset", "path_not_covered", `${opens}, and the path is elsewhere`);
  return [
    issuer === grantIssuer
      ? holds("grant", authentic)
      : fails("grant", "grant_invalid", `${authentic}, but of the issuer ${shown(issuer)}`),
    now < expiresAt ? holds("session", life) : fails("session", "grant_expired", life),
    asset,
    ...bindingSteps(grant, client),
  ];
}

/** Where nobody knows who will ask, it is told and not judged. */
function bindingSteps(grant: Grant, client: Client | "anybody"): readonly Step[] {
  const { network, userAgent } = grant;
  const bound = [
    ...(network === undefined ? [] : [networkWords(network)]),
    ...(userAgent === undefined ? [] : ["one user agent"]),
  ];
  if (bound.length === 0) return [];
  const to = `bound to ${bound.join(" and to ")}`;
  if (client === "anybody") return [told("binding", `${to}: elsewhere 403 binding_mismatch`)];
  return bindingHolds(grant, client)
    ? [holds("binding", `${to}, where the viewer is`)]
    : [fails("binding", "binding_mismatch", `${to}, and the viewer is elsewhere`)];
}

/** The client at an address, as far as a grant can be held to it: his user agent, which nobody knows, is taken to be right. */
export function clientAt(address: string, grant: Grant | undefined): Client {
  return { address, userAgentHash: () => grant?.userAgent ?? "" };
}

function refusedAs(refusal: Refusal, steps: readonly Step[]): Explanation {
  return { kind: "grant", verdict: "refused", refusal, grants: undefined, steps };
}

/**
 * The request target, path and query as they go over the wire, of a whole URL or of a path that begins with a slash; undefined
 * for any other text. Nothing is parsed, since parsing folds dot segments.
 */
export function targetOf(text: string): string | undefined {
  const [sent = ""] = text.split("#", 1);
  if (sent.startsWith("/")) return sent;
  if (!/^https?:\/\//i.test(sent)) return undefined;
  const rest = sent.slice(sent.indexOf("://") + 3);
  const end = rest.search(/[/?]/);
  if (end < 0) return "/";
  return rest.charAt(end) === "/" ? rest.slice(end) : `/${rest.slice(end)}`;
}
