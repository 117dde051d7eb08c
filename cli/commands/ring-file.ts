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
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { RingKey } from "../../src/keys/key.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { parseJson, parseRingText, reasonOf, shortName } from "./files.ts";
import { endFailed } from "./outcome.ts";

const patience = 5_000;

/**
 * Adds a key to a ring file, which is made where there is none (mode 0600, its folder 0700). The new text is written
 * beside the file and put in its place in one step, so no moment is without the old keys; the file beside it is also the
 * lock that keeps a second command from writing over what the first one added. A file that holds no sound ring is left
 * as it is.
 */
export function addToRing(name: string, make: (ring: KeyRing) => Promise<RingKey>): Promise<RingKey> {
  return rewrite(name, async (ring, keys) => {
    const key = await make(ring);
    return { keys: [...keys, key], result: key };
  });
}

/** Gives the key whose kid `choose` says the kid `to`, as {@link addToRing} adds one. It stays at its place. */
export function renameInRing(name: string, to: string, choose: (ring: KeyRing) => string): Promise<void> {
  return rewrite(name, async (ring, keys) => {
    const from = choose(ring);
    const renamed = keys.map((key) => (Object(key).kid === from ? { ...Object(key), kid: to } : key));
    return { keys: renamed, result: undefined };
  });
}

async function rewrite<Result>(
  name: string,
  change: (ring: KeyRing, keys: readonly unknown[]) => Promise<{ keys: readonly unknown[]; result: Result }>,
): Promise<Result> {
  const file = existsSync(name) ? realpathSync(name) : name;
  const beside = `${file}.new`;
  const handle = await lock(beside, name);
  try {
    const before = existsSync(file) ? readFileSync(file, "utf8") : '{"keys": []}';
    const ring = parseRingText(name, before);
    const document: unknown = parseJson(before);
    const { keys, result } = await change(ring, keysIn(document));
    writeSync(handle, `${JSON.stringify({ ...Object(document), keys }, null, 2)}\n`);
    fsyncSync(handle);
    renameSync(beside, file);
    return result;
  } catch (error) {
    rmSync(beside, { force: true });
    throw error;
  } finally {
    closeSync(handle);
  }
}

/** The keys as they stand in the document, so that nothing in it is lost on the way. */
function keysIn(document: unknown): readonly unknown[] {
  const keys: unknown = Object(document).keys;
  return Array.isArray(keys) ? keys : [];
}

async function lock(beside: string, name: string): Promise<number> {
  const until = Date.now() + patience;
  for (;;) {
    try {
      mkdirSync(dirname(beside), { recursive: true, mode: 0o700 });
      return openSync(beside, "wx", 0o600);
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
