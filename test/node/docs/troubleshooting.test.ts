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
  it("has exactly one section per code", () => {
    expect(sections.map(({ code }) => code).toSorted()).toEqual([...refusalCodes].toSorted());
  });

  it.each(refusalCodes)("lists the status and at least one cause of %s", (code) => {
    const text = sections.find((section) => section.code === code)?.text ?? "";
    expect(text.trim()).toMatch(new RegExp(`^\\*\\*${problemFor(code).status}[ ,]`));
    expect(text).toMatch(/^- \S/m);
  });

  it.each([
    ...["request_invalid", "token_invalid", "token_expired", "token_revoked", "scope_insufficient", "body_invalid"],
    ...[
      "asset_forbidden",
      "country_forbidden",
      "place_forbidden",
      "origin_forbidden",
      "player_refused",
      "entitlement_refused",
      "stream_limit",
    ],
    ...["start_rate_exceeded", "rate_limited", "session_unknown", "session_revoked", "binding_mismatch"],
  ])("says what a backend does about %s, which differs from a viewer's advice", (code) => {
    expect(sections.find((section) => section.code === code)?.text).toMatch(/\bbackend/);
  });

  it("matches src/console/troubleshooting.ts, which `npm run docs` writes", () => {
    expect(readFileSync(join(projectRoot, "src/console/troubleshooting.ts"), "utf8")).toBe(troubleshootingModule());
  });

  it("contains only paragraphs, lists, bold and code in its sections, which the console can show", () => {
    for (const { text } of sections) expect(text).not.toMatch(/\]\(|^```|^>|^\||^#|^\d+\. /m);
  });

  it("links only to existing sections", () => {
    const links = [...page.matchAll(/\]\(#(\w+)\)/g)].map(([, code]) => code);
    expect(links.length).toBeGreaterThan(0);
    for (const code of links) expect(refusalCodes).toContain(code);
  });
});
