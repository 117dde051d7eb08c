import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { DefaultTheme, UserConfig } from "vitepress";
import { projectRoot } from "../lib/project.ts";
import { type SiteSource, writeSiteSource } from "./site-source.ts";

interface SiteOptions {
  readonly out: string;
  /** The path of the site on its host. */
  readonly base?: string;
  /** Uses the folder with VitePress's source after the build, before it is removed. */
  readonly afterwards?: (folder: string) => Promise<void>;
}

/**
 * Builds the documentation as a static site: the same files, with a sidebar, search and copy buttons. Nothing is loaded
 * from another host. Throws an Error for a link to a page that does not exist.
 */
export async function buildSite({ out, base = "/", afterwards }: SiteOptions): Promise<void> {
  const { build } = await import("vitepress");
  await mkdir(join(projectRoot, ".stagedoor"), { recursive: true });
  // Inside the project, so that VitePress finds its packages.
  const folder = await mkdtemp(join(projectRoot, ".stagedoor/docs-"));
  try {
    const source = await writeSiteSource(projectRoot, folder);
    await mkdir(join(folder, "public"), { recursive: true });
    await cp(join(projectRoot, "demo/icon.svg"), join(folder, "public/icon.svg"));
    await writeSettings(folder, { ...siteConfig(source, base), outDir: resolve(out), base });
    await build(folder);
    await afterwards?.(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The settings in the place where VitePress reads them. A function cannot be JSON, so the file imports it. */
async function writeSettings(folder: string, config: UserConfig<DefaultTheme.Config>): Promise<void> {
  const source = pathToFileURL(join(projectRoot, "cli/docs/site-source.ts"));
  const style = join(projectRoot, "cli/docs/site.css");
  await mkdir(join(folder, ".vitepress/theme"), { recursive: true });
  await writeFile(
    join(folder, ".vitepress/config.mjs"),
    `import { markdown } from ${JSON.stringify(source)};
export default { ...${JSON.stringify(config)}, markdown };
`,
  );
  await writeFile(
    join(folder, ".vitepress/theme/index.js"),
    `import ${JSON.stringify(style)};
export { default } from "vitepress/theme-without-fonts";
`,
  );
}

/** The site's settings. The theme is the one without fonts: its own style sheet would load them from another host. */
function siteConfig({ sections, routeOf }: SiteSource, base: string): UserConfig<DefaultTheme.Config> {
  const link = (file: string) =>
    `/${routeOf(file)
      .replace(/(^|\/)index\.md$/, "$1")
      .replace(/\.md$/, "")}`;
  const items = sections.map(({ title, pages }) => ({
    text: title,
    items: pages.map((page) => ({ text: page.title, link: link(page.file) })),
  }));
  const first = (title: string) => items.find(({ text }) => text === title)?.items[0]?.link ?? "/";
  return {
    title: "Stagedoor",
    description: "A bearer token in, protected HLS out.",
    lang: "en",
    ignoreDeadLinks: "localhostLinks",
    head: [["link", { rel: "icon", type: "image/svg+xml", href: `${base}icon.svg` }]],
    themeConfig: {
      logo: "/icon.svg",
      search: { provider: "local" },
      outline: { level: [2, 3] },
      sidebar: items,
      nav: ["Start", "Players", "Deploy", "Operate", "Reference"].map((text) => ({ text, link: first(text) })),
      docFooter: { prev: "Previous", next: "Next" },
    },
  };
}

const usage = `npm run docs:site [-- --preview [--port 4173]] [--base /docs/] [--out <folder>]

Builds the documentation as a static site in the folder "site", for any web server. --preview also serves it on this
machine, until you press Ctrl-C. --base is the path of the site on its host.`;

async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      base: { type: "string", default: "/" },
      out: { type: "string", default: join(projectRoot, "site") },
      preview: { type: "boolean", default: false },
      port: { type: "string", default: "4173" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(usage);
  await buildSite({
    out: values.out,
    base: values.base,
    afterwards: async (root) => {
      console.log(`The site is in ${resolve(values.out)}.`);
      if (!values.preview) return;
      const { serve } = await import("vitepress");
      await serve({ root, base: values.base, port: Number(values.port) });
      await Promise.race([once(process, "SIGINT"), once(process, "SIGTERM")]);
    },
  });
  // The preview's server would keep the process alive.
  process.exit();
}

if (import.meta.filename === process.argv[1]) await main(process.argv.slice(2));
