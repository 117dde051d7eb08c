import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../project.ts";
import type { Command } from "./command.ts";
import { table } from "./table.ts";

/** The text of `npx stagedoor --help`. */
export function overallHelp(commands: readonly Command[]): string {
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
export function commandHelp({ name, operands, help }: Command): string {
  return `npx stagedoor ${[name, ...operands].join(" ")} [options]

${help}

  --json             print an object for programs
  --help             print this`;
}

export function version(): string {
  const { version: number } = Object(JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")));
  return String(number);
}
