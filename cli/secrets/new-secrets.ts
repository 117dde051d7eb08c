import { existsSync } from "node:fs";
import { join } from "node:path";
import { environmentNames } from "../../src/deployment/config-schema.ts";
import { uploadableSecrets } from "../../src/deployment/wrangler-config.ts";
import { type Command, endFailed, endInvalid, endMisused, succeeded } from "../lib/command.ts";
import { readDeployment } from "../lib/deployment-folder.ts";
import { rewriteFile, shortName } from "../lib/files.ts";
import { withGitWarning } from "../lib/git-ignored.ts";
import { inDeployment, projectRoot } from "../lib/project.ts";
import { withMissingSecrets } from "../lib/secrets-file.ts";

export const secretsNewCommand: Command = {
  name: "secrets new",
  summary: "make a file with a deployment's secrets",
  operands: [],
  options: { env: { type: "string" }, out: { type: "string" } },
  help: `Writes a file with a line NAME=value for each secret that stagedoor.config.json names, readable only by you. Generates the secrets of
this service; those of your origins and issuers are to be filled in. Lines that are in the file already stay. Prints no secret.

  --env <environment>  development, staging or production
  --out <file>         the file (secrets-<environment>.env)`,
  run: async (args) => {
    if (!inDeployment)
      endMisused(
        "There is no stagedoor.config.json here or above: make a deployment's folder with `npx stagedoor init <folder>`.",
      );
    const choices = ["development", ...environmentNames];
    const given = args.value("env") ?? endMisused(`--env is missing: give ${choices.join(", ")}.`);
    const environment = choices.find((name) => name === given) ?? endInvalid("env", given, choices.join(", "));
    const read = readDeployment(projectRoot);
    if (!read.ok) return endFailed(read.refusal);
    const file = args.value("out") ?? join(projectRoot, `secrets-${environment}.env`);
    // On this machine the identity worker's secret is made with the development keys.
    const names = uploadableSecrets(read.value.config).filter(
      (name) => environment !== "development" || name !== "STAGEDOOR_IDENTITY_SECRET",
    );
    if (names.length === 0)
      return succeeded(`This deployment has no secrets for ${environment}.`, { file: null, added: [] });
    const existed = existsSync(file);
    const { added, open } = await rewriteFile(file, "secret", async (text = "") => {
      const { text: changed, ...result } = withMissingSecrets(text, names);
      return { text: changed, result };
    });
    const next =
      read.value.config.host.type === "node"
        ? `  npx stagedoor serve${environment === "development" ? "" : ` --env ${environment}`}`
        : environment === "development"
          ? "  npx stagedoor dev"
          : `  npx stagedoor deploy --env ${environment} --create --ring keys-${environment}.json --secrets ${shortName(file)}`;
    const fill = open.length === 0 ? "" : `Fill in ${open.join(", ")} in that file. `;
    const outcome = succeeded(
      `${existed ? "Added to" : "Wrote"} ${shortName(file)}: ${added.join(", ") || "nothing, every secret is there"}.\n\n${fill}Next:\n${next}`,
      { file, added, open },
    );
    return withGitWarning(outcome, [file]);
  },
};
