import { shortName } from "../commands/files.ts";
import type { Facts } from "./facts.ts";

/**
 * How to hand workers a secret anew, as whole commands. Each names the worker's own file and its environment: wrangler takes
 * the edge worker's top level for what is left out.
 */
export function handOver(name: string, files: readonly string[], { development, environment, ring }: Facts): string {
  if (development) return "start `npm start` anew, which hands it over";
  const deploy = `npm run deploy -- --env ${environment}`;
  const ringFile = ring === undefined ? "<file>" : shortName(ring.file);
  if (name === "STAGEDOOR_KEYS") return `run \`${deploy} --ring ${ringFile} --secrets-only\``;
  if (name === "STAGEDOOR_ISSUERS") return `run \`${deploy} --issuers issuers.json --secrets-only\``;
  return `run ${files.map((file) => `\`npx wrangler secret put ${name} -c ${file} --env ${environment}\``).join(" and ")}`;
}
