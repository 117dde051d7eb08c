import { readFileSync } from "node:fs";
import { join } from "node:path";
import { assetsAddCommand } from "./assets/add-asset.ts";
import { assetsCheckCommand } from "./assets/check-assets.ts";
import { assetsListCommand, assetsRemoveCommand } from "./assets/list-assets.ts";
import { doctorCommand } from "./doctor/doctor.ts";
import { keysBindCommand } from "./keys/bind-key.ts";
import { keysExportCommand } from "./keys/export-keys.ts";
import { keysImportCommand } from "./keys/import-key.ts";
import { keysForCommand, keysListCommand } from "./keys/list-keys.ts";
import { keysNewCommand } from "./keys/new-key.ts";
import { keysRemoveCommand } from "./keys/remove-key.ts";
import { keysRotateCommand } from "./keys/rotate-keys.ts";
import { type Command, Ended, good, misused, type Outcome, type Progress, readArguments } from "./lib/command.ts";
import { projectRoot } from "./lib/project.ts";
import { table } from "./lib/text.ts";
import { operatorNewCommand } from "./operator/new-operator.ts";
import { refusalsCommand } from "./operator/refusals.ts";
import { revokeCommand } from "./operator/revoke.ts";
import { sessionsCommand } from "./operator/sessions.ts";
import { explainCommand } from "./stream/explain.ts";
import { signCommand } from "./stream/sign.ts";
import { tokenCommand } from "./stream/token.ts";

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

/** The text of `npx stagedoor --help`. */
function overallHelp(commands: readonly Command[]): string {
  return `npx stagedoor <command> [options]

${table(commands.map(({ name, operands, summary }) => [`  ${[name, ...operands].join(" ")}`, summary]))}

Each takes --json (an object for programs) and --help. It ends with 0 if all is good, 1 if something is refused or has
failed, 2 if the command line is wrong. \`npm start\` starts the service on this machine.

  npx stagedoor token --assets vod-ts --expires-in 8h
  npx stagedoor keys new --purpose session --ring keys.json
  npx stagedoor operator new --name ann --ring keys.json
  npx stagedoor assets check --catalog catalog.json
  curl -s "$(npx stagedoor sign /vod-ts/index.m3u8)"
  npx stagedoor explain "$(npx stagedoor sign /vod-ts/index.m3u8)"`;
}

/** The text of a command's `--help`. */
function commandHelp({ name, operands, help }: Command): string {
  return `npx stagedoor ${[name, ...operands].join(" ")} [options]

${help}

  --json             print an object for programs
  --help             print this`;
}

function version(): string {
  const { version: number } = Object(JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")));
  return String(number);
}
