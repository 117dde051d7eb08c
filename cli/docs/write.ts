import { globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../lib/project.ts";
import { apiReference } from "./api-reference.ts";
import { configSchemaFile } from "./config-schema-file.ts";
import { configurationReference, troubleshootingModule, withSources } from "./references.ts";

/** `npm run docs`: writes the generated files, and the sources that pages include. */
writeFileSync(join(projectRoot, "docs/reference/configuration.md"), configurationReference());
writeFileSync(join(projectRoot, "docs/reference/api.md"), apiReference());
writeFileSync(join(projectRoot, "src/console/troubleshooting.ts"), troubleshootingModule());
writeFileSync(join(projectRoot, "stagedoor.config.schema.json"), configSchemaFile());
for (const page of globSync("docs/**/*.md", { cwd: projectRoot })) {
  const text = readFileSync(join(projectRoot, page), "utf8");
  if (withSources(text) !== text) writeFileSync(join(projectRoot, page), withSources(text));
}
