import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";
import { projectFolder } from "../cli/command-line.ts";
import { documents } from "./command-lines.ts";

interface Link {
  readonly at: string;
  readonly to: string;
  /** The file that it leads to, and the heading in it. */
  readonly file: string;
  readonly anchor: string | undefined;
}

const textOf = (file: string) => readFileSync(join(projectFolder, file), "utf8");

/** Links to files of the project, images among them; not those that lead elsewhere, and not code. */
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

/** How a page of Markdown names its headings: in lower case, blanks as dashes, without other signs. */
function anchorsOf(file: string): readonly string[] {
  const headings = textOf(file).matchAll(/^#{1,6} (.+)$/gm);
  return Array.from(headings, ([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

describe("the links of the documents", () => {
  it.each(documents.flatMap(linksOf))("$at leads to $to", ({ file, anchor }) => {
    expect(existsSync(join(projectFolder, file))).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(file)).toContain(anchor);
  });
});
