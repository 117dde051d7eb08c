import type { UnixSeconds } from "../../../src/base/time.ts";
import { devKidPrefix } from "../../../src/config/configuration.ts";
import type { CloudFrontKey, RingKey } from "../../../src/keys/key.ts";
import { privateJwk, publicHalf } from "../../../src/keys/key-material.ts";
import { keyStateOf } from "../../../src/keys/life.ts";
import { type KeyRing, keysFor } from "../../../src/keys/ring.ts";
import { devRingFile, shortName } from "../../lib/files.ts";
import { hasCloudFrontId } from "../../lib/make-key.ts";
import { ringArgument } from "../../lib/ring-file.ts";
import { type Facts, soundCatalog, soundRing } from "../facts.ts";
import { type Check, type Finding, fault, notLookedAt, warning } from "../finding.ts";
import { signerFindings } from "./signers.ts";

/** The ring: each key by itself, among the others, and for the assets that name it. */
export const keysCheck: Check<Facts> = {
  name: "keys",
  held: "the ring's keys are valid, and each purpose has a signing key",
  run: async (facts) => {
    const { ring: file } = facts;
    if (file === undefined) return [notLookedAt("the key ring", "Give it with --ring keys.json.")];
    const ring = soundRing(facts);
    return [
      ...readableByOthers(file.file, file.mode),
      ...(file.parsed.ok ? [] : file.parsed.refusal).map((told) =>
        fault("ring_invalid", shortName(file.file), `${told}.`, "Fix it by hand, or restore the last valid copy."),
      ),
      ...(ring === undefined ? [] : await ringFindings(ring, facts)),
    ];
  },
};

async function ringFindings(ring: KeyRing, facts: Facts): Promise<Finding[]> {
  const checked = await Promise.all(ring.keys.map(async (key) => ({ key, isWhole: await halvesBelong(key) })));
  const sound = checked.filter(({ isWhole }) => isWhole).map(({ key }) => key);
  return [
    ...checked.filter(({ isWhole }) => !isWhole).map(({ key }) => apart(key)),
    ...(await awsFindings({ keys: sound }, facts.now)),
    ...twice(ring),
    ...(facts.development ? [] : devKeys(ring)),
    ...signerFindings(ring, facts),
    ...(facts.development ? [] : unbound(ring, facts)),
  ];
}

function readableByOthers(file: string, mode: number): Finding[] {
  if ((mode & 0o077) === 0) return [];
  return [
    fault(
      "ring_readable",
      shortName(file),
      `Other users of this machine can read it (mode ${(mode & 0o777).toString(8).padStart(4, "0")}) and sign anything with its keys.`,
      `Run \`chmod 600 ${shortName(file)}\`; if others had the chance to read it, rotate its keys.`,
    ),
  ];
}

function apart({ kid }: RingKey): Finding {
  return fault(
    "halves_apart",
    `key ${kid}`,
    "Its private and public halves do not match: every signature of it is invalid.",
    "Import the pair again with `npx stagedoor keys import`, or make a new key.",
  );
}

type Compare = (key: CloudFrontKey, now: UnixSeconds) => string | undefined;

/** Whether AWS's own code signs with each CloudFront key as ours does. */
export async function awsFindings(ring: KeyRing, now: UnixSeconds, compare?: Compare): Promise<Finding[]> {
  const pairs = keysFor(ring, "cloudfront").filter((key) => key.d !== undefined);
  if (pairs.length === 0) return [];
  const differenceFromAws = compare ?? (await import("../../lib/aws-signer.ts")).differenceFromAws;
  return pairs.flatMap((key) => {
    const difference = differenceFromAws(key, now);
    if (difference === undefined) return [];
    return [
      fault(
        "aws_signer_differs",
        `key ${key.kid}`,
        `AWS's own code and ours sign the same URL differently with it. ${difference}`,
        "Do not deploy this version: CloudFront would refuse its URLs. Please report the difference; it holds no secret.",
      ),
    ];
  });
}

/** One key under two names lives on when one of them is revoked or retired. */
function twice(ring: KeyRing): Finding[] {
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
            `It is the same key as ${first}: revoking or retiring one leaves the other in use.`,
            "Make a separate key for each kid, and remove this one.",
          ),
        ];
  });
}

function devKeys(ring: KeyRing): Finding[] {
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

/** CloudFront knows a key by the id that it gave to it, and by no other. */
function unbound(ring: KeyRing, facts: Facts): Finding[] {
  const file = facts.ring?.file ?? devRingFile;
  const named = new Set((soundCatalog(facts)?.assets() ?? []).map(({ cloudfront }) => cloudfront?.keyPairId));
  return keysFor(ring, "cloudfront")
    .filter((key) => !hasCloudFrontId(key))
    .map((key) => {
      const used = named.has(key.kid) || keyStateOf(key, ring.keys, facts.now) === "active";
      return (used ? fault : warning)(
        "cloudfront_unbound",
        `key ${key.kid}`,
        "Its kid is not a CloudFront key id, so CloudFront refuses every URL that it signs.",
        `Give CloudFront its public half: \`${exportGroup(file)}\` writes the script that brings the whole key group up to date. Then record the id that it prints: \`npx stagedoor keys bind --kid ${key.kid} --id <id>${ringArgument(file)}\`.`,
      );
    });
}

const message = new TextEncoder().encode("do these halves belong together?");

/**
 * Whether a key's two halves belong together: what the private one signs holds under the public one. True for a symmetric
 * key and for a public half alone; false for halves that cannot even be imported.
 */
async function halvesBelong(key: RingKey): Promise<boolean> {
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
 * The command that writes the key group with every key of the ring that is taken still. A script of one key alone would put
 * that in the place of the whole group, and what the others signed would be refused.
 */
export function exportGroup(ringFile: string | undefined, format: "aws-cli" | "cloudformation" = "aws-cli"): string {
  return `npx stagedoor keys export --purpose cloudfront --format ${format}${ringArgument(ringFile ?? devRingFile)}`;
}
