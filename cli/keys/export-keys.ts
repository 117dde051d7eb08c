import { systemClock } from "../../src/base/time.ts";
import type { CloudFrontKey, RingKey } from "../../src/keys/key.ts";
import { publicJwk, publicPem } from "../../src/keys/key-material.ts";
import { isAccepted, type KeyRing } from "../../src/keys/ring.ts";
import {
  type Args,
  type Command,
  endFailed,
  endInvalid,
  endMisused,
  failed,
  type Outcome,
  succeeded,
} from "../lib/command.ts";
import { readRing, ringFileOf, ringOption, shortName } from "../lib/files.ts";
import { noSuchKey } from "../lib/make-key.ts";
import { ringArgument } from "../lib/ring-file.ts";
import {
  awsCliScript,
  type CloudFrontUpload,
  cloudFormationTemplate,
  cloudFrontUpload,
  defaultKeyGroup,
  keyGroupName,
  terraformConfiguration,
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
  help: `Prints the public halves of key pairs. A symmetric key has none: if one is among the chosen keys, nothing is printed.

  --kid <id>           the key to export; may be repeated (default: all keys of the ring)
  --purpose <purpose>  cloudfront, token, operator or backend: only the keys of this purpose
  --format <format>    the output format (jwks):
      jwks             a JWK Set (RFC 7517)
      pem              PEM as CloudFront accepts it
      cloudformation, terraform, aws-cli
                       ready to apply: the cloudfront keys that are not retired, a key group with them, and a cache
                       behaviour that trusts the group
  --group <name>       the key group's name, if the account has several (stagedoor)
  --ring <file>        the key ring (.stagedoor/keys.json of the project)`,
  run: async (args) => {
    const format = args.value("format") ?? "jwks";
    const render = cloudFrontFormats.get(format);
    if (format !== "jwks" && format !== "pem" && render === undefined)
      endInvalid("format", format, "jwks, pem, cloudformation, terraform or aws-cli");
    const keys = chosenKeys(args, await readRing(args), ringFileOf(args));
    const group = args.value("group") ?? defaultKeyGroup;
    if (!keyGroupName.test(group))
      endInvalid("group", group, "1 to 32 characters of A-Z a-z 0-9 _ -, starting with a letter");
    if (render !== undefined) return exportForCloudFront(keys, args.values("kid").length > 0, render, group);
    if (args.value("group") !== undefined)
      endMisused(
        `--group is for --format cloudformation, terraform or aws-cli, not ${format}: omit --group, or choose one of these formats.`,
      );
    const publicKeys = keys.map(publicJwk);
    const errors = publicKeys.flatMap((result) => (result.ok ? [] : [result.refusal]));
    if (errors.length > 0)
      return failed(`${errors.join("; ")}. Nothing was exported: name key pairs with --kid or --purpose cloudfront.`);
    const jwks = { keys: publicKeys.flatMap((result) => (result.ok ? [result.value] : [])) };
    if (format === "jwks") return succeeded(JSON.stringify(jwks, null, 2), jwks);
    const pems = await Promise.all(
      keys.flatMap((key) => (key.kty === "oct" ? [] : [publicPem(key).then((pem) => ({ kid: key.kid, pem }))])),
    );
    return succeeded(pems.map(({ pem }) => pem.trimEnd()).join("\n"), { keys: pems });
  },
};

function chosenKeys(args: Args, ring: KeyRing, file: string): readonly RingKey[] {
  const purpose = args.value("purpose");
  if (purpose !== undefined && !["cloudfront", "token", "operator", "backend", "session"].includes(purpose))
    endInvalid("purpose", purpose, "cloudfront, token, operator or backend");
  const kids = args.values("kid");
  const missing = kids.find((kid) => !ring.keys.some((key) => key.kid === kid));
  if (missing !== undefined) endFailed(noSuchKey(missing, file));
  const keys = ring.keys.filter(
    (key) => (kids.length === 0 || kids.includes(key.kid)) && (purpose === undefined || key.purpose === purpose),
  );
  if (keys.length > 0) return keys;
  const which =
    purpose === undefined ? "key" : `key with the purpose ${purpose}${kids.length > 0 ? " among those of --kid" : ""}`;
  return endFailed(
    `${shortName(file)} has no ${which}. \`npx stagedoor keys list${ringArgument(file)}\` lists its keys.`,
  );
}

/** Renders public keys, and a key group with them, in one output format. */
type Render = (uploads: readonly CloudFrontUpload[], group: string) => string;

/** The output formats for CloudFront, by the value of `--format`. */
const cloudFrontFormats: ReadonlyMap<string, Render> = new Map([
  ["cloudformation", cloudFormationTemplate],
  ["terraform", terraformConfiguration],
  ["aws-cli", awsCliScript],
]);

/**
 * Exports the chosen cloudfront keys that are accepted. That includes retiring keys: without them in the key group, CloudFront
 * would refuse URLs that have not expired.
 *
 * `named`: the keys were chosen with --kid, so a key that cannot be exported ends the command.
 */
async function exportForCloudFront(
  keys: readonly RingKey[],
  named: boolean,
  render: Render,
  group: string,
): Promise<Outcome> {
  const now = systemClock();
  const accepted = keys.filter((key): key is CloudFrontKey => key.purpose === "cloudfront" && isAccepted(key, now));
  const excluded = keys.find((key) => !accepted.some(({ kid }) => kid === key.kid));
  if (named && excluded !== undefined)
    endFailed(
      excluded.purpose === "cloudfront"
        ? `The key "${excluded.kid}" is retired or has expired: CloudFront does not need it.`
        : `The key "${excluded.kid}" is for ${excluded.purpose}: name cloudfront keys.`,
    );
  if (accepted.length === 0)
    endFailed(
      "The ring has no accepted cloudfront key. `npx stagedoor keys new --purpose cloudfront --type ec` makes one.",
    );
  const uploads = await Promise.all(accepted.map(cloudFrontUpload));
  const duplicate = uploads.find(({ name }, index) => uploads.findIndex((other) => other.name === name) < index);
  if (duplicate !== undefined)
    endFailed(
      `The key "${duplicate.kid}" is in the ring under another kid too, and CloudFront accepts a key only once: remove one of them from the file.`,
    );
  const text = render(uploads, group);
  return succeeded(text, { keys: uploads, group, text }, note(named));
}

function note(named: boolean): string {
  const warning =
    "The key group contains only the keys named here. If it replaces a larger group, URLs signed by other keys are refused.";
  return [
    ...(named ? [warning] : []),
    "Next: apply it, then record the id that CloudFront assigned to each key with `npx stagedoor keys bind`.",
    "A bucket behind CloudFront must be private, and readable only by that distribution.",
  ].join("\n");
}
