import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { projectFolder } from "../cli/command-line.ts";
import { documents } from "./command-lines.ts";

interface Link {
  readonly at: string;
  readonly to: string;
  /** The linked file, and the heading in it. */
  readonly file: string;
  readonly anchor: string | undefined;
}

const textOf = (file: string) => readFileSync(join(projectFolder, file), "utf8");

/** Links to files of the project, including images, but not external links and not code. */
function linksOf(file: string): readonly Link[] {
  const text = textOf(file).replace(/```[\s\S]*?```/g, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)|(?:src|srcset)="([^"]+)"/g)].flatMap(([, link = "", image = ""]) => {
    const to = link || image;
    if (/^[a-z]+:/.test(to)) return [];
    const [path = "", anchor] = to.split("#");
    const target = path === "" ? file : relative(projectFolder, join(projectFolder, dirname(file), path));
    return [{ at: file, to, file: target, anchor }];
  });
}

/** Markdown's anchors of a page's headings: lower case, spaces as dashes, no other characters. */
function anchorsOf(file: string): readonly string[] {
  const headings = textOf(file).matchAll(/^#{1,6} (.+)$/gm);
  return Array.from(headings, ([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

describe("a link in the documents", () => {
  const links = new Map(documents.flatMap(linksOf).map((link) => [`${link.at} ${link.to}`, link]));
  it.each([...links.values()])("leads to an existing file and heading: $at to $to", ({ file, anchor }) => {
    expect(existsSync(join(projectFolder, file))).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(file)).toContain(anchor);
  });
});

describe("a document that code or a configuration names", () => {
  const sources = globSync(
    ["{src,cli,workers,packages,proof,bench,test,demo,docs}/**/*.{ts,tsx,mjs,html,toml,yml}", "*.toml"],
    { cwd: projectFolder, exclude: (path) => path.includes("node_modules") },
  );
  const mentions = sources.flatMap((at) =>
    Array.from(textOf(at).matchAll(/(?<![\w./])docs\/[\w/-]+\.(?:md|json|yml)(?:#([\w-]+))?/g), ([to, anchor]) => ({
      at,
      to,
      file: to.replace(/#.*/, ""),
      anchor,
    })),
  );
  const distinct = new Map(mentions.map((mention) => [`${mention.at} ${mention.to}`, mention]));

  it("is found in several folders", () => {
    const folders = new Set(mentions.map(({ at }) => at.split("/")[0]));
    expect([...folders]).toEqual(expect.arrayContaining(["cli", "docs", "src", "test", "workers"]));
    expect(distinct.size).toBeGreaterThan(30);
  });

  it.each([...distinct.values()])("exists, with its heading: $to in $at", ({ file, anchor }) => {
    expect(existsSync(join(projectFolder, file))).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(file)).toContain(anchor);
  });
});
