import type { RotatedPurpose } from "../../src/keys/rotation.ts";
import { giveKeys, ringWords } from "./give-keys.ts";
import type { Rotation, Taken } from "./rotate-ring.ts";
import { lengthOf } from "./rotation-words.ts";

/** What a step did, and what to do now. */
export function stepDone({ step, kid, before, stranded }: Taken, { purpose, file, times }: Rotation): string {
  const give = giveKeys(file);
  switch (step) {
    case "introduce":
      if (before === undefined) return `${kid} is in the ring.\n\n${known(purpose, kid, file, give)}`;
      return `${kid} is next: whoever verifies is to know it, and ${before} goes on signing.\n\n${known(purpose, kid, file, give)}`;
    case "activate":
      return `${kid} is active${before === undefined ? "" : `, and ${before} is retiring: it verifies, and does not sign`}.

Now: ${signs[purpose]}, within ${lengthOf(times.headStart)}:
${give}`;
    case "retire":
      return `${kid} is retired: nobody takes it any more.

Now: take it from the workers:
${give}${purpose === "cloudfront" ? `\nand from CloudFront's key group: apply what \`npx stagedoor keys export --purpose cloudfront --format …${ringWords(file)}\` prints, which leaves it out.` : ""}
Then take it out of the file: npx stagedoor keys remove --kid ${kid}${ringWords(file)}`;
    case "at once":
      return `${kid} signs now, and ${before ?? "no key before it"} is retired.
${refuses[purpose]}${stranded.length === 0 ? "" : `\n${stranded.join(", ")} cannot be played: the catalog names ${before} there. Take keyPairId out (npx stagedoor assets add --replace); then ${kid} signs.`}

Now, without delay:
${give}${before === undefined ? "" : `\n${alsoNow(purpose, before)}`}`;
  }
}

function known(purpose: RotatedPurpose, kid: string, file: string, give: string): string {
  if (purpose !== "cloudfront")
    return `Now: give it to the workers, which get it in the order that refuses nobody:\n${give}`;
  return `Now: give CloudFront its public half, in a key group with the others (cloudformation, terraform or aws-cli):
  npx stagedoor keys export --purpose cloudfront --format cloudformation${ringWords(file)}
record the id that CloudFront gave it, from when on its time counts:
  npx stagedoor keys bind --kid ${kid} --id <id>${ringWords(file)}
and give it to the workers:
${give}`;
}

const signs: Readonly<Record<RotatedPurpose, string>> = {
  session: "let the API sign with it",
  cloudfront: "let the manifest worker sign with it, and the API know",
  operator: "`npx stagedoor operator new` signs with it; let the API know",
};

const refuses: Readonly<Record<RotatedPurpose, string>> = {
  session:
    "Every session that it opened is refused from then on that the workers have the new ring: viewers have to start again.",
  cloudfront:
    "Every segment URL that it signed is refused once CloudFront's key group does without it: players stop until they load their playlist again.",
  operator: "Every operator's credential that it signed is refused: make new ones with npx stagedoor operator new.",
};

function alsoNow(purpose: RotatedPurpose, before: string): string {
  return purpose === "cloudfront"
    ? `and take ${before} out of CloudFront's key group first of all: it is CloudFront that refuses.`
    : `Isolates may go on with the old ring for a while; this ends the key in all of them within seconds:
  npx stagedoor revoke --key ${before}`;
}
