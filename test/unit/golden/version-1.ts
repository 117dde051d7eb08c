import { decodeBase64url } from "../../../src/base/encoding.ts";
import { unixSeconds } from "../../../src/base/time.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { parseKeyRing } from "../../../src/keys/ring.ts";
import { nobleHmac } from "../../../src/platform/cloudflare/noble-hmac.ts";
import type { GrantClaims } from "../../../src/signing/grant.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import v1 from "../../golden/v1.json";

export { v1 };

/** The time when all of it was written. */
export const now = unixSeconds(v1.now);

export const ring = unwrap(parseKeyRing(v1.ring));
export const keys = await prepareSessionKeys(ring, nobleHmac);
export const catalog = unwrap(parseCatalog(v1.catalog));

type GoldenGrant = (typeof v1.grants)[number];

/** The claims of a golden grant, as the code has them. */
export function claimsOf({ claims }: GoldenGrant): GrantClaims {
  const { issuedAt, expiresAt, network, ...texts } = claims;
  const bound = network === undefined ? {} : { network: networkOf(network) };
  return { ...texts, ...bound, issuedAt: unixSeconds(issuedAt), expiresAt: unixSeconds(expiresAt) };
}

function networkOf({
  family,
  bits,
  bytes,
}: {
  readonly family: number;
  readonly bits: number;
  readonly bytes: string;
}) {
  const decoded = decodeBase64url(bytes);
  if (decoded === undefined) throw new Error("a golden network is not base64url");
  return { family: family === 4 ? (4 as const) : (6 as const), bits, bytes: decoded };
}

export function keyOf(kid: string) {
  const key = keys.get(kid);
  if (key === undefined) throw new Error(`the golden ring has no key ${kid}`);
  return key;
}

export function named<Value extends { readonly name: string }>(values: readonly Value[], name: string): Value {
  const match = values.find((value) => value.name === name);
  if (match === undefined) throw new Error(`no golden value has the name ${name}`);
  return match;
}

export function unwrap<Value>(
  result: { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly refusal: unknown },
): Value {
  if (!result.ok) throw new Error(JSON.stringify(result.refusal));
  return result.value;
}
