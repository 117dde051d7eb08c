import { decodeBase64url } from "../../base/encoding.ts";
import type { Refusal } from "../../base/result.ts";
import { type CheckContext, checkGrant } from "../../edge/check-media-request.ts";
import { type Client, isBindingMet } from "../../sessions/client-network.ts";
import { openEnvelope } from "../../signing/cose-mac0.ts";
import { covers, type Grant, openGrant } from "../../signing/grant.ts";
import type { MediaTarget } from "../../signing/media-url.ts";
import { bindingWords, type Explanation, fails, info, passes, type Step, shown, when } from "./explanation.ts";

/** Whether a text has the form of a grant, authentic or not. */
export function hasGrantForm(text: string): boolean {
  const bytes = decodeBase64url(text);
  return bytes !== undefined && openEnvelope(bytes) !== undefined;
}

/** Explains a grant without a URL, with the edge's checks in their order. */
export function explainGrant(text: string, context: CheckContext): Explanation {
  const opened = openGrant(text, context.keys, context.now);
  if (!opened.ok) return refusedGrant(opened.refusal, [unopenedStep(text, opened.refusal)]);
  const { prefix, expiresAt } = opened.value;
  const steps = openedSteps(opened.value, undefined, context);
  const checked = checkGrant({ grant: text, path: prefix, signature: undefined }, context);
  if (!checked.ok) return refusedGrant(checked.refusal, steps);
  const grants = `signed ${opened.value.use === "files" ? "file URLs" : "URLs"} below ${prefix}, until ${when(expiresAt, context.now)}`;
  return { kind: "grant", verdict: "accepted", refusal: undefined, grants, steps };
}

/** The steps about the grant of a URL. `path` is undefined if it cannot be parsed. */
export function grantSteps(target: MediaTarget, path: string | undefined, context: CheckContext): readonly Step[] {
  const opened = openGrant(target.grant, context.keys, context.now);
  if (opened.ok) return openedSteps(opened.value, path, context);
  if (opened.refusal.code === "grant_invalid" && target.signature === undefined)
    return [fails("grant", "signature_missing", "the URL has neither a grant nor a signature")];
  return [unopenedStep(target.grant, opened.refusal)];
}

function unopenedStep(text: string, { code, reason }: Refusal): Step {
  const bytes = decodeBase64url(text);
  const kid = bytes === undefined ? undefined : openEnvelope(bytes)?.kid;
  return fails("grant", code, kid === undefined ? reason : `${reason}; its key is ${shown(kid)}`);
}

function openedSteps(grant: Grant, path: string | undefined, context: CheckContext): readonly Step[] {
  const { kid, issuer, sessionId, issuedAt, expiresAt, prefix, otherPrefixes = [] } = grant;
  const { now, grantIssuer, client } = context;
  const authentic = `authentic, signed with the key ${shown(kid)}`;
  const life = `${sessionId} of ${shown(issuer)}, started ${when(issuedAt, now)}, expires ${when(expiresAt, now)}`;
  const what = grant.use === "files" ? "only file URLs" : "everything";
  const covered = `covers ${what} below ${[prefix, ...otherPrefixes].join(", ")}`;
  const asset =
    path === undefined
      ? info("asset", covered)
      : covers(grant, path)
        ? passes("asset", covered)
        : fails("asset", "path_not_covered", `${covered}, and the path is outside`);
  return [
    issuer === grantIssuer
      ? passes("grant", authentic)
      : fails("grant", "grant_invalid", `${authentic}, but from the issuer ${shown(issuer)}`),
    now < expiresAt ? passes("session", life) : fails("session", "grant_expired", life),
    asset,
    ...(grant.qualityClass === undefined ? [] : [info("quality", `the class ${grant.qualityClass}`)]),
    ...bindingSteps(grant, client),
  ];
}

function bindingSteps(grant: Grant, client: Client | "anybody"): readonly Step[] {
  const to = bindingWords(grant);
  if (to === undefined) return [];
  if (client === "anybody") return [info("binding", `${to}: refused with 403 binding_mismatch elsewhere`)];
  return isBindingMet(grant, client)
    ? [passes("binding", `${to}, which match the viewer`)]
    : [fails("binding", "binding_mismatch", `${to}, which do not match the viewer`)];
}

/** A client at an address. Its user agent is unknown and assumed to match the grant. */
export function clientAt(address: string, grant: Grant | undefined): Client {
  return { address, userAgentHash: () => grant?.userAgent ?? "" };
}

function refusedGrant(refusal: Refusal, steps: readonly Step[]): Explanation {
  return { kind: "grant", verdict: "refused", refusal, grants: undefined, steps };
}

/**
 * The request target (path and query as sent over the wire) of an absolute URL or of a path that begins with a slash;
 * undefined for any other text. It does not use `URL`, which would resolve dot segments.
 */
export function targetOf(text: string): string | undefined {
  const [withoutFragment = ""] = text.split("#", 1);
  if (withoutFragment.startsWith("/")) return withoutFragment;
  if (!/^https?:\/\//i.test(withoutFragment)) return undefined;
  const rest = withoutFragment.slice(withoutFragment.indexOf("://") + 3);
  const end = rest.search(/[/?]/);
  if (end < 0) return "/";
  return rest.charAt(end) === "/" ? rest.slice(end) : `/${rest.slice(end)}`;
}

/** Whether a path, perhaps below a base path, is one of the API's routes. The media host has none of them. */
export function isApiPath(target: string): boolean {
  const [path = ""] = target.split("?", 1);
  return (
    /^(\/[\w.-]{1,40})*\/files$/.test(path) ||
    /\/stream\/(start|[\w-]{22}(\/renew)?)$/.test(path) ||
    /\/operator(\/(sessions|refusals|keys|assets|explain|simulate|revocations)(\/|$)|$)/.test(path) ||
    /^\/(console|api\/auth)(\/|$)|^\/(metrics|openapi\.json)$/.test(path)
  );
}
