import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The root folder of the project. */
export const projectRoot = fileURLToPath(new URL("../..", import.meta.url));

/** The catalog of the fixture streams. */
export const fixtureCatalog = join(projectRoot, "fixtures/catalog.json");
