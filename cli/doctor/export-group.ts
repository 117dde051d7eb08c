import { devRingFile } from "../commands/files.ts";
import { ringWords } from "../commands/give-keys.ts";

/**
 * The command that writes the key group with every key of the ring that is taken still. A script of one key alone would put
 * that in the place of the whole group, and what the others signed would be refused.
 */
export function exportGroup(ringFile: string | undefined, format: "aws-cli" | "cloudformation" = "aws-cli"): string {
  return `npx stagedoor keys export --purpose cloudfront --format ${format}${ringWords(ringFile ?? devRingFile)}`;
}
