import { isAlias, originFileOf } from "../../base/alias.ts";
import { pathFault } from "../../base/canonical-path.ts";
import { earlier, type UnixSeconds } from "../../base/seconds.ts";
import { openGrant } from "../../signing/grant.ts";
import { type MediaTarget, parseMediaTarget, type SignatureParameter } from "../../signing/media-target.ts";
import { type MediaPurpose, parameterOf } from "../../signing/media-url.ts";
import {
  type CheckContext,
  checkMediaRequest,
  isBound,
  type MediaAccess,
  signatureHolds,
} from "../check-media-request.ts";
import { isRenewable } from "../serve-segment.ts";
import { type Explanation, fails, holds, type Step, told } from "./explanation.ts";
import { grantSteps } from "./grant.ts";
import { parameterNames, shown, shownFile, shownPath, when } from "./words.ts";

export interface ExplainMediaContext extends CheckContext {
  readonly renewal: "redirect" | "off";
}

const purposeWords = {
  playlist: "a playlist's",
  segment: "a segment's (or any other file's)",
  key: "a key's (never cached)",
} as const satisfies Record<MediaPurpose, string>;

/**
 * What a request target of the media host grants and why. The verdict is that of {@link checkMediaRequest}; the steps
 * say in its order what it looks at, and go on behind the first that fails.
 */
export function explainMediaUrl(target: string, context: ExplainMediaContext): Explanation {
  const checked = checkMediaRequest(target, context);
  const steps = stepsOf(target, context);
  if (checked.verdict === "refused") return refusedAs(checked.refusal, steps);
  const { purpose, grant, asset, expiry } = checked.access;
  const path = fileWords(checked.access);
  const until = (end: UnixSeconds) => when(end, context.now);
  if (checked.verdict === "passed") {
    const grants = `GET and HEAD of ${path} (${purpose}) of the asset ${asset.id}, until ${until(earlier(expiry, grant.expiresAt))}`;
    return { kind: "media", verdict: "served", refusal: undefined, grants, steps };
  }
  if (!isRenewable(checked.access, context.renewal)) return refusedAs(checked.refusal, steps);
  const grants = `a redirect (307) to a fresh URL of ${path} (${purpose}), until ${until(grant.expiresAt)}`;
  return { kind: "media", verdict: "renewed", refusal: undefined, grants, steps };
}

/** Which file: its path, or what its alias stands for. */
function fileWords({ path, asset, rest, query }: MediaAccess): string {
  return isAlias(path.slice(asset.id.length + 2)) ? shownFile({ path: rest, query }) : path;
}

function refusedAs(refusal: Explanation["refusal"], steps: readonly Step[]): Explanation {
  return { kind: "media", verdict: "refused", refusal, grants: undefined, steps };
}

function stepsOf(target: string, context: ExplainMediaContext): readonly Step[] {
  const mark = target.indexOf("?");
  const wholePath = mark < 0 ? target : target.slice(0, mark);
  const parsed = parseMediaTarget(target);
  if (parsed.ok) {
    const path = holds("path", `canonical: ${shownPath(parsed.value.path)}`);
    return [path, ...grantSteps(parsed.value, parsed.value.path, context), ...signatureSteps(parsed.value, context)];
  }
  const path = fails("path", "path_invalid", `not canonical: ${pathFault(wholePath) ?? parsed.refusal.reason}`);
  // The path cannot be read, but what stands around it can.
  const [, first = ""] = wholePath.split("/", 2);
  const around = parseMediaTarget(`/${first}/${mark < 0 ? "" : target.slice(mark)}`);
  if (!around.ok) return [path];
  return [path, ...grantSteps(around.value, undefined, context), ...unreadableSignature(around.value, context)];
}

function signatureSteps(target: MediaTarget, context: ExplainMediaContext): readonly Step[] {
  const { path, query, signature } = target;
  if (signature === undefined) return [fails("signature", "signature_missing", missingWords(target))];
  const asset = context.catalog.assetOfPath(path);
  const bound = isBound(signature.purpose, asset) ? "bound to the grant" : "good under any grant that covers the path";
  const what = `${purposeWords[signature.purpose]}, ${bound}`;
  const key = keyOf(target, signature, context);
  const steps: Step[] = [
    key === undefined
      ? fails("signature", "signature_invalid", `${what}: it does not hold for this URL`)
      : holds("signature", `${what}, under the key ${shown(key)}`),
  ];
  if (asset === undefined) steps.push(fails("catalog", "asset_unknown", "the catalog has no asset for this path"));
  if (key !== undefined && asset !== undefined) steps.push(...aliasSteps(path.slice(asset.id.length + 2), query));
  steps.push(expiryStep(signature, key !== undefined, context));
  if (query !== "") steps.push(told("query", `the origin's own, signed with the path: ${parameterNames(query)}`));
  steps.push(...appendedSteps(target));
  return steps;
}

/** What an alias stands for. It is decoded for nobody who cannot show a signature for it. */
function aliasSteps(path: string, query: string): readonly Step[] {
  if (!isAlias(path)) return [];
  const file = originFileOf({ path, query });
  return file.ok
    ? [told("alias", `it stands for ${shownFile(file.value)}`)]
    : [fails("alias", file.refusal.code, file.refusal.reason)];
}

/** The kid under which the signature holds: the grant's, or any of the ring where the grant cannot be opened. */
function keyOf(target: MediaTarget, signature: SignatureParameter, context: ExplainMediaContext): string | undefined {
  const { keys, catalog, now } = context;
  const opened = openGrant(target.grant, keys, now);
  const asset = catalog.assetOfPath(target.path);
  for (const [kid, key] of keys)
    if ((!opened.ok || opened.value.kid === kid) && signatureHolds(target, signature, key, asset)) return kid;
  return undefined;
}

function expiryStep({ purpose, expiry }: SignatureParameter, authentic: boolean, context: ExplainMediaContext): Step {
  const { now, renewal } = context;
  if (now < expiry) return (authentic ? holds : told)("expiry", `the URL ends ${when(expiry, now)}`);
  const ended = `the URL ended ${when(expiry, now)}`;
  const renewed = isRenewable({ purpose }, renewal) ? "; an authentic one is renewed by redirect" : "";
  return authentic ? fails("expiry", "signature_expired", ended + renewed) : told("expiry", ended);
}

function unreadableSignature(target: MediaTarget, context: ExplainMediaContext): readonly Step[] {
  const { signature } = target;
  if (signature === undefined) return [fails("signature", "signature_missing", missingWords(target))];
  const what = `${purposeWords[signature.purpose]}; not to be checked without a canonical path`;
  return [told("signature", what), expiryStep(signature, false, context), ...appendedSteps(target)];
}

/** A parameter of ours that has lost its form is the likeliest reason why a signature is missing. */
function missingWords({ appended }: MediaTarget): string {
  const broken = Object.values(parameterOf).filter((name) => `&${appended}`.includes(`&${name}=`));
  return broken.length === 0
    ? "the query has no list, seg or key parameter"
    : `the query's ${broken.join(", ")} parameter is not of the form <expiry>.<22 characters>`;
}

function appendedSteps({ appended }: MediaTarget): readonly Step[] {
  if (appended === "") return [];
  return [told("appended", `behind the signature, not signed and not sent on as a whole: ${parameterNames(appended)}`)];
}
