import type { RingKey } from "../../src/keys/key.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { parseJson, parseRingText } from "./files.ts";
import { rewriteFile } from "./rewrite-file.ts";

/**
 * Puts what `change` makes of a ring's keys into its file, as {@link rewriteFile} does; it is made where there is none (mode
 * 0600, its folder 0700). A file that holds no sound ring is left as it is, and so is one whose `change` throws, or gives
 * back the keys that it got.
 */
export function changeRing<Result>(
  name: string,
  change: (ring: KeyRing) => Promise<{ readonly keys: readonly RingKey[]; readonly result: Result }>,
): Promise<Result> {
  return rewriteFile(name, "secret", async (text) => {
    const before = text ?? '{"keys": []}';
    const ring = parseRingText(name, before);
    const { keys, result } = await change(ring);
    if (keys === ring.keys) return { text: undefined, result };
    return { text: `${JSON.stringify({ ...Object(parseJson(before)), keys }, null, 2)}\n`, result };
  });
}
