import { type ParseArgsOptionsConfig, parseArgs } from "node:util";
import { closest } from "./suggest.ts";

/** The arguments of a command, as text. */
export interface Args {
  /** The values of a repeatable option, in order. */
  readonly values: (option: string) => readonly string[];
  readonly value: (option: string) => string | undefined;
  /** Whether an option without a value is set. */
  readonly flag: (option: string) => boolean;
  /** As many as the command's `operands`. */
  readonly operands: readonly string[];
}

/** Prints what a slow command is doing, on standard error. */
export type Progress = (line: string) => void;

/** A command. It returns its outcome and prints nothing itself. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** The operands after the name, such as `<path>`. */
  readonly operands: readonly string[];
  readonly options: ParseArgsOptionsConfig;
  /** The text of `--help` below its first line. */
  readonly help: string;
  readonly run: (args: Args, progress: Progress) => Promise<Outcome>;
}

/** The outcome of a command. The process exits with `exit`: 0 success, 1 refused or failed, 2 wrong arguments. */
export type Outcome = Completed | Misused;

export interface Completed {
  readonly exit: 0 | 1;
  /** Printed on standard output. */
  readonly text: string;
  /** Printed instead of the text with `--json`. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Advice, printed on standard error so that the text can be piped. */
  readonly note?: string | undefined;
}

export interface Misused {
  readonly exit: 2;
  /** What is wrong, and what is allowed. */
  readonly message: string;
}

/** The output of the process; "" is not printed. */
export function printed(outcome: Outcome, asJson: boolean): { readonly stdout: string; readonly stderr: string } {
  if (outcome.exit === 2) return { stdout: "", stderr: outcome.message };
  return { stdout: asJson ? JSON.stringify(outcome.json, null, 2) : outcome.text, stderr: outcome.note ?? "" };
}

export function succeeded(text: string, json: Completed["json"], note?: string): Completed {
  return { exit: 0, text, json, note };
}

/** A failure without a result: the message says what to do. */
export function failed(message: string, details: Completed["json"] = {}): Completed {
  return { exit: 1, text: "", json: { error: message, ...details }, note: message };
}

export function misused(message: string): Misused {
  return { exit: 2, message };
}

/** Thrown to end a command with this outcome. */
export class CommandEnded extends Error {
  readonly outcome: Outcome;

  constructor(outcome: Outcome) {
    super(outcome.exit === 2 ? outcome.message : "the command failed");
    this.outcome = outcome;
  }
}

export function endMisused(message: string): never {
  throw new CommandEnded(misused(message));
}

/** Ends the command because an option has an invalid value, which is quoted unless it may be a secret. */
export function endInvalid(option: string, value: string, allowed: string): never {
  return endMisused(`--${option} must be ${allowed}, not ${shownWord(value)}.`);
}

/** At most one of these options can be `-`, because they read all of standard input. */
export function checkOneInput(args: Args, options: readonly string[]): void {
  const [first, second] = options.filter((option) => args.value(option) === "-");
  if (first !== undefined && second !== undefined)
    endMisused(`Only one of --${first} and --${second} can read standard input (-): name a file for the other.`);
}

export function endFailed(message: string): never {
  throw new CommandEnded(failed(message));
}

/** A word of the command line as a message shows it: quoted, unless it may be a token or another secret. */
export function shownWord(word: string): string {
  return word.length <= 32 ? JSON.stringify(word) : lengthOf(word);
}

/** A description of a text that is not quoted. */
export function lengthOf(text: string): string {
  return `a text of ${text.length} characters`;
}

/** Whether a text, given as an address or a file's name, may be a token: `Bearer …`, a JWT, or 33 letters and digits. */
export function mayBeToken(text: string): boolean {
  return /^(bearer\s|eyJ)/i.test(text) || (text.length > 32 && !/[./\\:]/.test(text));
}

/** The options that every command has. */
export const commonOptions = { json: { type: "boolean" }, help: { type: "boolean", short: "h" } } as const;

/** Reads a command's options and operands from the words of the command line. */
export function readArguments(command: Command, words: readonly string[]): Args {
  const options: ParseArgsOptionsConfig = { ...command.options, ...commonOptions };
  const { values, positionals, tokens } = parse(command, words, options);
  const names = tokens.flatMap((token) => (token.kind === "option" ? [token.name] : []));
  const repeated = names.find((name, index) => names.indexOf(name) < index && options[name]?.multiple !== true);
  if (repeated !== undefined) endMisused(`--${repeated} is given twice: give it once.${seeHelp(command)}`);
  const valuesOf = (option: string) => [values[option] ?? []].flat().filter((value) => typeof value === "string");
  const args = {
    values: valuesOf,
    value: (option: string) => valuesOf(option)[0],
    flag: (option: string) => values[option] === true,
    operands: positionals,
  };
  if (!args.flag("help")) checkOperands(command, positionals);
  return args;
}

function parse(command: Command, words: readonly string[], options: ParseArgsOptionsConfig) {
  try {
    return parseArgs({ args: [...words], options, allowPositionals: true, strict: true, tokens: true });
  } catch (error) {
    return endMisused(`${parseFailure(error, Object.keys(options))}${seeHelp(command)}`);
  }
}

/** The message of parseArgs in one sentence, and the option that was probably meant. */
export function parseFailure(error: unknown, options: readonly string[]): string {
  // Node's message continues with a hint about positionals.
  const [message = ""] = (error instanceof Error ? error.message : "").split(". ", 1);
  const [, option] = /^Unknown option '--([\w-]+)'/.exec(message) ?? [];
  const meant = option === undefined ? undefined : closest(option, options);
  return `${message.replace(/\.$/, "")}.${meant === undefined ? "" : ` Did you mean --${meant}?`}`;
}

function checkOperands(command: Command, positionals: readonly string[]): void {
  const { name, operands } = command;
  const missing = operands[positionals.length];
  if (missing !== undefined) endMisused(`${missing} is missing.${seeHelp(command)}`);
  if (positionals.length > operands.length)
    endMisused(
      operands.length === 0
        ? `"${name}" accepts only options, not ${shownWord(positionals[0] ?? "")}.${seeHelp(command)}`
        : `"${name}" accepts only ${operands.join(" ")}: put text with spaces or & in quotes.${seeHelp(command)}`,
    );
}

function seeHelp({ name }: Command): string {
  return ` See \`npx stagedoor ${name} --help\`.`;
}
