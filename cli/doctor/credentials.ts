import { readFileSync } from "node:fs";
import { seconds } from "../../src/base/seconds.ts";
import type { KeyRing } from "../../src/keys/ring.ts";
import { keysFor } from "../../src/keys/ring.ts";
import type { Given } from "../commands/command.ts";
import { readText } from "../commands/files.ts";
import { operatorSigningKey, signOperatorToken } from "../commands/operator-token.ts";
import { signDevToken } from "../local/dev-token.ts";
import { isLocal } from "./live/live.ts";

/** Whom the API takes the checks for. */
export interface Credentials {
  /** A viewer's bearer token. */
  readonly token: string | undefined;
  /** An operator's credential. */
  readonly bearer: string | undefined;
}

/** What the command line names. On this machine the ring's own keys stand in for what it leaves out. */
export async function credentialsOf(
  given: Given,
  apiUrl: string | undefined,
  ring: KeyRing | undefined,
): Promise<Credentials> {
  const local = apiUrl !== undefined && isLocal(apiUrl) ? ring : undefined;
  return {
    token: credential(given, "token", "the bearer token") ?? (local === undefined ? undefined : await devToken(local)),
    bearer:
      credential(given, "bearer", "the operator's credential") ??
      (local === undefined ? undefined : await devOperator(local)),
  };
}

function credential(given: Given, option: "token" | "bearer", what: string): string | undefined {
  const file = given.one(option);
  if (file === undefined) return undefined;
  return (file === "-" ? readFileSync(0, "utf8") : readText(file, what)).trim();
}

/** A viewer of the development issuer; none where the ring has no key of its. */
async function devToken(ring: KeyRing): Promise<string | undefined> {
  if (keysFor(ring, "token")[0]?.d === undefined) return undefined;
  return signDevToken(ring, { subject: "stagedoor-doctor", assets: "*", lifetimeSeconds: 120 });
}

async function devOperator(ring: KeyRing): Promise<string | undefined> {
  const key = operatorSigningKey(ring);
  if (key === undefined) return undefined;
  return (await signOperatorToken(key, { name: "doctor", scopes: ["operator:read"], lifetime: seconds(120) })).token;
}
