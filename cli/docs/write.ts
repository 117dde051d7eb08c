import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../lib/project.ts";
import { configSchemaFile } from "./config-schema-file.ts";
import { configurationReference, troubleshootingModule } from "./references.ts";

/** `npm run docs`: writes the generated files. */
writeFileSync(join(projectRoot, "docs/reference/configuration.md"), configurationReference());
writeFileSync(join(projectRoot, "src/console/troubleshooting.ts"), troubleshootingModule());
writeFileSync(join(projectRoot, "stagedoor.config.schema.json"), configSchemaFile());
