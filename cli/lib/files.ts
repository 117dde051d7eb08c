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
import { endFailed, type Given } from "./command.ts";
import { devKeyRing, devKeysFile } from "./dev-keys.ts";
import { fixtureCatalog, projectRoot } from "./project.ts";

/** The key ring that development uses, where no `--ring` names another. */
export const devRingFile = join(projectRoot, devKeysFile);

/** The options that name the files which most commands read. */
export const ringOption = { ring: { type: "string" } } as const;
export const catalogOption = { catalog: { type: "string" } } as const;

export function ringFileOf(given: Given): string {
  return given.one("ring") ?? devRingFile;
}

/** The key ring of `--ring`, or that of development, which is made where there is none yet. */
export async function readRing(given: Given): Promise<KeyRing> {
  const file = given.one("ring");
  if (file !== undefined) return parseRingText(file, readText(file, "the key ring"));
  try {
    return await devKeyRing(projectRoot);
  } catch (error) {
    return endFailed(`The development key ring cannot be read: ${error instanceof Error ? error.message : "no Error"}`);
  }
}

/** The ring that a file's text holds. What is wrong with it is named by place and kid, never by a key's bytes. */
export function parseRingText(file: string, text: string): KeyRing {
  const ring = parseKeyRing(parseJson(text));
  return ring.ok ? ring.value : endFailed([`${shortName(file)} holds no key ring:`, ...ring.refusal].join("\n  "));
}

export function catalogFileOf(given: Given): string {
  return given.one("catalog") ?? fixtureCatalog;
}

/** The catalog of `--catalog`, or that of the fixtures; a faulty one ends the command with every fault. */
export function readCatalog(given: Given): Catalog {
  const file = catalogFileOf(given);
  const catalog = parseCatalogText(readText(file, "the catalog"));
  if (catalog.ok) return catalog.value;
  return endFailed([`${shortName(file)} is faulty:`, ...catalog.refusal.map(describeFault)].join("\n  "));
}

/** A file's text; `what` it should hold is named where it cannot be read. */
export function readText(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    return endFailed(`${shortName(file)} (${what}) cannot be read: ${reasonOf(error)}.`);
  }
}

/** The system's own code for what went wrong with a file, such as ENOENT. */
export function reasonOf(error: unknown): string {
  const code: unknown = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file or folder";
  return typeof code === "string" ? code : "it failed";
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A file's name as it is shortest from here. */
export function shortName(file: string): string {
  const name = relative(process.cwd(), file);
  return name.startsWith("..") || name === "" ? file : name;
}

/** Milliseconds to wait for another command's lock. */
const lockTimeout = 5_000;

/** What a change makes of a file's text; undefined leaves the file as it is. */
export interface Rewritten<Result> {
  readonly text: string | undefined;
  readonly result: Result;
}

/** `secret`: the file is its owner's alone, and so is a folder that is made for it; else it keeps its mode. */
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
  let placed = false;
  try {
    const { text, result } = await change(read(file, name));
    if (text === undefined) return result;
    writeSync(handle, text);
    fsyncSync(handle);
    renameSync(staging, file);
    placed = true;
    return result;
  } finally {
    closeSync(handle);
    if (!placed) rmSync(staging, { force: true });
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
      const taken = error instanceof Error && "code" in error && error.code === "EEXIST";
      if (!taken) endFailed(`${shortName(name)} cannot be written: ${reasonOf(error)}.`);
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
