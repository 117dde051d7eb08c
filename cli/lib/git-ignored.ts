import { spawnSync } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Outcome } from "./command.ts";
import { shortName } from "./files.ts";

/**
 * The outcome of a command that wrote secrets to these files, with a warning for each that git would commit, and the command that
 * prevents it. Outside of a repository, and on a machine without git, there is none.
 */
export function withGitWarning(outcome: Outcome, files: readonly string[]): Outcome {
  if (outcome.exit !== 0) return outcome;
  const open = [...new Set(files)].filter(isOpenToGit);
  if (open.length === 0) return outcome;
  const note = [outcome.note, ...open.map(warning)].filter((line) => line !== undefined).join("\n\n");
  return { ...outcome, note, json: { ...outcome.json, notIgnored: open } };
}

/** Whether a file is in a repository whose .gitignore does not name it. */
function isOpenToGit(file: string): boolean {
  if (!existsSync(file)) return false;
  const path = realpathSync(file);
  const words = ["check-ignore", "--quiet", "--", basename(path)];
  // 0: ignored, 1: not ignored, 128: no repository. The status is null if there is no git.
  return spawnSync("git", words, { cwd: dirname(path), stdio: "ignore" }).status === 1;
}

function warning(file: string): string {
  const path = realpathSync(file);
  const ignore = shortName(join(dirname(path), ".gitignore"));
  return `Warning: git does not ignore ${shortName(file)}, which contains secrets. Never commit it; add its line to .gitignore:
  echo '/${basename(path)}' >> ${ignore}`;
}
