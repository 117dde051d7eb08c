import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../project.ts";

/** `src/console/troubleshooting.ts`: the sections of docs/troubleshooting.md by code, since a worker reads no files. */
export function troubleshootingModule(): string {
  const page = readFileSync(join(projectRoot, "docs/troubleshooting.md"), "utf8");
  const entries = page
    .split(/^(?=#{1,2} )/m)
    .filter((section) => section.startsWith("## "))
    .map((section) => {
      const [heading = "", ...blocks] = section.trim().split(/\n\s*\n/);
      const texts = blocks.flatMap((block) => block.split(/\n(?=- )/)).map((text) => text.replace(/\s*\n\s*/g, " "));
      const causes = texts.filter((text) => text.startsWith("- ")).map((text) => text.slice(2));
      const meaning = texts.filter((text) => !text.startsWith("- "));
      return [heading.slice(3), { meaning, causes }] as const;
    });
  return `import type { RefusalCode } from "../base/refusal.ts";

/** What a section says: what the code means, and what usually lies behind it; with bold and code in Markdown. */
export interface Trouble {
  readonly meaning: readonly string[];
  readonly causes: readonly string[];
}

// Made of docs/troubleshooting.md by \`npm run docs\`: change that.
export const troubles: Readonly<Record<RefusalCode, Trouble>> = ${JSON.stringify(Object.fromEntries(entries), null, 2)};
`;
}
