import { pathFault } from "../../base/canonical-path.ts";
import { parseIpv4 } from "../../base/ip-address.ts";
import type { Refusal, RefusalCode } from "../../base/refusal.ts";
import type { Asset } from "../../catalog/asset.ts";
import { isInRange } from "../../signing/cloudfront/ipv4.ts";
import { readParameters, type SignedParameters } from "../../signing/cloudfront/parameters.ts";
import { isPlaylist, openedPath } from "../../signing/cloudfront/spelling.ts";
import { type CloudFrontStatement, readStatement } from "../../signing/cloudfront/statement.ts";
import { type CloudFrontCheckContext, checkCloudFrontTarget } from "../serve-cloudfront.ts";
import { type Explanation, fails, holds, type Step, told } from "./explanation.ts";
import { parameterNames, shown, shownPath, when } from "./words.ts";

/** What is refused behind the signature: each of these says that the signature held. */
const behindSignature: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  "path_not_covered",
  "signature_not_yet_valid",
  "signature_expired",
  "address_not_covered",
]);

/**
 * What a CloudFront signed URL grants and why. The verdict is that of {@link checkCloudFrontTarget}; the steps read the
 * same parts in its order, and tell what stands behind the first that fails.
 */
export async function explainCloudFrontUrl(
  target: string,
  asset: Asset,
  context: CloudFrontCheckContext,
): Promise<Explanation> {
  const checked = await checkCloudFrontTarget(target, asset, "GET", context);
  const refusal = checked.ok ? undefined : checked.refusal;
  const steps = stepsOf(target, context, refusal);
  if (!checked.ok) return { kind: "cloudfront", verdict: "refused", refusal, grants: undefined, steps };
  const { path, policy, expires } = checked.value;
  const grants = `GET and HEAD of ${path} of the asset ${asset.id} by a ${policy} policy, until ${when(expires, context.now)}`;
  return { kind: "cloudfront", verdict: "served", refusal, grants, steps };
}

function stepsOf(target: string, context: CloudFrontCheckContext, refusal: Refusal | undefined): readonly Step[] {
  const mark = target.indexOf("?");
  const read = readParameters(mark < 0 ? "" : target.slice(mark + 1));
  const raw = mark < 0 ? target : target.slice(0, mark);
  const opened = openedPath(raw, read.ok ? read.value.policy.kind : undefined);
  const steps = [
    !opened.ok
      ? fails("path", "path_invalid", `not canonical: ${opened.refusal}`)
      : pathFault(opened.value) === undefined
        ? holds("path", `canonical: ${shownPath(opened.value)}`)
        : holds("path", `in its origin's own spelling: ${shownPath(opened.value)}`),
  ];
  if (!read.ok) return [...steps, fails("parameters", read.refusal.code, read.refusal.reason)];
  const { keyPairId, hash, policy, query } = read.value;
  steps.push(holds("parameters", `a ${policy.kind} policy under ${hash === "SHA1" ? "SHA-1" : "SHA-256"}`));
  const known = context.publicKeys(keyPairId) !== undefined;
  const key = `the Key-Pair-Id is ${shown(keyPairId)}`;
  steps.push(known ? holds("key", key) : fails("key", "key_unknown", `${key}, which the key ring does not hold`));
  steps.push(...signatureSteps(read.value, known && opened.ok, context, refusal));
  if (opened.ok && isPlaylist(opened.value))
    steps.push(fails("file", "path_not_covered", "a playlist is served under a grant alone"));
  if (query !== undefined) steps.push(told("query", `the viewer's own parameters: ${parameterNames(query)}`));
  steps.push(told("renewal", "a CloudFront URL carries no grant: it is neither renewed nor ended before its time"));
  return steps;
}

function signatureSteps(
  { policy }: SignedParameters,
  judged: boolean,
  context: CloudFrontCheckContext,
  refusal: Refusal | undefined,
): readonly Step[] {
  const statement: ReturnType<typeof readStatement> =
    policy.kind === "custom"
      ? readStatement(policy.bytes)
      : {
          ok: true,
          value: { resource: undefined, expires: policy.expires, starts: undefined, range: undefined },
        };
  const what = policy.kind === "canned" ? "for the whole URL and its end" : "for the policy in the URL";
  if (!statement.ok)
    return [judged ? fails("policy", "signature_invalid", refusal?.reason ?? "") : told("policy", statement.refusal)];
  const code = refusal?.code;
  const authentic = judged && (code === undefined || behindSignature.has(code));
  const signature = !judged
    ? told("signature", `made ${what}; not to be checked`)
    : authentic
      ? holds("signature", `it holds ${what}`)
      : fails("signature", "signature_invalid", refusal?.reason ?? "it does not hold");
  return [signature, ...policySteps(statement.value, authentic, context, code)];
}

function policySteps(
  { resource, expires, starts, range }: CloudFrontStatement,
  authentic: boolean,
  { now, address }: CloudFrontCheckContext,
  code: RefusalCode | undefined,
): readonly Step[] {
  const judge = (part: string, good: boolean, failure: RefusalCode, text: string) =>
    !authentic ? told(part, text) : good ? holds(part, text) : fails(part, failure, text);
  const steps: Step[] = [];
  if (resource !== undefined)
    steps.push(
      judge("resource", code !== "path_not_covered", "path_not_covered", `the policy is for ${shown(resource)}`),
    );
  if (starts !== undefined)
    steps.push(judge("start", now > starts, "signature_not_yet_valid", `the URL starts after ${when(starts, now)}`));
  const end = `the URL end${now < expires ? "s" : "ed"} ${when(expires, now)}`;
  steps.push(judge("expiry", now < expires, "signature_expired", end));
  if (range !== undefined) {
    const from = address === undefined ? "the viewer's is not known" : `the viewer's is ${shown(address)}`;
    const viewer = address === undefined ? undefined : parseIpv4(address);
    const good = viewer !== undefined && isInRange(range, viewer);
    steps.push(judge("address", good, "address_not_covered", `the policy is for one IPv4 range; ${from}`));
  }
  return steps;
}
