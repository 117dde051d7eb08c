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
 * Puts what `change` makes of a ring's keys into its file, which is made where there is none (mode 0600, its folder 0700).
 * The new text is written beside the file and put in its place in one step, so no moment is without the old keys; the file
 * beside it is also the lock that keeps a second command from writing over what the first one added. A file that holds no
 * sound ring is left as it is, and so is one whose `change` throws, or gives back the keys that it got.
 */
export async function changeRing<Result>(
  name: string,
  change: (ring: KeyRing) => Promise<{ readonly keys: readonly RingKey[]; readonly result: Result }>,
): Promise<Result> {
  const file = existsSync(name) ? realpathSync(name) : name;
  const beside = `${file}.new`;
  const handle = await lock(beside, name);
  try {
    const before = existsSync(file) ? readFileSync(file, "utf8") : '{"keys": []}';
    const ring = parseRingText(name, before);
    const document: unknown = parseJson(before);
    const { keys, result } = await change(ring);
    if (keys === ring.keys) {
      rmSync(beside);
      return result;
    }
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
