import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import type { Miniflare } from "miniflare";
import { contentTypeOf } from "../../src/catalog/content-type.ts";
import { fixtureCatalog, projectRoot } from "../project.ts";
import { catalogLiveUrl } from "./live-origin.ts";

const mediaFolder = join(projectRoot, "fixtures/media");

/**
 * Loads the fixture streams into the simulated R2 and the catalog into the simulated KV, as a deployment would hold them;
 * the live streams' origin is put at `liveUrl`, where it listens. Files that lie there already with the same content are
 * left. Gives back how many were written.
 */
export async function seed(miniflare: Miniflare, liveUrl: string): Promise<number> {
  const catalog = await miniflare.getKVNamespace("CATALOG", "stagedoor-api");
  await catalog.put("catalog", readFileSync(fixtureCatalog, "utf8").replaceAll(`${catalogLiveUrl}/`, `${liveUrl}/`));
  const bucket = await miniflare.getR2Bucket("MEDIA", "stagedoor-edge");
  const held = new Map<string, string>();
  for (let cursor: string | undefined, more = true; more; ) {
    const page = await bucket.list(cursor === undefined ? {} : { cursor });
    for (const object of page.objects) held.set(object.key, object.etag);
    more = page.truncated;
    cursor = page.truncated ? page.cursor : undefined;
  }
  const files = readdirSync(mediaFolder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  let written = 0;
  for (const file of files) {
    const path = join(file.parentPath, file.name);
    const key = relative(mediaFolder, path);
    const bytes = readFileSync(path);
    if (held.get(key) === createHash("md5").update(bytes).digest("hex")) continue;
    await bucket.put(key, bytes, { httpMetadata: { contentType: contentTypeOf(key, undefined) } });
    written++;
  }
  return written;
}
