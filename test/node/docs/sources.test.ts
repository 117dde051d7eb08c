import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { withSources } from "../../../cli/docs/references.ts";
import { projectRoot } from "../../../cli/lib/project.ts";
import { documents } from "./command-lines.ts";

const textOf = (file: string) => readFileSync(join(projectRoot, file), "utf8");
const including = documents.filter((file) => textOf(file).includes("<!-- source: "));

describe("a page that includes a source", () => {
  it.each(including)("has its text as it is: %s", (file) => {
    const text = textOf(file);
    expect(withSources(text) === text, "a source changed: run `npm run docs`").toBe(true);
    // A marker without a block after it would include nothing.
    expect(text.match(/^<!-- source: \S+ -->\n```\w+\n/gm)).toHaveLength(text.split("<!-- source: ").length - 1);
  });

  it("gets each file in the block after its name, and keeps all other blocks", () => {
    const page = "<!-- source: LICENSE -->\n```txt\nold\n```\n\n```js\nold\n```\n";
    expect(withSources(page)).toBe(
      `<!-- source: LICENSE -->\n\`\`\`txt\n${textOf("LICENSE")}\`\`\`\n\n\`\`\`js\nold\n\`\`\`\n`,
    );
  });

  it.each(["hlsjs/play.ts", "shaka/play.ts", "videojs/play.ts", "react/player.tsx", "shared/stream.ts"])(
    "exists for the example %s",
    (source) => {
      const marker = `<!-- source: examples/${source} -->`;
      expect(including.filter((file) => textOf(file).includes(marker))).toHaveLength(1);
    },
  );
});
