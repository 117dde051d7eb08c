import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { packageRoot } from "../../../cli/lib/project.ts";
import { sourceOf } from "./package-files.ts";

/** The packages in a bundle of an export, and its size as a server would send it, in bytes. */
async function bundled(specifier: string) {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(packageRoot, sourceOf(specifier))],
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "neutral",
    mainFields: ["module", "main"],
    external: ["node:*"],
    absWorkingDir: packageRoot,
  });
  const packages = Object.keys(metafile.inputs).flatMap(
    (file) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [],
  );
  return { packages: new Set(packages), size: gzipSync(outputFiles[0]?.contents ?? "").length };
}

describe("the bundle of", () => {
  it.each([
    ["stagedoor/playlist", 25_000],
    ["stagedoor/signing", 58_000],
    ["stagedoor/hono", 80_000],
    ["stagedoor/player", 1_700],
  ])("%s has neither better-auth nor AWS's SDK, and at most %i bytes", async (specifier, most) => {
    const { packages, size } = await bundled(specifier);
    const heavy = [...packages].filter((name) => /^(?:@?better-|@aws-sdk|@smithy|wrangler|miniflare)/.test(name));
    expect(heavy).toEqual([]);
    expect(size).toBeLessThanOrEqual(most);
  });

  it("stagedoor/player has no dependency", async () => {
    expect((await bundled("stagedoor/player")).packages).toEqual(new Set());
  });
});
