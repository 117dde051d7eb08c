import { existsSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, extname, join, posix } from "node:path";
import type { MarkdownOptions } from "vitepress";
import { anchorOf, documentSections, type Section } from "../lib/documents.ts";

/** The pages of the site as VitePress reads them, and the navigation. */
export interface SiteSource {
  readonly sections: readonly Section[];
  /** The path of a page in the site: `SECURITY.md` is `security/index.md`. */
  readonly routeOf: (file: string) => string;
}

/** Documents outside `docs` that are pages of the site. */
const outside: Readonly<Record<string, string | undefined>> = {
  "SECURITY.md": "security/index.md",
  "CHANGELOG.md": "project/changelog.md",
  "ARCHITECTURE.md": "project/architecture.md",
  "CONTRIBUTING.md": "project/contributing.md",
};

/** Other documents, such as the README of an example, are pages outside the sidebar if a page links to them. */
const routeOf = (file: string) =>
  outside[file] ?? file.replace(/^docs\//, "").replace(/(^|\/)README\.md$/, "$1index.md");

/**
 * Writes the documents of the project at `root` into `folder`, in the order of the site, with each link to another
 * document changed to its place there. Images and other linked files of the project are copied to `public`. Throws an
 * Error that names a link whose file does not exist.
 */
export async function writeSiteSource(root: string, folder: string): Promise<SiteSource> {
  const sections = documentSections(root);
  const files = sections.flatMap(({ pages }) => pages.map(({ file }) => file));
  const pages = new Set(files);
  const copied = new Set<string>();
  // A set's loop also visits what is added meanwhile.
  for (const file of pages) {
    const linkOf = (to: string) => {
      const target = posix.join(posix.dirname(file), to);
      if (target === "README.md") return posix.relative(posix.dirname(routeOf(file)), "index.md"); // The overview.
      if (!existsSync(join(root, target)) || extname(target) === "")
        throw new Error(`${file} links to ${to}: no such page or file.`);
      if (extname(target) === ".md") {
        pages.add(target);
        return posix.relative(posix.dirname(routeOf(file)), routeOf(target));
      }
      copied.add(target);
      return `/${publicPath(target)}`;
    };
    const text = await readFile(join(root, file), "utf8");
    await write(join(folder, routeOf(file)), withLinks(text, linkOf));
  }
  for (const file of copied) {
    const place = join(folder, "public", publicPath(file));
    await mkdir(dirname(place), { recursive: true });
    await cp(join(root, file), place);
  }
  return { sections, routeOf };
}

function publicPath(file: string): string {
  return posix.join("project-files", file);
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

/** The text with each relative link changed: of Markdown outside code blocks, and `src` and `srcset` of images. */
function withLinks(text: string, linkOf: (to: string) => string): string {
  const change = (whole: string, before: string, link: string, after: string) => {
    const [path = "", ...anchor] = link.split("#");
    if (path === "" || /^[a-z]+:|^\//.test(link)) return whole;
    return [before, [linkOf(path), ...anchor].join("#"), after].join("");
  };
  return text
    .split(/(^```[\s\S]*?^```$)/m)
    .map((part) =>
      part.startsWith("```")
        ? part
        : part.replace(/(\]\()([^)\s]+)(\))/g, change).replace(/((?:src|srcset)=")([^"]+)(")/g, change),
    )
    .join("");
}

/** How VitePress reads a page: with the anchors that readers of the files know, and with code that is no template. */
export const markdown: MarkdownOptions = {
  anchor: { slugify: anchorOf },
  config: ({ renderer }) => {
    const codeInline = renderer.rules.code_inline;
    renderer.rules.code_inline = (...token) => (codeInline?.(...token) ?? "").replace(/^<code/, "<code v-pre");
  },
};
