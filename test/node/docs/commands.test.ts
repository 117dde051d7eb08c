import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { describe, expect, it } from "vitest";
import { deployCommand } from "../../../cli/deploy/deploy-command.ts";
import { dispatch } from "../../../cli/dispatch.ts";
import { readAnswers } from "../../../cli/init/answers.ts";
import { configText } from "../../../cli/init/files-of.ts";
import { initCommand } from "../../../cli/init/init.ts";
import { readArguments } from "../../../cli/lib/command.ts";
import { readConfig } from "../../../src/deployment/read-config.ts";
import { projectFolder } from "../cli/command-line.ts";
import { type CommandLine, commandLinesOf, documents } from "./command-lines.ts";

const lines = documents.flatMap((file) => commandLinesOf(file));
const describeLine = ({ at, words, typed }: CommandLine) => ({ at, line: words.join(" "), words, typed });
const calls = (...program: readonly string[]) =>
  lines.filter(({ words }) => program.every((word, index) => words[index] === word)).map(describeLine);
const scripts: Readonly<Record<string, string>> = JSON.parse(
  readFileSync(join(projectFolder, "package.json"), "utf8"),
).scripts;

/** The environments, and the variable for either. */
const named = ["staging", "production", "$ENV"];

describe("a command in the documents", () => {
  it("is found in blocks and sentences, over several lines, after pipes and in substitutions", () => {
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

  it("occurs often enough for these tests to be useful", () => {
    expect(calls("npx", "stagedoor").length).toBeGreaterThan(20);
    expect(calls("npx", "stagedoor", "deploy").length).toBeGreaterThan(10);
  });

  // With --help a command only parses its options.
  it.each(calls("npx", "stagedoor"))("has options that its command knows: $line ($at)", async ({ words }) => {
    const [, , ...rest] = words;
    expect(await dispatch([...rest.filter((word) => word !== "--help"), "--help"])).toMatchObject({ exit: 0 });
  });

  it.each(calls("npm", "run"))("names an existing npm script: $line ($at)", ({ words }) => {
    expect(Object.keys(scripts)).toContain(words[2]);
  });

  it.each(calls("npx", "stagedoor", "deploy"))("names an existing environment: $line ($at)", ({ words }) => {
    const { env } = parseArgs({ args: words.slice(3), options: deployCommand.options, strict: true }).values;
    expect([...named, undefined]).toContain(env);
  });

  it.each(calls("npx", "stagedoor", "init"))("writes a valid configuration: $line ($at)", async ({ words }) => {
    const args = readArguments(initCommand, words.slice(3));
    const read = readConfig(configText(await readAnswers(args, async (_, standard) => standard)));
    expect(read.ok ? [] : read.refusal).toEqual([]);
  });

  // The files of examples/self-hosted are for a deployment's folder, and not for a clone.
  it.each(documents.filter((file) => /^examples\/(?!self-hosted\/)/.test(file)))(
    "installs and starts the service first in %s",
    (file) => {
      const [, first] = /```sh\n(.*?)```/s.exec(readFileSync(join(projectFolder, file), "utf8")) ?? [];
      expect(first).toMatch(/^npm ci\b/m);
      expect(first).toMatch(/\bnpm start\b/);
    },
  );

  it("is the one that works in a deployment's folder and in a clone, for readers who deploy", () => {
    expect(calls("npm", "run", "deploy").filter(({ at }) => !at.startsWith("CONTRIBUTING.md"))).toEqual([]);
  });

  it.each(calls("npx", "wrangler").filter(({ typed, words }) => typed || words.length > 4))(
    "names an existing configuration and environment: $line ($at)",
    ({ words }) => {
      const valueAfter = (...names: readonly string[]) => words[words.findIndex((word) => names.includes(word)) + 1];
      const has = (...names: readonly string[]) => words.some((word) => names.includes(word));
      if (has("-c", "--config")) expect(existsSync(join(projectFolder, valueAfter("-c", "--config") ?? ""))).toBe(true);
      if (has("--env")) expect(named).toContain(valueAfter("--env"));
      // Without an environment it would change the local resources.
      else
        expect(words.slice(2, 4).join(" ")).toMatch(
          /^(dev|login|whoami|tail stagedoor-edge|rollback --name|kv namespace|r2 (bucket|object)|d1 (create|execute))( |$)/,
        );
    },
  );
});

it.each(documents)("%s says of code for phones that our tests do not run it", (file) => {
  const text = readFileSync(join(projectFolder, file), "utf8");
  if (/^```(swift|kotlin)$/m.test(text)) expect(text).toMatch(/code on this page was not run by our tests/);
});
