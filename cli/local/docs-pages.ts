import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join, posix } from "node:path";
import { documentSections } from "../lib/documents.ts";
import { packageRoot } from "../lib/project.ts";

export interface DocsFile {
  readonly type: string;
  readonly body: () => Promise<string | Uint8Array>;
}

const types: Readonly<Record<string, string | undefined>> = {
  ".md": "text/plain; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

/**
 * The file of the documentation at a path of the demo page's host: a list of the pages at `/docs/`, and their text. The
 * site with search is `npm run docs:site`: it takes a minute to build, and this list is always that of the files.
 */
export async function docsFile(path: string): Promise<DocsFile | undefined> {
  if (path === "/docs/" || path === "/docs") return { type: "text/html; charset=utf-8", body: async () => list() };
  const file = documentFiles().find((name) => addressOf(name) === path);
  const type = types[extname(file ?? "")];
  if (file === undefined || type === undefined) return undefined;
  return { type, body: () => readFile(join(packageRoot, file)) };
}

/** The documents of the project and their images, by their paths in it. */
function documentFiles(): readonly string[] {
  const top = readdirSync(packageRoot).filter((file) => extname(file) === ".md");
  const pages = readdirSync(join(packageRoot, "docs"), { recursive: true, encoding: "utf8" });
  return [...top, ...pages.map((page) => posix.join("docs", page))];
}

function addressOf(file: string): string {
  return file.startsWith("docs/") ? `/${file}` : `/docs/${file}`;
}

function list(): string {
  const sections = documentSections().map(({ title, pages }) => {
    const items = pages.map(
      (page) =>
        `<li><a href="${addressOf(page.file)}">${escaped(page.title)}</a> <code>${escaped(page.file)}</code></li>`,
    );
    return `<h2>${escaped(title)}</h2>\n<ul>\n${items.join("\n")}\n</ul>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Stagedoor: documentation</title>
<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/page.css">
<body class="documents">
<h1><img src="/icon.svg" alt="" width="28" height="28">Documentation</h1>
<p><a href="/">Back to the demo page</a></p>
<p>The same pages as a site with search: <code>npm run docs:site -- --preview</code></p>
${sections.join("\n")}
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
