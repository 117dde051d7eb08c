import { readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { projectRoot } from "../lib/project.ts";

export interface DocsFile {
  readonly type: string;
  readonly body: () => Promise<string | Uint8Array>;
}

const types: Readonly<Record<string, string | undefined>> = {
  ".md": "text/plain; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
};

/** The file of the documentation at a path of the demo page's host: a list of the pages at `/docs/`, and their text. */
export async function docsFile(path: string): Promise<DocsFile | undefined> {
  const files = documentFiles();
  if (path === "/docs/" || path === "/docs")
    return { type: "text/html; charset=utf-8", body: () => listOf(files.filter((file) => extname(file) === ".md")) };
  const file = files.find((name) => addressOf(name) === path);
  const type = types[extname(file ?? "")];
  if (file === undefined || type === undefined) return undefined;
  return { type, body: () => readFile(join(projectRoot, file)) };
}

/** The documents of the project, by their paths in it. */
function documentFiles(): readonly string[] {
  const top = readdirSync(projectRoot).filter((file) => extname(file) === ".md" && file !== "README.md");
  const pages = readdirSync(join(projectRoot, "docs"), { recursive: true, encoding: "utf8" });
  return ["README.md", ...top.toSorted(), ...pages.map((page) => `docs/${page}`).toSorted()];
}

function addressOf(file: string): string {
  return file.startsWith("docs/") ? `/${file}` : `/docs/${file}`;
}

async function listOf(files: readonly string[]): Promise<string> {
  const items = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(join(projectRoot, file), "utf8");
      const title = /^# (.*)$/m.exec(text)?.[1]?.replaceAll("`", "") ?? file;
      return `<li><a href="${addressOf(file)}">${escaped(title)}</a> <code>${escaped(file)}</code></li>`;
    }),
  );
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
<ul>
${items.join("\n")}
</ul>
</body>
</html>
`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
