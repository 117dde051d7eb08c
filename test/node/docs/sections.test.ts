import { globSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { documentSections } from "../../../cli/lib/documents.ts";
import { docsFile } from "../../../cli/local/docs-pages.ts";
import { projectFolder } from "../cli/command-line.ts";

const pages = documentSections().flatMap((section) => section.pages);

describe("the sections of the documentation", () => {
  it("have each document once, under its own title", () => {
    const documents = globSync(["docs/**/*.md", "{SECURITY,CHANGELOG,ARCHITECTURE,CONTRIBUTING}.md"], {
      cwd: projectFolder,
    });
    expect(pages.map(({ file }) => file).toSorted()).toEqual(documents.toSorted());
    expect(pages).toContainEqual({ file: "docs/operate/keys.md", title: "The life of a key" });
    expect(new Set(pages.map(({ title }) => title)).size).toBe(pages.length);
  });

  it("begin with the overview, and leave no page without a section", () => {
    expect(pages[0]?.file).toBe("docs/index.md");
    expect(documentSections().map(({ title }) => title)).not.toContain("More");
  });

  it("are the list at /docs/ of npm start, with links that it serves as text", async () => {
    const list = String(await (await docsFile("/docs/"))?.body());
    const links = Array.from(list.matchAll(/<li><a href="([^"]+)">/g), ([, link = ""]) => link);
    expect(links).toHaveLength(pages.length);
    for (const link of links) expect(await docsFile(link)).toMatchObject({ type: "text/plain; charset=utf-8" });
    expect(await docsFile("/docs/images/path.svg")).toMatchObject({ type: "image/svg+xml" });
    expect(await docsFile("/docs/../package.json")).toBeUndefined();
  });
});
