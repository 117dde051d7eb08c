import { readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { type Catalog, parseCatalogText } from "../../src/catalog/catalog.ts";
import { describeFault } from "../../src/catalog/fault.ts";
import { type KeyRing, parseKeyRing } from "../../src/keys/ring.ts";
import { devKeyRing, devKeysFile } from "../local/dev-keys.ts";
import { fixtureCatalog, projectRoot } from "../project.ts";
import type { Given } from "./command.ts";
import { endFailed } from "./outcome.ts";

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
