import { randomBytes } from "node:crypto";
import { parseEnv } from "node:util";
import type { DeploymentConfig } from "../../src/deployment/config-schema.ts";
import { placeholderStart } from "../../src/deployment/placeholders.ts";
import { uploadableSecrets } from "../../src/deployment/wrangler-config.ts";
import { endFailed } from "./command.ts";
import { checkPrivate, readText, shortName } from "./files.ts";

/** The file in a deployment's folder with the values of its secrets on this machine. */
export const developmentSecrets = "secrets-development.env";

/**
 * The values in a file with a line `NAME=value` for each secret of a deployment. A name that the deployment does not use, an
 * unfilled value or a file that other users can read ends the command; no message quotes a value.
 */
export function readSecretsFile(file: string, config: DeploymentConfig): Readonly<Record<string, string>> {
  const values = parseEnv(readText(file, "the secrets"));
  const known = uploadableSecrets(config);
  checkPrivate(file, "the secrets");
  const secrets = Object.entries(values).map(([name, value = ""]) => {
    if (!known.includes(name))
      return endFailed(
        `${shortName(file)} has ${shownName(name, value)}, which this deployment does not use. Its secrets are: ${known.join(", ")}. Name others under \`secrets\` in stagedoor.config.json.`,
      );
    if (value === "" || value.startsWith(placeholderStart))
      return endFailed(`${shortName(file)}: ${name} is not filled in. Write its value after the equals sign.`);
    return [name, value] as const;
  });
  return Object.fromEntries(secrets);
}

/** The name in a line of a secrets file, to quote. A line without one may be a secret in base64 or base32: `JBSWY3DP==`. */
export function shownName(name: string, value: string | undefined): string {
  return /^[A-Z][A-Z0-9_]{0,63}$/.test(name) && !/^=*$/.test(value ?? "") ? name : "a line without a name";
}

/** The secrets that this service generates: 32 random bytes in base64url. All others belong to someone else. */
const generated = new Set(["STAGEDOOR_IDENTITY_SECRET", "STAGEDOOR_ENTITLEMENT_SECRET", "STAGEDOOR_EDGE_SECRETS"]);

/** The text of a file of secrets with a line for each of these names. Lines that are there already stay. */
export function withMissingSecrets(text: string, names: readonly string[]) {
  const before = text.split("\n").filter((line) => line !== "");
  const added = names.filter((name) => !before.some((line) => line.startsWith(`${name}=`)));
  const lines = [...before, ...added.map((name) => `${name}=${newValue(name)}`)];
  const open = lines.filter((line) => line.includes(`=${placeholderStart}`)).map((line) => line.split("=")[0] ?? "");
  return { text: `${lines.join("\n")}\n`, added, open };
}

function newValue(name: string): string {
  // The form of the Standard Webhooks specification.
  if (name === "STAGEDOOR_WEBHOOK_SECRET") return `whsec_${randomBytes(32).toString("base64")}`;
  return generated.has(name)
    ? randomBytes(32).toString("base64url")
    : `${placeholderStart}${name.toLowerCase().replaceAll("_", "-")}`;
}
