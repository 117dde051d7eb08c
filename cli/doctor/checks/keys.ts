import type { UnixSeconds } from "../../../src/base/time.ts";
import { devKidPrefix } from "../../../src/config/configuration.ts";
import type { CloudFrontKey, RingKey } from "../../../src/keys/key.ts";
import { privateJwk, publicHalf } from "../../../src/keys/key-material.ts";
import { keyStateOf } from "../../../src/keys/life.ts";
import { type KeyRing, keysFor } from "../../../src/keys/ring.ts";
import { devRingFile, shortName } from "../../lib/files.ts";
import { hasCloudFrontId } from "../../lib/make-key.ts";
import { awsSigner, installs, loadedPeer } from "../../lib/peers.ts";
import { ringArgument } from "../../lib/ring-file.ts";
import { type Facts, validCatalog, validRing } from "../facts.ts";
import { type Check, type Finding, fault, notChecked, warning } from "../finding.ts";
import { signerFindings } from "./signers.ts";

/** Whether the ring is valid and private, and whether each of its keys can be used. */
export const keysCheck: Check<Facts> = {
  name: "keys",
  passed: "the ring's keys are valid, and each purpose has a signing key",
  run: async (facts) => {
    if (facts.ring === undefined) return [notChecked("the key ring", "Give it with --ring keys.json.")];
    const { file, mode, parsed } = facts.ring;
    const ring = validRing(facts);
    return [
      ...modeFindings(file, mode),
      ...(parsed.ok ? [] : parsed.refusal).map((error) =>
        fault("ring_invalid", shortName(file), `${error}.`, "Fix it by hand, or restore the last valid copy."),
      ),
      ...(ring === undefined ? [] : await ringFindings(ring, facts)),
    ];
  },
};

async function ringFindings(ring: KeyRing, facts: Facts): Promise<Finding[]> {
  const checked = await Promise.all(ring.keys.map(async (key) => ({ key, matches: await halvesMatch(key) })));
  const matching = checked.filter(({ matches }) => matches).map(({ key }) => key);
  return [
    ...checked.filter(({ matches }) => !matches).map(({ key }) => halvesFinding(key)),
    ...(await awsFindings({ keys: matching }, facts.now)),
    ...duplicateFindings(ring),
    ...(facts.development ? [] : devKeyFindings(ring)),
    ...signerFindings(ring, facts),
    ...(facts.development ? [] : unboundFindings(ring, facts)),
  ];
}

function modeFindings(file: string, mode: number): Finding[] {
  if ((mode & 0o077) === 0) return [];
  return [
    fault(
      "ring_readable",
      shortName(file),
      `Other users of this machine can read it (mode ${(mode & 0o777).toString(8).padStart(4, "0")}) and sign anything with its keys.`,
      `Run \`chmod 600 ${shortName(file)}\`. If other users may have read it, rotate its keys.`,
    ),
  ];
}

function halvesFinding({ kid }: RingKey): Finding {
  return fault(
    "halves_apart",
    `key ${kid}`,
    "Its private and public halves do not match: all its signatures are invalid.",
    "Import the pair again with `npx stagedoor keys import`, or make a new key.",
  );
}

type Compare = (key: CloudFrontKey, now: UnixSeconds) => string | undefined;

/** Whether AWS's own code and ours sign alike with each CloudFront key. */
export async function awsFindings(ring: KeyRing, now: UnixSeconds, compare?: Compare): Promise<Finding[]> {
  const pairs = keysFor(ring, "cloudfront").filter((key) => key.d !== undefined);
  if (pairs.length === 0) return [];
  const differenceFromAws =
    compare ?? (await loadedPeer(awsSigner, () => import("../../lib/aws-signer.ts")))?.differenceFromAws;
  if (differenceFromAws === undefined)
    return [notChecked("whether AWS's own code signs like this version", `Install it: ${installs(awsSigner)}`)];
  return pairs.flatMap((key) => {
    const difference = differenceFromAws(key, now);
    if (difference === undefined) return [];
    return [
      fault(
        "aws_signer_differs",
        `key ${key.kid}`,
        `AWS's own code and ours sign the same URL differently with it. ${difference}`,
        "Do not deploy this version: CloudFront would refuse its URLs. Please report the difference; it contains no secret.",
      ),
    ];
  });
}

/** One key with two kids: if one is revoked or retired, the key stays in use as the other. */
function duplicateFindings(ring: KeyRing): Finding[] {
  const seen = new Map<string, string>();
  return ring.keys.flatMap((key) => {
    const bytes = key.kty === "oct" ? key.k : key.kty === "RSA" ? key.n : `${key.x} ${key.y}`;
    const first = seen.get(bytes);
    if (first === undefined) seen.set(bytes, key.kid);
    return first === undefined
      ? []
      : [
          fault(
            "key_twice",
            `key ${key.kid}`,
            `It is the same key as ${first}: if you revoke or retire one, the other stays in use.`,
            "Make a separate key for each kid, and remove this one.",
          ),
        ];
  });
}

function devKeyFindings(ring: KeyRing): Finding[] {
  return ring.keys
    .filter(({ kid }) => kid.startsWith(devKidPrefix))
    .map(({ kid }) =>
      fault(
        "dev_key",
        `key ${kid}`,
        "It is a development key, which deployed workers refuse (500 configuration_invalid).",
        "Make a ring for this environment with `npx stagedoor keys new`.",
      ),
    );
}

/** CloudFront knows a key only by the id that CloudFront assigned. */
function unboundFindings(ring: KeyRing, facts: Facts): Finding[] {
  const file = facts.ring?.file ?? devRingFile;
  const named = new Set((validCatalog(facts)?.assets() ?? []).map(({ cloudfront }) => cloudfront?.keyPairId));
  return keysFor(ring, "cloudfront")
    .filter((key) => !hasCloudFrontId(key))
    .map((key) => {
      const used = named.has(key.kid) || keyStateOf(key, ring.keys, facts.now) === "active";
      return (used ? fault : warning)(
        "cloudfront_unbound",
        `key ${key.kid}`,
        "Its kid is not a CloudFront key id, so CloudFront refuses every URL that it signs.",
        `Give CloudFront its public half: \`${exportGroup(file)}\` prints a script that updates the whole key group. Then record the id that the script prints: \`npx stagedoor keys bind --kid ${key.kid} --id <id>${ringArgument(file)}\`.`,
      );
    });
}

const message = new TextEncoder().encode("do these halves match?");

/**
 * Whether a signature by a key's private half is valid under its public half. True for a symmetric key and for a public half
 * alone; false for halves that cannot be imported.
 */
async function halvesMatch(key: RingKey): Promise<boolean> {
  if (key.kty === "oct" || key.d === undefined) return true;
  const whole = key.kty === "RSA" ? privateJwk(key) : { kty: key.kty, crv: key.crv, x: key.x, y: key.y, d: key.d };
  const { kid: _, ...half } = publicHalf(key);
  if (whole === undefined) return false;
  const algorithm =
    key.kty === "RSA"
      ? { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }
      : { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  try {
    const [signer, verifier] = await Promise.all([
      crypto.subtle.importKey("jwk", whole, algorithm, false, ["sign"]),
      crypto.subtle.importKey("jwk", half, algorithm, false, ["verify"]),
    ]);
    return await crypto.subtle.verify(
      algorithm,
      verifier,
      await crypto.subtle.sign(algorithm, signer, message),
      message,
    );
  } catch {
    return false;
  }
}

/**
 * The command that exports the key group with all accepted keys of the ring. A script for one key would replace the whole
 * group, and CloudFront would refuse URLs signed with the other keys.
 */
export function exportGroup(ringFile: string | undefined, format: "aws-cli" | "cloudformation" = "aws-cli"): string {
  return `npx stagedoor keys export --purpose cloudfront --format ${format}${ringArgument(ringFile ?? devRingFile)}`;
}
