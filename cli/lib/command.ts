import { type ParseArgsOptionsConfig, parseArgs } from "node:util";

/** What the command line gave a command, as text. */
export interface Given {
  /** The values of an option, in order; empty where it was not given. */
  readonly all: (option: string) => readonly string[];
  /** The value of an option that is given once at most. */
  readonly one: (option: string) => string | undefined;
  /** Whether a switch is on. */
  readonly on: (option: string) => boolean;
  /** The operands: as many as the command's `operands`. */
  readonly operands: readonly string[];
}

/** Tells the person who waits what a command does now, on standard error. */
export type Progress = (line: string) => void;

/** One command. It returns what came out, and prints nothing itself. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The operands after the name, such as `<path>`. */
  readonly operands: readonly string[];
  readonly options: ParseArgsOptionsConfig;
  /** The text of `--help` below its first line. */
  readonly help: string;
  readonly run: (given: Given, progress: Progress) => Promise<Outcome>;
}

/** What a command came to. The process ends with `exit`: 0 good, 1 refused or failed, 2 misused. */
export type Outcome = Answered | Misused;

export interface Answered {
  readonly exit: 0 | 1;
  /** For people, on standard output. */
  readonly text: string;
  /** For programs, on standard output in place of the text where `--json` is given. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Advice for the user, on standard error, so that the result can be piped. */
  readonly note?: string | undefined;
}

export interface Misused {
  readonly exit: 2;
  /** What was wrong, and what to write in its place. */
  readonly message: string;
}

/** What the process prints of an outcome; "" is not printed. */
export function printed(outcome: Outcome, asJson: boolean): { readonly stdout: string; readonly stderr: string } {
  if (outcome.exit === 2) return { stdout: "", stderr: outcome.message };
  return { stdout: asJson ? JSON.stringify(outcome.json, null, 2) : outcome.text, stderr: outcome.note ?? "" };
}

export function good(text: string, json: Answered["json"], note?: string): Answered {
  return { exit: 0, text, json, note };
}

/** A failure without a result: the message says what to do. */
export function failed(message: string, more: Answered["json"] = {}): Answered {
  return { exit: 1, text: "", json: { error: message, ...more }, note: message };
}

export function misused(message: string): Misused {
  return { exit: 2, message };
}

/** Thrown by what reads arguments and files; the command ends with this outcome. */
export class Ended extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super(outcome.exit === 2 ? outcome.message : "the command failed");
    this.outcome = outcome;
  }
}

export function endMisused(message: string): never {
  throw new Ended(misused(message));
}

export function endFailed(message: string): never {
  throw new Ended(failed(message));
}

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
