import { systemClock } from "../../src/base/time.ts";
import type { CloudFrontKey, RingKey } from "../../src/keys/key.ts";
import { publicJwk, publicPem } from "../../src/keys/key-material.ts";
import { isAccepted, type KeyRing } from "../../src/keys/ring.ts";
import { type Command, endFailed, endMisused, failed, type Given, good, type Outcome } from "../lib/command.ts";
import { readRing, ringOption } from "../lib/files.ts";
import {
  awsCliScript,
  type CloudFrontUpload,
  cloudFormationTemplate,
  cloudFrontUpload,
  keyGroupName,
  terraformConfiguration,
  usualKeyGroup,
} from "./export-templates.ts";

export const keysExportCommand: Command = {
  name: "keys export",
  summary: "print the public halves of key pairs",
  operands: [],
  options: {
    ...ringOption,
    kid: { type: "string", multiple: true },
    purpose: { type: "string" },
    format: { type: "string" },
    group: { type: "string" },
  },
  help: `Prints the public halves of key pairs. A symmetric key has none: where one is among the keys asked for, nothing
is printed.

  --kid <id>           the key to export; may be repeated (default: all keys of the ring)
  --purpose <purpose>  cloudfront, token or operator: only the keys of this purpose
  --format <format>    the output format (jwks):
      jwks             a JWK Set (RFC 7517)
      pem              PEM as CloudFront accepts it
      cloudformation, terraform, aws-cli
                       ready to apply: the cloudfront keys that are not retired, a key group with them, and a cache
                       behaviour that trusts the group
  --group <name>       the key group's name, if the account has several (stagedoor)
  --ring <file>        the key ring (.stagedoor/keys.json of the project)`,
  run: async (given) => {
    const format = given.one("format") ?? "jwks";
    const write = cloudFrontFormats.get(format);
    if (format !== "jwks" && format !== "pem" && write === undefined)
      endMisused("--format takes jwks, pem, cloudformation, terraform or aws-cli.");
    const keys = chosen(given, await readRing(given));
    const group = given.one("group") ?? usualKeyGroup;
    if (!keyGroupName.test(group)) endMisused("--group takes up to 32 of A-Z a-z 0-9 _ -, starting with a letter.");
    if (write !== undefined) return exportForCloudFront(keys, given.all("kid").length > 0, write, group);
    if (given.one("group") !== undefined) endMisused("--group is for cloudformation, terraform and aws-cli.");
    const publicKeys = keys.map(publicJwk);
    const refused = publicKeys.flatMap((result) => (result.ok ? [] : [result.refusal]));
    if (refused.length > 0)
      return failed(`${refused.join("; ")}. Nothing was exported: name key pairs with --kid or --purpose cloudfront.`);
    const jwks = { keys: publicKeys.flatMap((result) => (result.ok ? [result.value] : [])) };
    if (format === "jwks") return good(JSON.stringify(jwks, null, 2), jwks);
    const pems = await Promise.all(
      keys.flatMap((key) => (key.kty === "oct" ? [] : [publicPem(key).then((pem) => ({ kid: key.kid, pem }))])),
    );
    return good(pems.map(({ pem }) => pem.trimEnd()).join("\n"), { keys: pems });
  },
};

function chosen(given: Given, ring: KeyRing): readonly RingKey[] {
  const purpose = given.one("purpose");
  if (purpose !== undefined && !["cloudfront", "token", "operator", "session"].includes(purpose))
    endMisused("--purpose takes cloudfront, token or operator.");
  const kids = given.all("kid");
  const missing = kids.filter((kid) => !ring.keys.some((key) => key.kid === kid));
  if (missing.length > 0)
    endFailed(
      `The ring has no key ${missing.map((kid) => JSON.stringify(kid)).join(", ")}. \`npx stagedoor keys list\` names its keys.`,
    );
  const keys = ring.keys.filter(
    (key) => (kids.length === 0 || kids.includes(key.kid)) && (purpose === undefined || key.purpose === purpose),
  );
  return keys.length === 0 ? endFailed("The ring has no such key. `npx stagedoor keys list` names its keys.") : keys;
}

/** Renders public keys, and a key group of this name that contains them, in one output format. */
type Write = (uploads: readonly CloudFrontUpload[], group: string) => string;

/** The output formats for CloudFront, by the value of `--format`. */
const cloudFrontFormats: ReadonlyMap<string, Write> = new Map([
  ["cloudformation", cloudFormationTemplate],
  ["terraform", terraformConfiguration],
  ["aws-cli", awsCliScript],
]);

/**
 * Exports the chosen cloudfront keys that are still accepted. That includes retiring keys: a key group without them
 * would refuse URLs that they signed and that have not expired.
 *
 * `named`: the keys were chosen by their kids, so one that cannot be exported ends the command.
 */
async function exportForCloudFront(
  keys: readonly RingKey[],
  named: boolean,
  write: Write,
  group: string,
): Promise<Outcome> {
  const now = systemClock();
  const taken = keys.filter((key): key is CloudFrontKey => key.purpose === "cloudfront" && isAccepted(key, now));
  const astray = keys.find((key) => !taken.some(({ kid }) => kid === key.kid));
  if (named && astray !== undefined)
    endFailed(`The key "${astray.kid}" ${astray.purpose === "cloudfront" ? "has ended" : "is no cloudfront key"}.`);
  if (taken.length === 0)
    endFailed("No cloudfront key is in use. `npx stagedoor keys new --purpose cloudfront --type ec` makes one.");
  const uploads = await Promise.all(taken.map(cloudFrontUpload));
  const twice = uploads.find(({ name }, i) => uploads.findIndex((other) => other.name === name) < i);
  if (twice !== undefined)
    endFailed(
      `The key "${twice.kid}" is in the ring under another kid too, and CloudFront accepts a key only once: remove one of them from the file.`,
    );
  const text = write(uploads, group);
  return good(text, { keys: uploads, group, text }, note(named));
}

function note(named: boolean): string {
  const part =
    "The key group holds the keys named here alone. If it replaces a larger group, URLs signed by the other keys are refused.";
  return [
    ...(named ? [part] : []),
    "Next: apply it, then record the id that CloudFront gave each key with `npx stagedoor keys bind`.",
    "A bucket behind CloudFront must be private, and readable only by that distribution.",
  ].join("\n");
}
