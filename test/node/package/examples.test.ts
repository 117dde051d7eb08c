import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../../cli/lib/project.ts";
import { runFile } from "../cli/command-line.ts";
import { examplesIn, sourceOf } from "./package-files.ts";

const pages = join(packageRoot, "docs/package");
mkdirSync(join(packageRoot, "node_modules/.cache"), { recursive: true });
const folder = mkdtempSync(join(packageRoot, "node_modules/.cache/stagedoor-examples-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The workers' example needs workerd: tarball.test.ts bundles it. */
const examples = readdirSync(pages)
  .filter((page) => page !== "workers.md")
  .flatMap((page) =>
    examplesIn(readFileSync(join(pages, page), "utf8")).map((example, i) => ({ page, i, ...example })),
  );

describe("the examples in docs/package", () => {
  it.each(examples)("print what their comments say: $page, $i", async ({ page, i, code, prints }) => {
    const file = join(folder, `${page}-${i}.mjs`);
    const sources = code.replace(/"(?:@stagedoor\/player|stagedoor\/[\w/]+)"/g, (name) =>
      JSON.stringify(pathToFileURL(join(packageRoot, sourceOf(name.slice(1, -1)))).href),
    );
    writeFileSync(file, sources);
    const { exit, stdout, stderr } = await runFile(process.execPath, [file], packageRoot, process.env);
    expect({ exit, stderr, stdout }).toEqual({
      exit: 0,
      stderr: "",
      stdout: prints.map((one) => format(one)).join("\n"),
    });
    expect(prints.length).toBeGreaterThan(0);
  });

  it("are on one page for each export", () => {
    const { exports } = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
    const names = Object.keys(exports).flatMap((name) => /^\.\/(\w+)/.exec(name)?.[1] ?? []);
    const expected = [...new Set(names)].filter((name) => name !== "package").map((name) => `${name}.md`);
    expect(readdirSync(pages).toSorted()).toEqual(expected.toSorted());
  });
});
