import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The project's root, wherever a command was started from. */
export const projectRoot = fileURLToPath(new URL("../..", import.meta.url));

/** The catalog of the fixture streams. */
export const fixtureCatalog = join(projectRoot, "fixtures/catalog.json");
