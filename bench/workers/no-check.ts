import { ok } from "../../src/base/result.ts";
import { unixSeconds } from "../../src/base/time.ts";
import type * as check from "../../src/edge/check-media-request.ts";
import { parseMediaTarget } from "../../src/signing/media-url.ts";

/**
 * Replaces `src/edge/check-media-request.ts` in the worker that the edge check is measured against: the target is
 * parsed and its asset looked up, and neither grant nor signature is checked. Every caller gets the file.
 */
export const checkMediaTarget: typeof check.checkMediaTarget = (target, { catalog, keys }) => {
  const { path, query, appended, signature } = target;
  const asset = catalog.assetOfPath(path);
  const [key] = keys.values();
  if (asset === undefined || key === undefined || signature === undefined)
    return { verdict: "refused", refusal: { code: "asset_unknown", reason: "nothing to serve" } };
  const rest = path.slice(asset.id.length + 2);
  const { purpose, expiry } = signature;
  const file = { path, signedQuery: query, rest, query, download: undefined };
  return { verdict: "passed", access: { asset, grant: anyGrant, key, purpose, ...file, expiry, appended } };
};

export const checkMediaRequest: typeof check.checkMediaRequest = (target, context) => {
  const parsed = parseMediaTarget(target);
  return parsed.ok ? checkMediaTarget(parsed.value, context) : { verdict: "refused", refusal: parsed.refusal };
};

export const checkGrant: typeof check.checkGrant = () => ok(anyGrant);

export const isSignatureValid: typeof check.isSignatureValid = () => true;

export const useFault: typeof check.useFault = () => undefined;

export const isBound: typeof check.isBound = () => false;

const anyGrant = {
  issuer: "",
  subject: "",
  sessionId: "",
  prefix: "/",
  issuedAt: unixSeconds(0),
  expiresAt: unixSeconds(253_402_300_799),
  kid: "",
  text: "",
};
