import { systemClock } from "../../src/base/seconds.ts";
import type { CloudFrontKey, RingKey } from "../../src/keys/key.ts";
import { stillTaken } from "../../src/keys/ring.ts";
import { type CloudFrontUpload, cloudFrontUpload } from "./cloudfront-upload.ts";
import { awsCliScript } from "./export-aws-cli.ts";
import { cloudFormationTemplate } from "./export-cloudformation.ts";
import { terraformConfiguration } from "./export-terraform.ts";
import { endFailed, good, type Outcome } from "./outcome.ts";

/** Writes what CloudFront is given of keys, in a key group of that name. */
type Write = (uploads: readonly CloudFrontUpload[], group: string) => string;

/** How the keys can be written for CloudFront, by the name that `--format` takes. */
export const cloudFrontFormats: ReadonlyMap<string, Write> = new Map([
  ["cloudformation", cloudFormationTemplate],
  ["terraform", terraformConfiguration],
  ["aws-cli", awsCliScript],
]);

/**
 * What CloudFront is to be given of the chosen keys: the cloudfront keys that have not ended. One that signs no more but
 * is taken still is among them, since a key group without it would refuse the URLs that are out there.
 *
 * `named` says that each key was asked for by its kid; then one that does not belong here ends the command.
 */
export async function exportForCloudFront(
  keys: readonly RingKey[],
  named: boolean,
  write: Write,
  group: string,
): Promise<Outcome> {
  const now = systemClock();
  const taken = keys.filter((key): key is CloudFrontKey => key.purpose === "cloudfront" && stillTaken(key, now));
  const astray = keys.find((key) => !taken.some(({ kid }) => kid === key.kid));
  if (named && astray !== undefined)
    endFailed(`The key "${astray.kid}" ${astray.purpose === "cloudfront" ? "has ended" : "is no cloudfront key"}.`);
  if (taken.length === 0)
    endFailed("No cloudfront key is in use. `npx stagedoor keys new --purpose cloudfront --type ec` makes one.");
  const uploads = await Promise.all(taken.map(cloudFrontUpload));
  const twice = uploads.find(({ name }, i) => uploads.findIndex((other) => other.name === name) < i);
  if (twice !== undefined)
    endFailed(
      `The key "${twice.kid}" stands in the ring under another kid too, and CloudFront takes a key once: take one of them out of the file.`,
    );
  const text = write(uploads, group);
  return good(text, { keys: uploads, group, text }, note(named));
}

function note(named: boolean): string {
  const part =
    "The key group holds the keys named here alone: in place of a group of more, it refuses what those signed.";
  return [
    ...(named ? [part] : []),
    "Next: apply it, then record the id that CloudFront gave each key with `npx stagedoor keys bind`.",
    "A bucket behind CloudFront must be private, and let that distribution alone read it.",
  ].join("\n");
}
