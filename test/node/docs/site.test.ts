import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildSite } from "../../../cli/docs/site.ts";
import { documentSections } from "../../../cli/lib/documents.ts";

const base = "/docs/";
const pageCount = documentSections().flatMap(({ pages }) => pages).length;
const site = mkdtempSync(join(tmpdir(), "stagedoor-site-"));
const textOf = (file: string) => readFileSync(join(site, file), "utf8");
const files = (pattern: string) => globSync(pattern, { cwd: site });
const pages = () => files("**/*.html").map((file) => ({ file, html: textOf(file) }));

/** The values of an attribute in a page. */
const attributes = (html: string, name: string) =>
  Array.from(html.matchAll(new RegExp(`<(\\w+)[^>]*?\\s${name}="([^"]*)"`, "g")), ([, tag = "", value = ""]) => ({
    tag,
    value: value.replaceAll("&amp;", "&"),
  }));

beforeAll(() => buildSite({ out: site, base }), 600_000);
afterAll(() => rmSync(site, { recursive: true, force: true }));

describe("the site of the documentation", () => {
  it("has every document as a page, in the sidebar of each", () => {
    const all = pages().filter(({ file }) => file !== "404.html");
    expect(all.length).toBeGreaterThanOrEqual(pageCount);
    for (const { html } of all) for (const { title } of documentSections()) expect(html).toContain(`>${title}</h2>`);
  });

  it("links only to pages, headings and files that it has", () => {
    const ids = new Map(
      pages().map(({ file, html }) => [file, new Set(attributes(html, "id").map(({ value }) => value))]),
    );
    const built = new Set(files("**/*"));
    const faults = pages().flatMap(({ file, html }) =>
      attributes(html, "href").flatMap(({ value }) => {
        if (/^[a-z]+:/.test(value)) return [];
        const url = new URL(value, `http://site${base}${file}`);
        const path = decodeURIComponent(url.pathname.slice(base.length));
        const target = path === "" || path.endsWith("/") ? posix.join(path, "index.html") : path;
        const place = [target, `${target}.html`].find((candidate) => built.has(candidate));
        const anchor = decodeURIComponent(url.hash.slice(1));
        const hasAnchor = anchor === "" || ids.get(place ?? "")?.has(anchor);
        return url.pathname.startsWith(base) && place !== undefined && hasAnchor ? [] : [`${file}: ${value}`];
      }),
    );
    expect(faults).toEqual([]);
  });

  it("loads nothing from another host", () => {
    const loaded = pages().flatMap(({ html }) => [
      ...attributes(html, "src"),
      ...attributes(html, "srcset"),
      ...attributes(html, "href").filter(({ tag }) => tag === "link"),
    ]);
    expect(loaded.length).toBeGreaterThan(100);
    expect(loaded.filter(({ value }) => !value.startsWith(base))).toEqual([]);
    const styles = files("assets/**/*.css").map(textOf);
    const urls = styles.flatMap((style) =>
      Array.from(style.matchAll(/(?:url\(|@import\s+)["']?([^"')]+)/g), ([, url]) => url),
    );
    expect(urls.filter((url = "") => !/^(data:|\/docs\/)/.test(url))).toEqual([]);
  });

  it("has a search index with the words of the pages, and a button that copies each block of code", () => {
    const [index = expect.fail("the site has no search index")] = files("assets/chunks/@localSearchIndex*.js");
    for (const word of ["session_revoked", "cloudfront", "introspection"]) expect(textOf(index)).toContain(word);
    const blocks = pages().flatMap(({ html }) => html.match(/<pre class="shiki/g) ?? []).length;
    const buttons = pages().flatMap(({ html }) => html.match(/class="copy"/g) ?? []).length;
    expect(blocks).toBeGreaterThan(50);
    expect(buttons).toBe(blocks);
  });
});
