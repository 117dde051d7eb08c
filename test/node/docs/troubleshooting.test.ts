import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { troubleshootingModule } from "../../../cli/docs/references.ts";
import { projectRoot } from "../../../cli/lib/project.ts";
import { problemFor, refusalCodes } from "../../../src/http/problems.ts";

const page = readFileSync(join(projectRoot, "docs/troubleshooting.md"), "utf8");
const sections = page
  .split(/^(?=#{1,2} )/m)
  .filter((section) => section.startsWith("## "))
  .map((section) => ({ code: section.slice(3, section.indexOf("\n")), text: section.slice(section.indexOf("\n")) }));

describe("docs/troubleshooting.md", () => {
  it("has one heading for each code, and no other", () => {
    expect(sections.map(({ code }) => code).toSorted()).toEqual([...refusalCodes].toSorted());
  });

  it.each(refusalCodes)("%s: says with what status it comes, and at least one thing that lies behind it", (code) => {
    const text = sections.find((section) => section.code === code)?.text ?? "";
    expect(text.trim()).toMatch(new RegExp(`^\\*\\*${problemFor(code).status}[ ,]`));
    expect(text).toMatch(/^- \S/m);
  });

  it("is what the console shows: run `npm run docs` after a change", () => {
    expect(readFileSync(join(projectRoot, "src/console/troubleshooting.ts"), "utf8")).toBe(troubleshootingModule());
  });

  it("has nothing in its sections but paragraphs, lists, bold and code, which the console can show", () => {
    for (const { text } of sections) expect(text).not.toMatch(/\]\(|^```|^>|^\||^#|^\d+\. /m);
  });

  it("leads nowhere by none of its links", () => {
    const links = [...page.matchAll(/\]\(#(\w+)\)/g)].map(([, code]) => code);
    expect(links.length).toBeGreaterThan(0);
    for (const code of links) expect(refusalCodes).toContain(code);
  });
});
