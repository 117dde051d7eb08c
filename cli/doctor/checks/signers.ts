import { rfc3339, unixSeconds } from "../../../src/base/time.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import type { RingKey } from "../../../src/keys/key.ts";
import { cloudFrontKeyFor, inUse, keyStateOf } from "../../../src/keys/life.ts";
import { type KeyRing, keysFor, signingKey } from "../../../src/keys/ring.ts";
import { devRingFile } from "../../lib/files.ts";
import { ringArgument } from "../../lib/ring-file.ts";
import { type Facts, validCatalog } from "../facts.ts";
import { type Finding, fault, warning } from "../finding.ts";
import { backendFindings } from "./backend-keys.ts";

/** Whether each purpose and each CloudFront asset has a signing key, and a successor for a key that expires soon. */
export function signerFindings(ring: KeyRing, facts: Facts): Finding[] {
  const sessions = keysFor(ring, "session");
  const signing = signingKey(sessions, facts.now);
  const assets = (validCatalog(facts)?.assets() ?? []).flatMap((asset) => assetFindings(asset, ring, facts));
  return [
    ...(signing === undefined ? [noSigner("session", ring, facts)] : expiryFindings(signing, sessions, facts)),
    // Assets usually share a key, so their findings are equal.
    ...new Map(assets.map((finding) => [`${finding.id} ${finding.about}`, finding])).values(),
    ...publicHalfFindings(ring, facts),
    ...operatorFindings(ring, facts),
    ...backendFindings(ring, facts),
  ];
}

const withoutSigner = {
  session: "No key signs now, so no stream can be started or played.",
  "cloudfront-session": "No key signs now, so no asset with cdn cloudfront can be started or played.",
  cloudfront: "No key is active, or several keys without a state are: assets without a keyPairId cannot be played.",
};

function noSigner(purpose: keyof typeof withoutSigner, ring: KeyRing, facts: Facts): Finding {
  const { now } = facts;
  const next = keysFor(ring, purpose).find((key) => keyStateOf(key, ring.keys, now) === "next");
  return fault(
    "signer_missing",
    `purpose ${purpose}`,
    withoutSigner[purpose],
    next === undefined
      ? `Make one with \`npx stagedoor keys new --purpose ${purpose}${purpose === "cloudfront" ? " --type ec" : ""}${inRing(facts)}\`${purpose === "cloudfront" ? ", or name a key as keyPairId" : ""}.`
      : `Activate "${next.kid}" with \`npx stagedoor keys rotate --purpose ${purpose}${inRing(facts)}\`.`,
  );
}

function operatorFindings(ring: KeyRing, facts: Facts): Finding[] {
  if (keysFor(ring, "operator").length > 0) return [];
  return [
    warning(
      "operator_key_missing",
      "purpose operator",
      "No key signs operators' credentials: sessions cannot be revoked, and the console cannot be opened.",
      `Make one with \`npx stagedoor operator new --name <name>${inRing(facts)}\`.`,
    ),
  ];
}

const day = 86_400;

/** `others`: the keys that may sign after it. */
function expiryFindings(signing: RingKey, others: readonly RingKey[], facts: Facts): Finding[] {
  const { now } = facts;
  const { exp, purpose, kid } = signing;
  if (exp === undefined || exp - now > 14 * day) return [];
  if (others.some((key) => key !== signing && canSucceed(key, exp))) return [];
  return [
    (exp - now < 2 * day ? fault : warning)(
      "successor_missing",
      `key ${kid}`,
      `It is the last signing key, and it expires at ${rfc3339(unixSeconds(exp))}: from then on, every stream that needs it is refused.`,
      `Introduce the next key now: \`npx stagedoor keys rotate --introduce --purpose ${purpose}${inRing(facts)}\`. Update assets that name this key.`,
    ),
  ];
}

/** Whether a key can sign when another expires at `end`. */
function canSucceed({ exp, state, nbf }: RingKey, end: number): boolean {
  return (exp === undefined || exp > end) && state !== "retiring" && state !== "retired" && (nbf ?? 0) <= end;
}

function assetFindings({ id, cdn, cloudfront }: Asset, ring: KeyRing, facts: Facts): Finding[] {
  if (cdn === "cloudfront") {
    const keys = keysFor(ring, "cloudfront-session");
    const signing = signingKey(keys, facts.now);
    return signing === undefined ? [noSigner("cloudfront-session", ring, facts)] : expiryFindings(signing, keys, facts);
  }
  if (cdn !== "cloudfront-signed") return [];
  const kid = cloudfront?.keyPairId;
  const pairs = keysFor(ring, "cloudfront");
  const resolved = cloudFrontKeyFor(ring, kid, facts.now);
  const key = resolved.ok ? resolved.value : pairs.find((pair) => pair.kid === kid);
  if (kid === undefined) {
    if (key === undefined) return [noSigner("cloudfront", ring, facts)];
    // A missing private half is reported once, about the key.
    return key.d === undefined ? [] : expiryFindings(key, pairs, facts);
  }
  const about = `asset ${id}`;
  const advice = replacementAdvice(kid, ring, facts);
  if (key?.d === undefined) {
    const missing = key === undefined ? "no key" : "no private half";
    const text = `Its keyPairId is "${kid}", and the ring has ${missing} for it: the asset cannot be played.`;
    const orImport = key === undefined ? "" : ` Or import the private half: \`${importCommand(kid, facts)}\`.`;
    return [fault("asset_key_missing", about, text, advice + orImport)];
  }
  const state = keyStateOf(key, ring.keys, facts.now);
  const text = `Its keyPairId is "${key.kid}", which is ${state}`;
  if (state === "retired") return [fault("asset_key_retired", about, `${text}: the asset cannot be played.`, advice)];
  return [
    ...(state === "active" ? [] : [warning("asset_key_retired", about, `${text}, and should not sign.`, advice)]),
    ...expiryFindings(key, [], facts),
  ];
}

/** Which key an asset can use instead of its keyPairId. */
function replacementAdvice(kid: string, ring: KeyRing, { now }: Facts): string {
  const active = inUse(keysFor(ring, "cloudfront"), "cloudfront", now);
  return active?.d === undefined || active.kid === kid
    ? "Set cloudfront.keyPairId to a key with a private half in the ring."
    : `Remove cloudfront.keyPairId, so that the active key "${active.kid}" signs, or name another key of the ring.`;
}

/** The active and the next CloudFront key if the ring has no private half of it, whether or not an asset needs it now. */
function publicHalfFindings(ring: KeyRing, facts: Facts): Finding[] {
  const pairs = keysFor(ring, "cloudfront");
  const active = inUse(pairs, "cloudfront", facts.now);
  const assets = validCatalog(facts)?.assets();
  const needed = assets?.some(
    ({ cdn, cloudfront }) => cdn === "cloudfront-signed" && cloudfront?.keyPairId === undefined,
  );
  const next = pairs.filter((key) => key.state === "next" && keyStateOf(key, ring.keys, facts.now) === "next");
  return [...(active === undefined ? [] : [active]), ...next].flatMap((key) => {
    if (key.d !== undefined) return [];
    const isActive = key === active;
    return [
      (isActive && needed !== false ? fault : warning)(
        "signer_missing",
        `key ${key.kid}`,
        isActive
          ? "It is CloudFront's active key, and the ring has no private half of it: CloudFront assets without a keyPairId cannot be played."
          : "It is CloudFront's next key, and the ring has no private half of it: it cannot sign when it is activated.",
        `Import the private half: \`${importCommand(key.kid, facts)}\`.`,
      ),
    ];
  });
}

function importCommand(kid: string, facts: Facts): string {
  return `npx stagedoor keys import --purpose cloudfront --kid ${kid} --in <private-key.pem>${inRing(facts)}`;
}

/** The option --ring, unless the ring is development's own. */
function inRing({ ring }: Facts): string {
  return ringArgument(ring?.file ?? devRingFile);
}
