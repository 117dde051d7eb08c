import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join, posix } from "node:path";
import { packageRoot } from "./project.ts";

/** A document of the project that readers open as a page. */
interface Page {
  /** Its path in the project: `docs/deploy/r2.md`. */
  readonly file: string;
  /** Its first heading, without marks of code. */
  readonly title: string;
}

export interface Section {
  readonly title: string;
  readonly pages: readonly Page[];
}

/**
 * The order of the documentation: the sidebar of the site, and the list that `npm start` serves. `players/index` is
 * docs/players/index.md, if there is one; `players/` is all other pages of that folder by their titles; a name in capitals
 * is a document at the root. Titles come from the pages.
 */
const order: readonly (readonly [title: string, names: string])[] = [
  ["Start", "index start/index start/own-case start/"],
  ["Players", "players/index players/refusals players/files files players/"],
  ["Backends", "backends backends/"],
  ["Identity providers", "identity-providers/credentials identity-providers/index identity-providers/"],
  ["Deploy", "deploy/index deploy/init deploy/r2 deploy/s3 deploy/http deploy/"],
  ["Operate", "operate/access operate/catalog operate/doctor operate/"],
  ["Reference", "reference/ package/index package/"],
  ["Security", "SECURITY security/"],
  ["Troubleshooting", "troubleshooting"],
  ["Project", "CHANGELOG ARCHITECTURE CONTRIBUTING"],
];

/** The documentation in the order of its sections. A page that the order does not name is in the last section, `More`. */
export function documentSections(root = packageRoot): readonly Section[] {
  const files = documentFiles(root);
  const named = new Set(order.flatMap(([, names]) => names.split(" ").map(fileOf)));
  const used = new Set<string>();
  const pagesOf = (candidates: readonly string[]) =>
    candidates.flatMap((file) => {
      if (used.has(file) || !files.includes(file)) return [];
      used.add(file);
      return [{ file, title: titleOf(readFileSync(join(root, file), "utf8")) ?? file }];
    });
  const inFolder = (folder: string) =>
    pagesOf(files.filter((file) => posix.dirname(file) === folder && !named.has(file))).toSorted((a, b) =>
      a.title.localeCompare(b.title, "en"),
    );
  const sections = order.map(([title, names]) => ({
    title,
    pages: names
      .split(" ")
      .map(fileOf)
      .flatMap((file) => (file.endsWith("/") ? inFolder(file.slice(0, -1)) : pagesOf([file]))),
  }));
  const more = { title: "More", pages: pagesOf(files.filter((file) => file.startsWith("docs/"))) };
  return [...sections, more].filter(({ pages }) => pages.length > 0);
}

/** The file, or the folder with its slash, that the order names. */
function fileOf(name: string): string {
  if (/^[A-Z]+$/.test(name)) return `${name}.md`;
  return name.endsWith("/") ? `docs/${name}` : `docs/${name}.md`;
}

function documentFiles(root: string): readonly string[] {
  const inside = (folder: string, recursive: boolean) =>
    existsSync(join(root, folder)) ? readdirSync(join(root, folder), { recursive, encoding: "utf8" }) : [];
  const all = [...inside("", false), ...inside("docs", true).map((file) => posix.join("docs", file))];
  return all.filter((file) => extname(file) === ".md").toSorted();
}

/** The first heading of a page, without marks of code. */
function titleOf(markdown: string): string | undefined {
  return /^# (.*)$/m.exec(markdown)?.[1]?.replaceAll("`", "");
}

/** The anchor of a heading: lower case, spaces as dashes, and no other characters. Readers of the files get the same. */
export function anchorOf(heading: string): string {
  return heading
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_\- ]/gu, "")
    .replaceAll(" ", "-");
}
