import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../..");
const { packages }: { packages: Readonly<Record<string, object>> } = JSON.parse(
  readFileSync(join(root, "package-lock.json"), "utf8"),
);

describe("node_modules", () => {
  // Another copy of workerd is 160 MB. wrangler, miniflare and the vitest plugin share one if the plugin's versions are pinned.
  it.each(["workerd", "wrangler", "miniflare", "esbuild"])("has one copy of %s", (name) => {
    const copies = Object.keys(packages).filter((path) => path.endsWith(`node_modules/${name}`));
    expect(copies).toEqual([`node_modules/${name}`]);
  });
});
