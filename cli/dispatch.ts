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
import {
  type Command,
  CommandEnded,
  misused,
  type Outcome,
  type Progress,
  readArguments,
  succeeded,
} from "./lib/command.ts";
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
 * Runs the command that the words of a command line name. Every expected failure is an {@link Outcome}; an exception is a bug.
 * A slow command reports what it is doing to `progress`.
 */
export async function dispatch(words: readonly string[], progress: Progress = () => undefined): Promise<Outcome> {
  try {
    return await run(words, progress);
  } catch (error) {
    if (error instanceof CommandEnded) return error.outcome;
    throw error;
  }
}

async function run([first, ...rest]: readonly string[], progress: Progress): Promise<Outcome> {
  if (first === undefined || first === "--help" || first === "-h" || first === "help") return generalHelp();
  if (first === "--version") return succeeded(version(), { version: version() });
  const [second] = rest;
  const command = commands.find(({ name }) => name === first || name === `${first} ${second}`);
  if (command === undefined) return unknownCommand(first, second);
  const args = readArguments(command, command.name === first ? rest : rest.slice(1));
  return args.flag("help")
    ? succeeded(commandHelp(command), { help: commandHelp(command) })
    : command.run(args, progress);
}

function generalHelp(): Outcome {
  const help = generalHelpText();
  return succeeded(help, { help });
}

/** A noun alone, such as `keys`, gets a list of its commands. */
function unknownCommand(first: string, second: string | undefined): Outcome {
  const family = commands.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name);
  if (family.length === 0)
    return misused(`There is no command ${JSON.stringify(first)}. \`npx stagedoor --help\` lists them.`);
  if (second === "--help" || second === "-h") return generalHelp();
  return misused(`Name a command: ${family.map((name) => `npx stagedoor ${name}`).join(", ")}.`);
}

/** The text of `npx stagedoor --help`. */
function generalHelpText(): string {
  return `npx stagedoor <command> [options]

${table(commands.map(({ name, operands, summary }) => [`  ${[name, ...operands].join(" ")}`, summary]))}

Every command has --json (prints an object for programs) and --help. The exit code is 0 for success, 1 if something failed
or was refused, 2 for wrong arguments. \`npm start\` starts the service on this machine.

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
  --help             print this help`;
}

function version(): string {
  const { version: number } = Object(JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")));
  return String(number);
}
