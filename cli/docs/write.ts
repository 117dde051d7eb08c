import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../project.ts";
import { configurationReference } from "./configuration.ts";

/** `npm run docs`: writes what is made of the code. */
writeFileSync(join(projectRoot, "docs/configuration.md"), configurationReference());
