import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf, shortName } from "./files.ts";
import { endFailed } from "./outcome.ts";

/** In milliseconds: how long another command may hold the file. */
const patience = 5_000;

/** What a change makes of a file's text; undefined leaves the file as it is. */
export interface Rewritten<Result> {
  readonly text: string | undefined;
  readonly result: Result;
}

/** `secret`: the file is its owner's alone, and so is a folder that is made for it; else it keeps its mode. */
export type Secrecy = "secret" | "open";

/**
 * Changes a file as a whole: `change` gets its text, or undefined where there is none. The new text is written beside the
 * file and put in its place in one step, so that no moment is without the old one; the file beside it is also the lock that
 * keeps a second command from writing over what the first one changed. Where `change` throws, the file is left as it is. A
 * link stays one.
 */
export async function rewriteFile<Result>(
  name: string,
  secrecy: Secrecy,
  change: (before: string | undefined) => Promise<Rewritten<Result>>,
): Promise<Result> {
  const file = existsSync(name) ? realpathSync(name) : name;
  const beside = `${file}.new`;
  const handle = await lock(beside, name, secrecy);
  let placed = false;
  try {
    const { text, result } = await change(read(file, name));
    if (text === undefined) return result;
    writeSync(handle, text);
    fsyncSync(handle);
    renameSync(beside, file);
    placed = true;
    return result;
  } finally {
    closeSync(handle);
    if (!placed) rmSync(beside, { force: true });
  }
}

function read(file: string, name: string): string | undefined {
  try {
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  } catch (error) {
    return endFailed(`${shortName(name)} cannot be read: ${reasonOf(error)}.`);
  }
}

async function lock(beside: string, name: string, secrecy: Secrecy): Promise<number> {
  const until = Date.now() + patience;
  for (;;) {
    try {
      mkdirSync(dirname(beside), { recursive: true, mode: secrecy === "secret" ? 0o700 : 0o755 });
      return openSync(beside, "wx", secrecy === "secret" ? 0o600 : modeOf(name));
    } catch (error) {
      const taken = error instanceof Error && "code" in error && error.code === "EEXIST";
      if (!taken) endFailed(`${shortName(name)} cannot be written: ${reasonOf(error)}.`);
      if (Date.now() >= until)
        endFailed(
          `Another command is writing ${shortName(name)}. If none is running, delete ${shortName(beside)} and try again.`,
        );
    }
    await sleep(50);
  }
}

function modeOf(name: string): number {
  return existsSync(name) ? statSync(name).mode & 0o777 : 0o644;
}
