import { readArguments } from "./arguments.ts";
import { assetsAddCommand } from "./assets-add.ts";
import { assetsCheckCommand } from "./assets-check.ts";
import { assetsListCommand } from "./assets-list.ts";
import { assetsRemoveCommand } from "./assets-remove.ts";
import type { Command, Progress } from "./command.ts";
import { doctorCommand } from "./doctor.ts";
import { explainCommand } from "./explain.ts";
import { commandHelp, overallHelp, version } from "./help.ts";
import { keysBindCommand } from "./keys-bind.ts";
import { keysExportCommand } from "./keys-export.ts";
import { keysForCommand } from "./keys-for.ts";
import { keysImportCommand } from "./keys-import.ts";
import { keysListCommand } from "./keys-list.ts";
import { keysNewCommand } from "./keys-new.ts";
import { keysRemoveCommand } from "./keys-remove.ts";
import { keysRotateCommand } from "./keys-rotate.ts";
import { operatorNewCommand } from "./operator-new.ts";
import { Ended, good, misused, type Outcome } from "./outcome.ts";
import { refusalsCommand } from "./refusals.ts";
import { revokeCommand } from "./revoke.ts";
import { sessionsCommand } from "./sessions.ts";
import { signCommand } from "./sign.ts";
import { tokenCommand } from "./token.ts";

const commands: readonly Command[] = [
  tokenCommand,
  keysNewCommand,
  keysImportCommand,
  keysBindCommand,
  keysListCommand,
  keysRotateCommand,
  keysRemoveCommand,
  keysExportCommand,
  keysForCommand,
  assetsListCommand,
  assetsAddCommand,
  assetsRemoveCommand,
  assetsCheckCommand,
  signCommand,
  explainCommand,
  revokeCommand,
  sessionsCommand,
  refusalsCommand,
  operatorNewCommand,
  doctorCommand,
];

/**
 * What the words of a command line come to. Every expected failure is an {@link Outcome}; what is thrown from here is a
 * bug. `progress` is told what a command does that takes its time.
 */
export function dispatch(words: readonly string[], progress: Progress = () => undefined): Promise<Outcome> {
  return run(words, progress).catch(outcomeOf);
}

async function run([first, ...rest]: readonly string[], progress: Progress): Promise<Outcome> {
  if (first === undefined || first === "--help" || first === "-h" || first === "help") return overall();
  if (first === "--version") return good(version(), { version: version() });
  const [second] = rest;
  const command = commands.find(({ name }) => name === first || name === `${first} ${second}`);
  if (command === undefined) return withoutCommand(first, second);
  const given = readArguments(command, command.name === first ? rest : rest.slice(1));
  return given.on("help") ? good(commandHelp(command), { help: commandHelp(command) }) : command.run(given, progress);
}

function overall(): Outcome {
  const help = overallHelp(commands);
  return good(help, { help });
}

/** `keys` alone names its commands; anything else is not known. */
function withoutCommand(first: string, second: string | undefined): Outcome {
  const family = commands.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name);
  if (family.length === 0)
    return misused(`There is no command ${JSON.stringify(first)}. \`npx stagedoor --help\` lists them.`);
  if (second === "--help" || second === "-h") return overall();
  return misused(`Say which: ${family.map((name) => `npx stagedoor ${name}`).join(", ")}.`);
}

/** What an argument or a file ended the command with; every other error is a bug and goes on. */
function outcomeOf(error: unknown): Outcome {
  if (error instanceof Ended) return error.outcome;
  throw error;
}
