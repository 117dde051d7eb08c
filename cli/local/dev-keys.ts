import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { newCloudFrontKey, newSessionKey, newTokenKey } from "../../src/keys/generate.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { type KeyRing, parseKeyRing } from "../../src/keys/ring.ts";

/** Where the development keys lie, below the project: git-ignored. */
export const devKeysFile = ".stagedoor/keys.json";

/** The kids of the keys that development starts with. */
export const devKids = {
  session: "dev-session",
  rsa: "dev-cloudfront-rsa",
  ec: "dev-cloudfront-ec",
  token: "dev-issuer",
};

/**
 * The development key ring, made on the first start and read from then on. The file is readable by its owner alone.
 * Throws an Error that says what to do where the file does not hold a key ring.
 */
export async function devKeyRing(root: string): Promise<KeyRing> {
  const file = join(root, devKeysFile);
  if (!existsSync(file)) await writeDevKeys(file);
  const ring = parseKeyRing(JSON.parse(readFileSync(file, "utf8")));
  if (!ring.ok)
    throw new Error(
      `${devKeysFile} does not hold a key ring; delete it and start again\n  ${ring.refusal.join("\n  ")}`,
    );
  return ring.value;
}

/** Fresh development keys: one of each kind that is used. */
export async function newDevKeys(): Promise<RingKey[]> {
  return [
    newSessionKey(devKids.session, randomBytes),
    await newCloudFrontKey(devKids.rsa, "rsa"),
    await newCloudFrontKey(devKids.ec, "ec"),
    await newTokenKey(devKids.token),
  ];
}

async function writeDevKeys(file: string): Promise<void> {
  const keys = await newDevKeys();
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  writeFileSync(file, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600 });
  chmodSync(file, 0o600);
}
