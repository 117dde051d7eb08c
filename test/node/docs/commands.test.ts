import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describe, expect, it } from "vitest";
import { deployOptions } from "../../../cli/deploy/deploy.ts";
import { dispatch } from "../../../cli/dispatch.ts";
import { projectFolder } from "../cli/command-line.ts";
import { type CommandLine, commandLinesOf, documents } from "./command-lines.ts";

const lines = documents.flatMap((file) => commandLinesOf(file));
const about = ({ at, words, typed }: CommandLine) => ({ at, line: words.join(" "), words, typed });
const calls = (...program: readonly string[]) =>
  lines.filter(({ words }) => program.every((word, place) => words[place] === word)).map(about);
const scripts: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(projectFolder, "package.json"), "utf8"),
).scripts;

/** The environments, and the variable for either. */
const named = ["staging", "production", "$ENV"];

describe("the command lines of the documents", () => {
  it("are found in blocks and sentences, over several lines, behind pipes and in substitutions", () => {
    const text = [
      "Say `npx stagedoor a --b` once.",
      "```sh",
      "A=1 npx stagedoor c \\",
      "  'd | e' < f.json   # g",
      "```",
    ];
    const nested = ["```console", '$ curl "$(npx stagedoor h)" | npx wrangler i > j', "```", "```json", "npx k", "```"];
    expect(commandLinesOf("x.md", [...text, ...nested].join("\n"))).toEqual([
      { at: "x.md:1", words: ["npx", "stagedoor", "a", "--b"], typed: false },
      { at: "x.md:4", words: ["npx", "stagedoor", "c", "d _ e"], typed: true },
      { at: "x.md:7", words: ["npx", "stagedoor", "h"], typed: true },
      { at: "x.md:7", words: ["npx", "wrangler", "i"], typed: true },
    ]);
  });

  it("are many", () => {
    expect(calls("npx", "stagedoor").length).toBeGreaterThan(20);
    expect(calls("npm", "run", "deploy").length).toBeGreaterThan(5);
  });

  // With --help a command reads its options, and does nothing.
  it.each(calls("npx", "stagedoor"))("$at: $line", async ({ words }) => {
    const [, , ...rest] = words;
    expect(await dispatch([...rest.filter((word) => word !== "--help"), "--help"])).toMatchObject({ exit: 0 });
  });

  it.each(calls("npm", "run"))("$at: $line", ({ words }) => {
    expect(Object.keys(scripts)).toContain(words[2]);
    const dashes = words.indexOf("--");
    if (words[2] !== "deploy" || dashes < 0) return;
    const given = parseArgs({ args: words.slice(dashes + 1), options: deployOptions, strict: true });
    expect([...named, undefined]).toContain(given.values.env);
  });

  it.each(calls("npx", "wrangler").filter(({ typed, words }) => typed || words.length > 4))(
    "$at: $line",
    ({ words }) => {
      const behind = (...names: readonly string[]) => words[words.findIndex((word) => names.includes(word)) + 1];
      const has = (...names: readonly string[]) => words.some((word) => names.includes(word));
      if (has("-c", "--config")) expect(existsSync(join(projectFolder, behind("-c", "--config") ?? ""))).toBe(true);
      if (has("--env")) expect(named).toContain(behind("--env"));
      // Without an environment it would touch what is made for this machine.
      else
        expect(words.slice(2, 4).join(" ")).toMatch(
          /^(dev|login|whoami|kv namespace|r2 (bucket|object)|d1 (create|execute))( |$)/,
        );
    },
  );
});
