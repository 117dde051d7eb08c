import * as z from "zod";
import { type Seconds, seconds } from "../../src/base/seconds.ts";
import { fingerprintOf } from "../../src/keys/fingerprint.ts";
import type { RingKey } from "../../src/keys/key.ts";
import { inUse, keyStates } from "../../src/keys/life.ts";
import type { RotatedPurpose, RotationTimes, WaitingStep } from "../../src/keys/rotation.ts";
import { askApi, type OperatorApi } from "./operator-api.ts";
import { endFailed } from "./outcome.ts";

/** The keys that the API of a deployment runs with, as it says at `GET /operator/keys`. */
export interface LiveKeys {
  readonly api: string;
  readonly longestSession: Seconds;
  readonly keys: readonly { readonly kid: string; readonly state: string; readonly fingerprint: string }[];
}

const answerSchema = z.object({
  longestSessionSeconds: z.number().positive(),
  keys: z.array(z.object({ kid: z.string(), state: z.enum(keyStates), fingerprint: z.string() })),
});

export async function readLiveKeys(api: OperatorApi): Promise<LiveKeys> {
  const asked = await askApi(api, "GET", "/operator/keys");
  if (!asked.ok) return endFailed(asked.message);
  const read = answerSchema.safeParse(asked.answer);
  if (!read.success)
    return endFailed(`${api.api} answers with something else than its keys: is it of the version of this command?`);
  const { longestSessionSeconds, keys } = read.data;
  return { api: api.api, longestSession: seconds(longestSessionSeconds), keys };
}

/**
 * What the API says against a step, in a sentence: the step before it never reached the workers, though the ring's file has it.
 * A key that is to sign, or that signs in the place of one which goes, has to be there as it stands in the file; and a key that
 * goes must have ceased to sign. Undefined where nothing is against it.
 */
export async function behindTheRing(
  { step, kid }: WaitingStep,
  keys: readonly RingKey[],
  purpose: RotatedPurpose,
  { now }: RotationTimes,
  live: LiveKeys,
): Promise<string | undefined> {
  const leaving = live.keys.find((there) => there.kid === kid);
  if (step === "retire" && (leaving?.state === "active" || leaving?.state === "next"))
    return `the API (${live.api}) has ${kid} as ${leaving.state} still`;
  const wanted = step === "activate" ? keys.find((key) => key.kid === kid) : inUse(keys, purpose, now);
  if (wanted === undefined) return undefined;
  const there = live.keys.find((key) => key.kid === wanted.kid);
  if (there === undefined) return `the API (${live.api}) does not have ${wanted.kid}`;
  if (there.fingerprint !== (await fingerprintOf(wanted)))
    return `the API (${live.api}) has another key by the name of ${wanted.kid}`;
  const due = step === "activate" ? ["next", "active"] : ["active"];
  return due.includes(there.state) ? undefined : `the API (${live.api}) has ${wanted.kid} as ${there.state}`;
}
