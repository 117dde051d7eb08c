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
import { dirname, join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Catalog, parseCatalogText } from "../../src/catalog/catalog.ts";
import { describeFault } from "../../src/catalog/catalog-fault.ts";
import { type KeyRing, parseKeyRing } from "../../src/keys/ring.ts";
import { type Args, endFailed, lengthOf, mayBeToken } from "./command.ts";
import { devKeyRing, devKeysFile } from "./dev-keys.ts";
import { defaultCatalog, projectRoot, startProgram } from "./project.ts";

/** The key ring of development, and the default of `--ring`. */
export const devRingFile = join(projectRoot, devKeysFile);

export const ringOption = { ring: { type: "string" } } as const;
export const catalogOption = { catalog: { type: "string" } } as const;

export function ringFileOf(args: Args): string {
  return args.value("ring") ?? devRingFile;
}

/** The key ring of `--ring`, or the development ring, which is created if there is none. */
export async function readRing(args: Args): Promise<KeyRing> {
  const file = args.value("ring");
  if (file !== undefined) {
    if (!existsSync(file)) return endFailed(noRing(file));
    return parseRingText(file, readText(file, "the key ring"));
  }
  try {
    return await devKeyRing(projectRoot);
  } catch (error) {
    return endFailed(`The development key ring cannot be read: ${error instanceof Error ? error.message : "no Error"}`);
  }
}

function noRing(file: string): string {
  const name = isFileName(file) ? shortName(file) : "<file>";
  return `${shortName(file)} (the key ring) cannot be read: there is no such file or folder. \`npx stagedoor keys new --purpose session --ring ${name}\` makes a ring; without --ring, the keys of \`${startProgram}\` are used.`;
}

/** Parses the text of a key ring file. Errors name the position and the kid, and quote no key. */
export function parseRingText(file: string, text: string): KeyRing {
  const ring = parseKeyRing(parseJson(text));
  return ring.ok
    ? ring.value
    : endFailed([`${shortName(file)} is not a valid key ring:`, ...ring.refusal].join("\n  "));
}

export function catalogFileOf(args: Args): string {
  return args.value("catalog") ?? defaultCatalog;
}

/** The catalog of `--catalog`, or that of the fixtures. An invalid one ends the command with all its errors. */
export function readCatalog(args: Args): Catalog {
  const file = catalogFileOf(args);
  const catalog = parseCatalogText(readText(file, "the catalog"));
  if (catalog.ok) return catalog.value;
  return endFailed([`${shortName(file)} is not a valid catalog:`, ...catalog.refusal.map(describeFault)].join("\n  "));
}

/** The text of a file. The error message calls it `content`, such as "the catalog". */
export function readText(file: string, content: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    return endFailed(`${shortName(file)} (${content}) cannot be read: ${reasonOf(error)}.`);
  }
}

/** The text of a file, or of standard input for `-`. */
export function readTextOrInput(file: string, content: string): string {
  return file === "-" ? readFileSync(0, "utf8") : readText(file, content);
}

/** Ends the command if other users can read a file of `content`, such as "the secrets". */
export function checkPrivate(file: string, content: string, mode: "600" | "700" = "600"): void {
  try {
    if ((statSync(file).mode & 0o077) === 0) return;
  } catch (error) {
    endFailed(`${shortName(file)} cannot be read: ${reasonOf(error)}.`);
  }
  endFailed(`Other users can read ${content} in ${shortName(file)}: run chmod ${mode} ${shortName(file)}.`);
}

/** Why a file operation failed: the system's code, such as EACCES. */
export function reasonOf(error: unknown): string {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file or folder";
  return typeof code === "string" ? code : "unknown error";
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * A file's path relative to the current folder, if it is below it. A text that names no file and may be a secret, such as a token
 * in place of the file that contains it, is not repeated.
 */
export function shortName(file: string): string {
  if (!isFileName(file)) return lengthOf(file);
  const path = relative(process.cwd(), file);
  return path.startsWith("..") || path === "" ? file : path;
}

function isFileName(text: string): boolean {
  return (text.length <= 255 && !/\s/.test(text) && !mayBeToken(text)) || existsSync(text);
}

/** Milliseconds to wait for another command's lock. */
const lockTimeout = 5_000;

/** The new text of a file; undefined leaves the file as it is. */
export interface Rewritten<Result> {
  readonly text: string | undefined;
  readonly result: Result;
}

/** `secret`: only the owner can read the file, and a folder created for it. `open`: the file keeps its mode. */
export type Secrecy = "secret" | "open";

/**
 * Replaces a file in one step: `change` gets its text, or undefined if there is none. The new text goes to `<name>.new` first,
 * which is also the lock: a second command cannot overwrite the change of the first. If `change` throws, the file stays as it
 * is. A link stays a link.
 */
export async function rewriteFile<Result>(
  name: string,
  secrecy: Secrecy,
  change: (before: string | undefined) => Promise<Rewritten<Result>>,
): Promise<Result> {
  const file = existsSync(name) ? realpathSync(name) : name;
  const staging = `${file}.new`;
  const handle = await lock(staging, name, secrecy);
  let isReplaced = false;
  try {
    const { text, result } = await change(read(file, name));
    if (text === undefined) return result;
    writeSync(handle, text);
    fsyncSync(handle);
    renameSync(staging, file);
    isReplaced = true;
    return result;
  } finally {
    closeSync(handle);
    if (!isReplaced) rmSync(staging, { force: true });
  }
}

function read(file: string, name: string): string | undefined {
  try {
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
  } catch (error) {
    return endFailed(`${shortName(name)} cannot be read: ${reasonOf(error)}.`);
  }
}

async function lock(staging: string, name: string, secrecy: Secrecy): Promise<number> {
  const until = Date.now() + lockTimeout;
  for (;;) {
    try {
      mkdirSync(dirname(staging), { recursive: true, mode: secrecy === "secret" ? 0o700 : 0o755 });
      return openSync(staging, "wx", secrecy === "secret" ? 0o600 : modeOf(name));
    } catch (error) {
      const isLocked = error instanceof Error && "code" in error && error.code === "EEXIST";
      if (!isLocked) endFailed(`${shortName(name)} cannot be written: ${reasonOf(error)}.`);
      if (Date.now() >= until)
        endFailed(
          `Another command is writing ${shortName(name)}. If none is running, delete ${shortName(staging)} and try again.`,
        );
    }
    await sleep(50);
  }
}

function modeOf(name: string): number {
  return existsSync(name) ? statSync(name).mode & 0o777 : 0o644;
}
