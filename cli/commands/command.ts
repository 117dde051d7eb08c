import type { ParseArgsOptionsConfig } from "node:util";
import type { Outcome } from "./outcome.ts";

/** What the command line gave a command, as text. */
export interface Given {
  /** The values of an option, in order; empty where it was not given. */
  readonly all: (option: string) => readonly string[];
  /** The value of an option that is given once at most. */
  readonly one: (option: string) => string | undefined;
  /** Whether a switch is on. */
  readonly on: (option: string) => boolean;
  /** What stands beside the options. As many as the command's `operands`. */
  readonly operands: readonly string[];
}

/** Tells the person who waits what a command does now, on standard error. */
export type Progress = (line: string) => void;

/** One command. It returns what came out, and prints nothing itself. */
export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What stands behind the name, `<path>`; none where it takes none. */
  readonly operands: readonly string[];
  readonly options: ParseArgsOptionsConfig;
  /** The text of `--help` below its first line. */
  readonly help: string;
  readonly run: (given: Given, progress: Progress) => Promise<Outcome>;
}
