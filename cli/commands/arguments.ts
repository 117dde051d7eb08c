import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import type { Command, Given } from "./command.ts";
import { endMisused } from "./outcome.ts";

const everywhere = { json: { type: "boolean" }, help: { type: "boolean", short: "h" } } as const;

/** What the command line says to a command: options in either form of node:util's parseArgs, and its operands. */
export function readArguments(command: Command, words: readonly string[]): Given {
  const options: ParseArgsOptionsConfig = { ...command.options, ...everywhere };
  const parsed = parse(command, words, options);
  const { values, positionals, tokens } = parsed;
  const given = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
  const twice = given.find((name, at) => given.indexOf(name) < at && options[name]?.multiple !== true);
  if (twice !== undefined) endMisused(`--${twice} is given twice: give it once.${seeHelp(command)}`);
  const all = (option: string) => [values[option] ?? []].flat().filter((value) => typeof value === "string");
  const read = {
    all,
    one: (option: string) => all(option)[0],
    on: (option: string) => values[option] === true,
    operands: positionals,
  };
  if (!read.on("help")) checkOperands(command, positionals);
  return read;
}

function parse(command: Command, words: readonly string[], options: ParseArgsOptionsConfig) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true, tokens: true });
  } catch (error) {
    // Node adds a hint about what positionals are; the first sentence says it all.
    const [what = ""] = (error instanceof Error ? error.message : "").split(". ", 1);
    return endMisused(`${what.replace(/\.$/, "")}.${seeHelp(command)}`);
  }
}

function checkOperands(command: Command, given: readonly string[]): void {
  const { name, operands } = command;
  const missing = operands[given.length];
  if (missing !== undefined) endMisused(`${missing} is missing.${seeHelp(command)}`);
  if (given.length > operands.length)
    endMisused(
      operands.length === 0
        ? `"${name}" takes options alone.${seeHelp(command)}`
        : `"${name}" takes ${operands.join(" ")} and no more; quote what holds blanks or &.${seeHelp(command)}`,
    );
}

function seeHelp({ name }: Command): string {
  return ` See \`npx stagedoor ${name} --help\`.`;
}
