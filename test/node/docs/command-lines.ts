import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "../cli/command-line.ts";

export interface CommandLine {
  /** `README.md:42`. */
  readonly at: string;
  /** The program and its arguments, without quotation marks. */
  readonly words: readonly string[];
  /** Whether it is in a code block and not in a sentence. */
  readonly typed: boolean;
}

/** The documents with commands for readers. */
export const documents = [
  "README.md",
  "CONTRIBUTING.md",
  ...globSync("{docs,examples}/**/*.md", { cwd: projectFolder }),
].toSorted();

/** Every program call in the shell blocks and sentences of a document. */
export function commandLinesOf(file: string, text = readFileSync(join(projectFolder, file), "utf8")): CommandLine[] {
  const lines: CommandLine[] = [];
  const add = (line: number, code: string, typed: boolean) => {
    for (const call of callsOf(code)) lines.push({ at: `${file}:${line}`, words: wordsOf(call), typed });
  };
  let block: { readonly shell: boolean } | undefined;
  let pending = "";
  text.split("\n").forEach((line, index) => {
    const [, language] = /^\s*```(\w*)/.exec(line) ?? [];
    if (language !== undefined)
      block = block === undefined ? { shell: /^(sh|bash|console)$/.test(language) } : undefined;
    else if (block === undefined) for (const [, span = ""] of line.matchAll(/`([^`]+)`/g)) add(index + 1, span, false);
    else if (block.shell) {
      const whole = pending + line.replace(/^\$ /, "");
      pending = whole.endsWith("\\") ? whole.slice(0, -1) : "";
      if (pending === "") add(index + 1, whole, true);
    }
  });
  return lines;
}

/** The calls in a line, split at pipes, semicolons and substitutions. */
function callsOf(code: string): readonly string[] {
  const bare = code.replace(/(^|\s)#\s.*$/, "");
  const quoted = bare.replace(/'[^']*'/g, (text) => text.replace(/[|;&()$]/g, "_"));
  return quoted
    .split(/\|\||&&|[|;]|"?\$\(|\)"?/)
    .map((call) => call.replace(/\s\d?[<>]+\s?[\w./-]+/g, " ").trim())
    .filter((call) => /^(?:\w+=\S+ )*(npx|npm) /.test(call))
    .map((call) => call.replace(/^(?:\w+=\S+ )+/, ""));
}

function wordsOf(call: string): readonly string[] {
  return (call.match(/"[^"]*"|'[^']*'|\S+/g) ?? [])
    .map((word) => word.replace(/^(["'])(.*)\1$/, "$2"))
    .filter((word) => word !== "…" && word !== "...");
}
