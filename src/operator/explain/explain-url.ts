import { isAlias, isPlaylist, originFileOf } from "../../base/alias.ts";
import { pathFault } from "../../base/canonical-path.ts";
import { parseIpv4 } from "../../base/ip-address.ts";
import { type MediaPurpose, parameterOf } from "../../base/media-purpose.ts";
import type { Refusal, RefusalCode } from "../../base/result.ts";
import { earlier, type UnixSeconds } from "../../base/time.ts";
import type { Asset } from "../../catalog/asset.ts";
import { conditionNames } from "../../catalog/conditions.ts";
import { isAllowedFile } from "../../catalog/file-globs.ts";
import type { Configuration } from "../../config/configuration.ts";
import {
  type CheckContext,
  checkMediaRequest,
  isBound,
  isSignatureValid,
  type MediaAccess,
  useFault,
} from "../../edge/check-media-request.ts";
import { isRenewable } from "../../edge/renew-url.ts";
import { type CloudFrontCheckContext, checkCloudFrontTarget, cloudFrontAsset } from "../../edge/serve-cloudfront.ts";
import { unenforcedFile } from "../../edge/unenforced-file.ts";
import { type CloudFrontStatement, isInRange, readStatement } from "../../signing/cloudfront/cloudfront-policy.ts";
import { openedPath, readParameters, type SignedParameters } from "../../signing/cloudfront/signed-parameters.ts";
import { openGrant } from "../../signing/grant.ts";
import { type MediaTarget, parseMediaTarget, type SignatureParameter } from "../../signing/media-url.ts";
import { grantSteps } from "./explain-grant.ts";
import {
  type Explanation,
  fails,
  info,
  parameterNames,
  passes,
  type Step,
  shown,
  shownFile,
  shownPath,
  when,
} from "./explanation.ts";

export type ExplainContext = ExplainMediaContext & CloudFrontCheckContext;

/**
 * How the media host answers a request target (path and query as sent over the wire), and why: with the edge's own
 * checks, in their order. It does not check whether the origin has the file.
 */
export async function explainUrl(target: string, context: ExplainContext): Promise<Explanation> {
  const asset = cloudFrontAsset(target, context.catalog);
  return asset === undefined ? explainMediaUrl(target, context) : explainCloudFrontUrl(target, asset, context);
}

type ExplainMediaContext = CheckContext & Pick<Configuration, "renewal"> & Partial<Pick<Configuration, "enforcement">>;

const purposeWords = {
  playlist: "for a playlist",
  segment: "for a segment or another file",
  key: "for a key (never cached)",
  file: "for a file that no playlist names",
} as const satisfies Record<MediaPurpose, string>;

/**
 * The verdict is that of {@link checkMediaRequest}. The steps repeat its checks in order and continue after a failure.
 */
export function explainMediaUrl(target: string, context: ExplainMediaContext): Explanation {
  const checked = checkMediaRequest(target, context);
  const steps = stepsOf(target, context);
  if (checked.verdict === "refused")
    return refusedAs(checked.refusal, [...steps, ...enforcementSteps(target, checked.refusal, context)]);
  const { purpose, grant, asset, expiry } = checked.access;
  const path = fileWords(checked.access);
  const until = (expiry: UnixSeconds) => when(expiry, context.now);
  if (checked.verdict === "passed") {
    const grants = `GET and HEAD of ${path} (${purpose}) of the asset ${asset.id}, until ${until(earlier(expiry, grant.expiresAt))}`;
    return { kind: "media", verdict: "served", refusal: undefined, grants, steps };
  }
  if (!isRenewable(checked.access, context.renewal)) return refusedAs(checked.refusal, steps);
  const grants = `a redirect (307) to a fresh URL of ${path} (${purpose}), until ${until(grant.expiresAt)}`;
  return { kind: "media", verdict: "renewed", refusal: undefined, grants, steps };
}

/** The path, or the origin file of an alias. */
function fileWords({ path, asset, rest, query }: MediaAccess): string {
  return isAlias(path.slice(asset.id.length + 2)) ? shownFile({ path: rest, query }) : path;
}

function refusedAs(refusal: Explanation["refusal"], steps: readonly Step[]): Explanation {
  return { kind: "media", verdict: "refused", refusal, grants: undefined, steps };
}

/** Whether the edge serves a refused request all the same, because its asset is not enforced. */
function enforcementSteps(
  target: string,
  { code }: Refusal,
  { enforcement, ...context }: ExplainMediaContext,
): readonly Step[] {
  const parsed = parseMediaTarget(target);
  const file = parsed.ok ? unenforcedFile(parsed.value, code, { ...context, enforcement }) : undefined;
  if (file?.until === undefined) return [];
  const words = `${file.asset.id} is in ${file.mode} until ${when(file.until, context.now)}`;
  return [
    info(
      "enforcement",
      `${words}: the edge serves the file, unless its asset is revoked or has conditions that are not met`,
    ),
  ];
}

function stepsOf(target: string, context: ExplainMediaContext): readonly Step[] {
  const mark = target.indexOf("?");
  const wholePath = mark < 0 ? target : target.slice(0, mark);
  const parsed = parseMediaTarget(target);
  if (parsed.ok) {
    const path = passes("path", `canonical: ${shownPath(parsed.value.path)}`);
    return [path, ...grantSteps(parsed.value, parsed.value.path, context), ...signatureSteps(parsed.value, context)];
  }
  const path = fails("path", "path_invalid", `not canonical: ${pathFault(wholePath) ?? parsed.refusal.reason}`);
  // The path cannot be parsed, but the grant before it and the query after it can.
  const [, first = ""] = wholePath.split("/", 2);
  const withoutPath = parseMediaTarget(`/${first}/${mark < 0 ? "" : target.slice(mark)}`);
  if (!withoutPath.ok) return [path];
  return [
    path,
    ...grantSteps(withoutPath.value, undefined, context),
    ...unreadableSignature(withoutPath.value, context),
  ];
}

function signatureSteps(target: MediaTarget, context: ExplainMediaContext): readonly Step[] {
  const { path, query, signature } = target;
  if (signature === undefined) return [fails("signature", "signature_missing", missingWords(target))];
  const asset = context.catalog.assetOfPath(path);
  const bound = isBound(signature.purpose, asset)
    ? "bound to this session"
    : "valid with any grant that covers the path";
  const what = `${purposeWords[signature.purpose]}, ${bound}`;
  const key = keyOf(target, signature, context);
  const steps: Step[] = [
    key === undefined
      ? fails("signature", "signature_invalid", `${what}: invalid for this URL`)
      : passes("signature", `${what}, signed with the key ${shown(key)}`),
  ];
  if (asset === undefined) steps.push(fails("catalog", "asset_unknown", "the catalog has no asset for this path"));
  if (key !== undefined && asset !== undefined) steps.push(...aliasSteps(path.slice(asset.id.length + 2), query));
  if (key !== undefined) steps.push(...fileSteps(target, signature.purpose, asset, context));
  steps.push(expiryStep(signature, key !== undefined, context));
  if (query !== "")
    steps.push(info("query", `parameters of the origin, signed with the path: ${parameterNames(query)}`));
  steps.push(...appendedSteps(target));
  const conditions = asset === undefined ? [] : conditionNames({ ...asset, available: undefined });
  if (conditions.length > 0)
    steps.push(
      info(
        "conditions",
        `not checked, because they depend on the request: ${conditions.join(", ")}; ${askedOf(signature.purpose)}`,
      ),
    );
  return steps;
}

function askedOf(purpose: MediaPurpose): string {
  return purpose === "playlist"
    ? "the edge asks for them with each playlist"
    : "the edge asks for them when it renews this URL";
}

/** What separates `file` URLs and streams' URLs, and whether the asset's globs still allow the file. */
function fileSteps(
  { grant, path, query }: MediaTarget,
  purpose: MediaPurpose,
  asset: Asset | undefined,
  { keys, now }: ExplainMediaContext,
): readonly Step[] {
  const opened = openGrant(grant, keys, now);
  const why = opened.ok ? useFault(opened.value, purpose) : undefined;
  const steps: Step[] = why === undefined ? [] : [fails("use", "path_not_covered", why)];
  if (purpose !== "file" || asset === undefined) return steps;
  const file = originFileOf({ path: path.slice(asset.id.length + 2), query });
  const allowed = file.ok && isAllowedFile(asset, file.value.path);
  const globs = asset.files.length === 0 ? "the asset has no files" : `the asset's files are ${asset.files.join(", ")}`;
  steps.push(
    allowed
      ? passes("files", `${globs}; the edge also refuses a playlist, a key or a segment by its bytes`)
      : fails("files", "file_forbidden", `${globs}, which do not include this path`),
  );
  return steps;
}

/** An alias is decoded only if its signature is valid. */
function aliasSteps(path: string, query: string): readonly Step[] {
  if (!isAlias(path)) return [];
  const file = originFileOf({ path, query });
  return file.ok
    ? [info("alias", `an alias for ${shownFile(file.value)}`)]
    : [fails("alias", file.refusal.code, file.refusal.reason)];
}

/** The kid of the key that made the signature: the grant's, or any key of the ring if the grant cannot be opened. */
function keyOf(target: MediaTarget, signature: SignatureParameter, context: ExplainMediaContext): string | undefined {
  const { keys, catalog, now } = context;
  const opened = openGrant(target.grant, keys, now);
  const { qualityClass } = opened.ok ? opened.value : {};
  const asset = catalog.assetOfPath(target.path);
  for (const [kid, key] of keys)
    if (
      (!opened.ok || opened.value.kid === kid) &&
      isSignatureValid({ ...target, qualityClass }, signature, key, asset)
    )
      return kid;
  return undefined;
}

function expiryStep({ purpose, expiry }: SignatureParameter, authentic: boolean, context: ExplainMediaContext): Step {
  const { now, renewal } = context;
  if (now < expiry) return (authentic ? passes : info)("expiry", `the URL expires ${when(expiry, now)}`);
  const expired = `the URL expired ${when(expiry, now)}`;
  const renewed = isRenewable({ purpose }, renewal) ? "; with a valid signature it is redirected to a fresh one" : "";
  return authentic ? fails("expiry", "signature_expired", expired + renewed) : info("expiry", expired);
}

function unreadableSignature(target: MediaTarget, context: ExplainMediaContext): readonly Step[] {
  const { signature } = target;
  if (signature === undefined) return [fails("signature", "signature_missing", missingWords(target))];
  const what = `${purposeWords[signature.purpose]}; not checked, because the path is not canonical`;
  return [info("signature", what), expiryStep(signature, false, context), ...appendedSteps(target)];
}

/** The likeliest cause of a missing signature is a damaged parameter. */
function missingWords({ appended }: MediaTarget): string {
  const broken = Object.values(parameterOf).filter((name) => `&${appended}`.includes(`&${name}=`));
  return broken.length === 0
    ? "the query has no list, seg, key or file parameter"
    : `the query's ${broken.join(", ")} parameter is not <expiry>.<22 characters>`;
}

function appendedSteps({ appended }: MediaTarget): readonly Step[] {
  if (appended === "") return [];
  return [info("appended", `after the signature, unsigned and not forwarded as a whole: ${parameterNames(appended)}`)];
}

/** Refusals by checks that run after the signature was found valid. */
const refusedAfterSignature: ReadonlySet<RefusalCode> = new Set<RefusalCode>([
  "path_not_covered",
  "signature_not_yet_valid",
  "signature_expired",
  "address_not_covered",
]);

/**
 * The verdict is that of {@link checkCloudFrontTarget}. The steps repeat its checks in order and continue after a
 * failure.
 */
async function explainCloudFrontUrl(
  target: string,
  asset: Asset,
  context: CloudFrontCheckContext,
): Promise<Explanation> {
  const checked = await checkCloudFrontTarget(target, asset, "GET", context);
  const refusal = checked.ok ? undefined : checked.refusal;
  const steps = cloudFrontSteps(target, context, refusal);
  if (!checked.ok) return { kind: "cloudfront", verdict: "refused", refusal, grants: undefined, steps };
  const { path, policy, expires } = checked.value;
  const grants = `GET and HEAD of ${path} of the asset ${asset.id} with a ${policy} policy, until ${when(expires, context.now)}`;
  return { kind: "cloudfront", verdict: "served", refusal, grants, steps };
}

function cloudFrontSteps(
  target: string,
  context: CloudFrontCheckContext,
  refusal: Refusal | undefined,
): readonly Step[] {
  const mark = target.indexOf("?");
  const read = readParameters(mark < 0 ? "" : target.slice(mark + 1));
  const raw = mark < 0 ? target : target.slice(0, mark);
  const opened = openedPath(raw, read.ok ? read.value.policy.kind : undefined);
  const steps = [
    !opened.ok
      ? fails("path", "path_invalid", `not canonical: ${opened.refusal}`)
      : pathFault(opened.value) === undefined
        ? passes("path", `canonical: ${shownPath(opened.value)}`)
        : passes("path", `in the origin's spelling: ${shownPath(opened.value)}`),
  ];
  if (!read.ok) return [...steps, fails("parameters", read.refusal.code, read.refusal.reason)];
  const { keyPairId, hash, policy, query } = read.value;
  steps.push(passes("parameters", `a ${policy.kind} policy with ${hash === "SHA1" ? "SHA-1" : "SHA-256"}`));
  const known = context.publicKeys(keyPairId) !== undefined;
  const key = `the Key-Pair-Id is ${shown(keyPairId)}`;
  steps.push(known ? passes("key", key) : fails("key", "key_unknown", `${key}, which is not in the key ring`));
  steps.push(...cloudFrontSignatureSteps(read.value, known && opened.ok, context, refusal));
  if (opened.ok && isPlaylist(opened.value))
    steps.push(fails("file", "path_not_covered", "playlists are served with a grant only"));
  if (query !== undefined) steps.push(info("query", `the viewer's own parameters: ${parameterNames(query)}`));
  steps.push(info("renewal", "a CloudFront URL has no grant: it is never renewed and cannot be revoked"));
  return steps;
}

function cloudFrontSignatureSteps(
  { policy }: SignedParameters,
  isJudged: boolean,
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
  const what = policy.kind === "canned" ? "for the whole URL and its expiry" : "for the policy in the URL";
  if (!statement.ok)
    return [isJudged ? fails("policy", "signature_invalid", refusal?.reason ?? "") : info("policy", statement.refusal)];
  const code = refusal?.code;
  const authentic = isJudged && (code === undefined || refusedAfterSignature.has(code));
  const signature = !isJudged
    ? info("signature", `${what}; not checked`)
    : authentic
      ? passes("signature", `valid ${what}`)
      : fails("signature", "signature_invalid", refusal?.reason ?? "invalid");
  return [signature, ...policySteps(statement.value, authentic, context, code)];
}

function policySteps(
  { resource, expires, starts, range }: CloudFrontStatement,
  authentic: boolean,
  { now, address }: CloudFrontCheckContext,
  code: RefusalCode | undefined,
): readonly Step[] {
  const judge = (part: string, good: boolean, failure: RefusalCode, text: string) =>
    !authentic ? info(part, text) : good ? passes(part, text) : fails(part, failure, text);
  const steps: Step[] = [];
  if (resource !== undefined)
    steps.push(
      judge("resource", code !== "path_not_covered", "path_not_covered", `the policy is for ${shown(resource)}`),
    );
  if (starts !== undefined)
    steps.push(judge("start", now > starts, "signature_not_yet_valid", `the URL starts after ${when(starts, now)}`));
  const expiry = `the URL expire${now < expires ? "s" : "d"} ${when(expires, now)}`;
  steps.push(judge("expiry", now < expires, "signature_expired", expiry));
  if (range !== undefined) {
    const from =
      address === undefined ? "the viewer's address is unknown" : `the viewer's address is ${shown(address)}`;
    const viewer = address === undefined ? undefined : parseIpv4(address);
    const good = viewer !== undefined && isInRange(range, viewer);
    steps.push(judge("address", good, "address_not_covered", `the policy is for one IPv4 range; ${from}`));
  }
  return steps;
}
