import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { assetsAddCommand } from "./assets/add-asset.ts";
import { assetsCheckCommand } from "./assets/check-assets.ts";
import { assetsListCommand, assetsRemoveCommand } from "./assets/list-assets.ts";
import { assetsEnforcementCommand } from "./assets/set-enforcement.ts";
import { backendNewCommand } from "./backend/new-backend.ts";
import { cloudfrontFunctionCommand } from "./cloudfront/function-command.ts";
import { cloudfrontSyncCommand } from "./cloudfront/sync-command.ts";
import { cloudfrontTemplateCommand } from "./cloudfront/template-command.ts";
import { cloudfrontTestCasesCommand } from "./cloudfront/test-cases-command.ts";
import { completionCommand } from "./completion.ts";
import { deployCommand } from "./deploy/deploy-command.ts";
import { doctorCommand } from "./doctor/doctor.ts";
import { initCommand } from "./init/init.ts";
import { issuersAddCommand } from "./issuers/add-issuer.ts";
import { issuersCheckCommand, issuersListCommand } from "./issuers/list-issuers.ts";
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
  failed,
  misused,
  type Outcome,
  type Progress,
  readArguments,
  shownWord,
  succeeded,
} from "./lib/command.ts";
import { generateFiles } from "./lib/deployment-folder.ts";
import { inDeployment, packageRoot, projectRoot, startProgram } from "./lib/project.ts";
import { closest } from "./lib/suggest.ts";
import { bold, table } from "./lib/text.ts";
import { devCommand, serveCommand } from "./local/run-commands.ts";
import { nginxCommand } from "./nginx/nginx-command.ts";
import { nginxLogCommand } from "./nginx/nginx-log.ts";
import { actionsCommand } from "./operator/actions.ts";
import { assetsBlackoutCommand } from "./operator/black-out.ts";
import { breakdownCommand } from "./operator/breakdown.ts";
import { eventsCommand } from "./operator/events.ts";
import { historyCommand } from "./operator/history.ts";
import { operatorNewCommand } from "./operator/new-operator.ts";
import { refusalsCommand } from "./operator/refusals.ts";
import { revocationsCommand } from "./operator/revocations.ts";
import { revokeCommand } from "./operator/revoke.ts";
import { sessionsCommand } from "./operator/sessions.ts";
import { statusCommand } from "./operator/status.ts";
import { viewerCommand } from "./operator/viewer.ts";
import { secretsNewCommand } from "./secrets/new-secrets.ts";
import { explainCommand } from "./stream/explain.ts";
import { signCommand } from "./stream/sign.ts";
import { tokenCommand } from "./stream/token.ts";

const ownCommands: readonly Command[] = [
  initCommand,
  devCommand,
  serveCommand,
  deployCommand,
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
  assetsEnforcementCommand,
  assetsRemoveCommand,
  assetsBlackoutCommand,
  assetsCheckCommand,
  issuersAddCommand,
  issuersListCommand,
  issuersCheckCommand,
  signCommand,
  explainCommand,
  breakdownCommand,
  revocationsCommand,
  revokeCommand,
  statusCommand,
  eventsCommand,
  actionsCommand,
  historyCommand,
  sessionsCommand,
  viewerCommand,
  refusalsCommand,
  secretsNewCommand,
  operatorNewCommand,
  backendNewCommand,
  nginxCommand,
  nginxLogCommand,
  cloudfrontFunctionCommand,
  cloudfrontTemplateCommand,
  cloudfrontTestCasesCommand,
  cloudfrontSyncCommand,
  doctorCommand,
];

const commands: readonly Command[] = [...ownCommands, completionCommand(ownCommands)];

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

async function run(words: readonly string[], progress: Progress): Promise<Outcome> {
  // `help keys new` is `keys new --help`.
  const [first, ...rest] = words[0] === "help" ? [...words.slice(1), "--help"] : words;
  if (first === undefined || isHelp(first)) return helped(generalHelp());
  if (first === "--version") return succeeded(version(), { version: version() });
  const [second] = rest;
  const command = commands.find(({ name }) => name === first || name === `${first} ${second}`);
  if (command === undefined) return groupOrUnknown(first, second);
  const args = readArguments(command, command.name === first ? rest : rest.slice(1));
  if (args.flag("help")) return helped(commandHelp(command));
  const fault = generatingFault(command);
  return fault === undefined ? command.run(args, progress) : failed(fault);
}

/**
 * In a deployment's folder, commands read the files that are generated from its configuration, so these come first. The
 * commands of issuers read the configuration themselves: they complete one that has no issuer yet. So do `serve` and
 * `nginx`, which need none of these files, and may not write to the folder.
 */
function generatingFault({ name }: Command): string | undefined {
  if (!inDeployment || ["init", "completion", "serve", "nginx"].includes(name) || name.startsWith("issuers "))
    return undefined;
  const generated = generateFiles(projectRoot);
  return generated.ok ? undefined : generated.refusal;
}

function isHelp(word: string): boolean {
  return word === "--help" || word === "-h";
}

function helped(help: string): Outcome {
  return succeeded(help, { help: stripVTControlCharacters(help) });
}

/** A group alone, such as `keys`, or a command that does not exist. */
function groupOrUnknown(first: string, second: string | undefined): Outcome {
  const group = commands.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length === 0) return unknownCommand(first, second);
  if (second !== undefined && isHelp(second)) return helped(groupHelp(first, group));
  if (second === undefined || second.startsWith("-"))
    return misused(`"${first}" needs a command:\n\n${commandTable(group, "npx stagedoor ")}`);
  const meant = closest(second, group.map(lastWord));
  return misused(
    `There is no command ${shownWord(`${first} ${second}`)}.${suggestion(meant && `${first} ${meant}`)} The commands of "${first}":\n\n${commandTable(group, "npx stagedoor ")}`,
  );
}

function unknownCommand(first: string, second: string | undefined): Outcome {
  if (first === "start") return misused(`There is no command "start": run \`${startProgram}\`.`);
  const groupOf = (name: string) => name.split(" ")[0] ?? name;
  const meant = closest(first, [...new Set(commands.map(({ name }) => groupOf(name)))]);
  const group = commands.filter(({ name }) => name.startsWith(`${meant} `));
  const inGroup = second === undefined ? undefined : closest(second, group.map(lastWord));
  const known = [meant, inGroup].filter((word) => word !== undefined).join(" ") || undefined;
  return misused(
    `There is no command ${shownWord(first)}.${suggestion(known)} \`npx stagedoor --help\` lists the commands.`,
  );
}

function lastWord({ name }: Command): string {
  return name.split(" ").at(-1) ?? name;
}

function suggestion(command: string | undefined): string {
  return command === undefined ? "" : ` Did you mean \`npx stagedoor ${command}\`?`;
}

/** In an error the rows are whole command lines, to copy. */
function commandTable(listed: readonly Command[], program = ""): string {
  return table(listed.map(({ name, operands, summary }) => [`  ${program}${[name, ...operands].join(" ")}`, summary]));
}

/** The text of `npx stagedoor keys --help`. */
function groupHelp(group: string, listed: readonly Command[]): string {
  return `${bold(`npx stagedoor ${group} <command> [options]`)}

${commandTable(listed)}

\`npx stagedoor ${listed[0]?.name} --help\` prints the options of a command.`;
}

/** The text of `npx stagedoor --help`. */
function generalHelp(): string {
  return `${bold("npx stagedoor <command> [options]")}

${commandTable(commands)}

Every command has --json (prints an object for programs) and --help; every group has --help: \`npx stagedoor keys --help\`.
The exit code is 0 for success, 1 if something failed or was refused, 2 for wrong arguments. \`${startProgram}\` starts the service
on this machine.

  npx stagedoor token --assets vod-ts --expires-in 8h
  npx stagedoor keys new --purpose session --ring keys.json
  npx stagedoor operator new --name ann --ring keys.json
  npx stagedoor assets check --catalog catalog.json
  curl -s "$(npx stagedoor sign /vod-ts/index.m3u8)"
  npx stagedoor explain "$(npx stagedoor sign /vod-ts/index.m3u8)"`;
}

/** The text of a command's `--help`. */
function commandHelp({ name, operands, help }: Command): string {
  return `${bold(`npx stagedoor ${[name, ...operands].join(" ")} [options]`)}

${help}

  --json             print an object for programs
  --help             print this help`;
}

function version(): string {
  const { version: number } = Object(JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8")));
  return String(number);
}
