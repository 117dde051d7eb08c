import { rfc3339, unixSeconds } from "../../../src/base/time.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import type { RingKey } from "../../../src/keys/key.ts";
import { cloudFrontKeyFor, inUse, keyStateOf } from "../../../src/keys/life.ts";
import { type KeyRing, keysFor, signingKey } from "../../../src/keys/ring.ts";
import { devRingFile } from "../../lib/files.ts";
import { ringArgument } from "../../lib/ring-file.ts";
import { type Facts, soundCatalog } from "../facts.ts";
import { type Finding, fault, warning } from "../finding.ts";

/** Whether each purpose has a key that signs and one that follows it in time, and each CloudFront asset its own. */
export function signerFindings(ring: KeyRing, facts: Facts): Finding[] {
  const sessions = keysFor(ring, "session");
  const signing = signingKey(sessions, facts.now);
  const assets = (soundCatalog(facts)?.assets() ?? []).flatMap((asset) => assetFindings(asset, ring, facts));
  return [
    ...(signing === undefined ? [noSigner("session", ring, facts)] : endsSoon(signing, sessions, facts)),
    // Several assets share a key as a rule.
    ...new Map(assets.map((finding) => [`${finding.id} ${finding.about}`, finding])).values(),
    ...publicHalves(ring, facts),
    ...noOperator(ring, facts),
  ];
}

function noSigner(purpose: "session" | "cloudfront", ring: KeyRing, facts: Facts): Finding {
  const { now } = facts;
  const waiting = keysFor(ring, purpose).find((key) => keyStateOf(key, ring.keys, now) === "next");
  return fault(
    "signer_missing",
    `purpose ${purpose}`,
    purpose === "session"
      ? "No key signs now, so no stream can be started or played."
      : "No key is active, or several candidates are, so assets without a keyPairId cannot be played.",
    waiting === undefined
      ? `Make one with \`npx stagedoor keys new --purpose ${purpose}${purpose === "cloudfront" ? " --type ec" : ""}${inRing(facts)}\`${purpose === "cloudfront" ? ", or name a key as keyPairId" : ""}.`
      : `Activate "${waiting.kid}" with \`npx stagedoor keys rotate --purpose ${purpose}${inRing(facts)}\`.`,
  );
}

function noOperator(ring: KeyRing, facts: Facts): Finding[] {
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

/** `others` are the keys that may sign in its place. */
function endsSoon(signing: RingKey, others: readonly RingKey[], facts: Facts): Finding[] {
  const { now } = facts;
  const { exp, purpose, kid } = signing;
  if (exp === undefined || exp - now > 14 * day) return [];
  if (others.some((key) => key !== signing && canFollow(key, exp))) return [];
  return [
    (exp - now < 2 * day ? fault : warning)(
      "successor_missing",
      `key ${kid}`,
      `It is the last signing key, and it expires at ${rfc3339(unixSeconds(exp))}: every stream that needs it is refused from then on.`,
      `Introduce the next one now: \`npx stagedoor keys rotate --introduce --purpose ${purpose}${inRing(facts)}\`; update assets that name this key.`,
    ),
  ];
}

/** Whether a key can sign when another has ended. */
function canFollow({ exp, state, nbf }: RingKey, end: number): boolean {
  return (exp === undefined || exp > end) && state !== "retiring" && state !== "retired" && (nbf ?? 0) <= end;
}

function assetFindings({ id, cdn, cloudfront }: Asset, ring: KeyRing, facts: Facts): Finding[] {
  if (cdn !== "cloudfront-signed") return [];
  const kid = cloudfront?.keyPairId;
  const pairs = keysFor(ring, "cloudfront");
  const found = cloudFrontKeyFor(ring, kid, facts.now);
  const key = found.ok ? found.value : pairs.find((pair) => pair.kid === kid);
  if (kid === undefined) {
    if (key === undefined) return [noSigner("cloudfront", ring, facts)];
    // Without its private half it is the ring's fault, and no asset's.
    return key.d === undefined ? [] : endsSoon(key, pairs, facts);
  }
  const about = `asset ${id}`;
  const how = otherKey(kid, ring, facts);
  if (key?.d === undefined) {
    const lacking = key === undefined ? "no key" : "no private half";
    const told = `Its keyPairId is "${kid}", and the ring has ${lacking} for it: the asset cannot be played.`;
    const whole = key === undefined ? "" : ` Or import the private half: \`${importPair(kid, facts)}\`.`;
    return [fault("asset_key_missing", about, told, how + whole)];
  }
  const state = keyStateOf(key, ring.keys, facts.now);
  const told = `Its keyPairId is "${key.kid}", which is ${state}`;
  if (state === "retired") return [fault("asset_key_retired", about, `${told}: the asset cannot be played.`, how)];
  return [
    ...(state === "active" ? [] : [warning("asset_key_retired", about, `${told}, and should not sign.`, how)]),
    ...endsSoon(key, [], facts),
  ];
}

/** Which key an asset can have in the place of the one that it names. */
function otherKey(kid: string, ring: KeyRing, { now }: Facts): string {
  const active = inUse(keysFor(ring, "cloudfront"), "cloudfront", now);
  return active?.d === undefined || active.kid === kid
    ? "Set cloudfront.keyPairId to a key with a private half in the ring."
    : `Remove cloudfront.keyPairId, so that the active key "${active.kid}" signs, or name another key of the ring.`;
}

/** CloudFront keys that are to sign for whatever names none, and cannot, whether or not an asset is there yet. */
function publicHalves(ring: KeyRing, facts: Facts): Finding[] {
  const pairs = keysFor(ring, "cloudfront");
  const active = inUse(pairs, "cloudfront", facts.now);
  const assets = soundCatalog(facts)?.assets();
  const needed = assets?.some(
    ({ cdn, cloudfront }) => cdn === "cloudfront-signed" && cloudfront?.keyPairId === undefined,
  );
  const next = pairs.filter((key) => key.state === "next" && keyStateOf(key, ring.keys, facts.now) === "next");
  return [...(active === undefined ? [] : [active]), ...next].flatMap((key) => {
    if (key.d !== undefined) return [];
    const signs = key === active;
    return [
      (signs && needed !== false ? fault : warning)(
        "signer_missing",
        `key ${key.kid}`,
        signs
          ? "It is CloudFront's active key, and the ring has no private half of it: CloudFront assets without a keyPairId cannot be played."
          : "It is CloudFront's next key, and the ring has no private half of it: nothing can be signed once it is active.",
        `Import the private half: \`${importPair(key.kid, facts)}\`.`,
      ),
    ];
  });
}

function importPair(kid: string, facts: Facts): string {
  return `npx stagedoor keys import --purpose cloudfront --kid ${kid} --in <private-key.pem>${inRing(facts)}`;
}

/** The option that names the ring, where it is not development's own. */
function inRing({ ring }: Facts): string {
  return ringArgument(ring?.file ?? devRingFile);
}
