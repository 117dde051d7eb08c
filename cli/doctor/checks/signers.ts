import { rfc3339, unixSeconds } from "../../../src/base/seconds.ts";
import type { Asset } from "../../../src/catalog/asset.ts";
import { cloudFrontKeyFor } from "../../../src/keys/cloudfront.ts";
import type { RingKey } from "../../../src/keys/key.ts";
import { keyStateOf } from "../../../src/keys/life.ts";
import { type KeyRing, keysFor, signingKey } from "../../../src/keys/ring.ts";
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
    ...noOperator(ring),
  ];
}

function noSigner(purpose: "session" | "cloudfront", ring: KeyRing, { now }: Facts): Finding {
  const waiting = keysFor(ring, purpose).find((key) => keyStateOf(key, ring.keys, now) === "next");
  return fault(
    "signer_missing",
    `purpose ${purpose}`,
    purpose === "session"
      ? "No key signs now, so no stream can be started or played."
      : "No key is active, or several could be meant, so no asset can be played that names no keyPairId.",
    waiting === undefined
      ? `Make one with \`npx stagedoor keys new --purpose ${purpose}\`, or name one as keyPairId where that is what signs.`
      : `Let "${waiting.kid}" follow with \`npx stagedoor keys rotate --purpose ${purpose}\`.`,
  );
}

function noOperator(ring: KeyRing): Finding[] {
  if (keysFor(ring, "operator").length > 0) return [];
  return [
    warning(
      "operator_key_missing",
      "purpose operator",
      "No key signs operators' credentials: nobody can revoke a session or look at the console.",
      "Make one with `npx stagedoor operator new --name <who>`.",
    ),
  ];
}

const day = 86_400;

/** `others` are the keys that may sign in its place. */
function endsSoon(signing: RingKey, others: readonly RingKey[], { now }: Facts): Finding[] {
  const { exp, purpose, kid } = signing;
  if (exp === undefined || exp - now > 14 * day) return [];
  if (others.some((key) => key !== signing && canFollow(key, exp))) return [];
  return [
    (exp - now < 2 * day ? fault : warning)(
      "successor_missing",
      `key ${kid}`,
      `It is the last that signs, and ends at ${rfc3339(unixSeconds(exp))}: from then on every stream that needs it is refused.`,
      `Bring in the next one now: \`npx stagedoor keys rotate --purpose ${purpose}\`; an asset that names this one needs its name.`,
    ),
  ];
}

/** Whether a key can sign when another has ended. */
function canFollow({ exp, state, nbf }: RingKey, end: number): boolean {
  return (exp === undefined || exp > end) && state !== "retiring" && state !== "retired" && (nbf ?? 0) <= end;
}

function assetFindings({ id, cdn, cloudfront }: Asset, ring: KeyRing, facts: Facts): Finding[] {
  if (cdn !== "cloudfront") return [];
  const kid = cloudfront?.keyPairId;
  const pairs = keysFor(ring, "cloudfront");
  const found = cloudFrontKeyFor(ring, kid, facts.now);
  const key = found.ok ? found.value : pairs.find((pair) => pair.kid === kid);
  if (key === undefined && kid === undefined) return [noSigner("cloudfront", ring, facts)];
  const about = `asset ${id}`;
  const how = "Name one of the ring's under cloudfront.keyPairId, or leave it out: then the active one signs.";
  if (key?.d === undefined) {
    const lacking = key === undefined ? "no key" : "no private half";
    const told = `Its keyPairId is "${kid ?? key?.kid}", of which the ring has ${lacking}: the asset cannot be played.`;
    return [fault("asset_key_missing", about, told, how)];
  }
  const state = keyStateOf(key, ring.keys, facts.now);
  const told = `Its keyPairId is "${key.kid}", which is ${state}`;
  if (state === "retired") return [fault("asset_key_retired", about, `${told}: the asset cannot be played.`, how)];
  return [
    ...(state === "active" ? [] : [warning("asset_key_retired", about, `${told}, and not meant to sign.`, how)]),
    ...endsSoon(key, kid === undefined ? pairs : [], facts),
  ];
}
