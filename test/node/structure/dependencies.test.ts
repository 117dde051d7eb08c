import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../..");
const { packages }: { packages: Readonly<Record<string, object>> } = JSON.parse(
  readFileSync(join(root, "package-lock.json"), "utf8"),
);

describe("an optional peer", () => {
  const { peerDependencies, devDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

  it.each(Object.entries<string>(peerDependencies))(
    "has a range that the tested version is in, except better-auth's packages, which fit in one version each: %s %s",
    (name, range) => {
      if (/^@?better-/.test(name)) return expect(range).toBe(devDependencies[name]);
      expect(range).toMatch(/^[~^]\d+\.\d+\.\d+$/);
      const numbers = (version: string) => version.replace(/^[~^]/, "").split(".").map(Number);
      const [[major, minor = 0, patch = 0], [testedMajor, testedMinor = 0, testedPatch = 0]] = [
        numbers(range),
        numbers(devDependencies[name]),
      ];
      const isInLine = range.startsWith("~") ? testedMinor === minor : testedMinor >= minor;
      expect([testedMajor === major, isInLine]).toEqual([true, true]);
      if (testedMinor === minor) expect(testedPatch).toBeGreaterThanOrEqual(patch);
    },
  );
});

describe("node_modules", () => {
  // Another copy of workerd is 160 MB. wrangler, miniflare and the vitest plugin share one if the plugin's versions are pinned.
  it.each(["workerd", "wrangler", "miniflare", "esbuild"])("has one copy of %s", (name) => {
    const copies = Object.keys(packages).filter((path) => path.endsWith(`node_modules/${name}`));
    expect(copies).toEqual([`node_modules/${name}`]);
  });
});
