import { rfc3339, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { settingsSchema } from "../../../src/config/settings.ts";
import type { BackendKey } from "../../../src/keys/key.ts";
import { isAccepted, type KeyRing, keysFor } from "../../../src/keys/ring.ts";
import { devRingFile } from "../../lib/files.ts";
import { ringArgument } from "../../lib/ring-file.ts";
import { environmentOf, type Facts, workerOf } from "../facts.ts";
import { type Finding, fault, warning } from "../finding.ts";

const soon = 14 * 86_400;

/**
 * Whether the credentials of web backends are accepted, and for how long. The ring knows when the last credential of
 * each key expires; which backend has it is not known.
 */
export function backendFindings(ring: KeyRing, facts: Facts): Finding[] {
  const keys = keysFor(ring, "backend");
  return [
    ...missingKey(keys, facts),
    ...keys.flatMap((key) => endFindings(key, facts)),
    ...lastCredential(keys, facts),
  ];
}

/** A backend in the settings, and no key that its credential could be valid under. */
function missingKey(keys: readonly BackendKey[], facts: Facts): Finding[] {
  if (keys.some((key) => isAccepted(key, facts.now))) return [];
  const names = backendNames(facts);
  if (names.length === 0) return [];
  return [
    fault(
      "backend_key_missing",
      "purpose backend",
      `STAGEDOOR_BACKENDS names ${names.join(", ")}, and the ring has no key for backends' credentials that is accepted: every request of a backend is refused.`,
      `Make a credential, and with it a key: \`${newCredential(names[0] ?? "<name>", facts)}\`. Then upload the ring.`,
    ),
  ];
}

/** A key that is refused although credentials that it signed have not expired. */
function endFindings({ kid, state, exp, signedUntil }: BackendKey, facts: Facts): Finding[] {
  if (signedUntil === undefined || signedUntil <= facts.now) return [];
  const end = exp !== undefined && exp < signedUntil ? exp : undefined;
  if (state !== "retired" && end === undefined) return [];
  const when = state === "retired" || end === undefined || end <= facts.now ? "now" : `from ${timeOf(end)} on`;
  return [
    warning(
      "backend_key_ends",
      `key ${kid}`,
      `It signed credentials that last until ${timeOf(signedUntil)}, and they are refused ${when}.`,
      `Issue new credentials to the backends that have them: \`${newCredential("<name>", facts)}\`.`,
    ),
  ];
}

/** Whether all credentials expire within two weeks. */
function lastCredential(keys: readonly BackendKey[], facts: Facts): Finding[] {
  const accepted = keys.filter((key) => isAccepted(key, facts.now));
  const last = Math.max(
    0,
    ...accepted.map(({ signedUntil, exp }) => Math.min(signedUntil ?? 0, exp ?? Number.MAX_SAFE_INTEGER)),
  );
  if (last === 0 || last <= facts.now || last - facts.now > soon) return [];
  return [
    warning(
      "backend_credentials_end",
      "purpose backend",
      `The last credential of a backend expires at ${timeOf(last)}.`,
      `Issue the next ones before: \`${newCredential("<name>", facts)}\`. Both are valid until then.`,
    ),
  ];
}

function backendNames(facts: Facts): readonly string[] {
  const api = workerOf(facts, "api");
  if (api === undefined) return [];
  const parsed = settingsSchema.shape.STAGEDOOR_BACKENDS.safeParse(environmentOf(api, facts).STAGEDOOR_BACKENDS);
  // The configuration check reports an invalid value.
  return parsed.success ? Object.keys(parsed.data) : [];
}

function newCredential(name: string, { ring }: Facts): string {
  return `npx stagedoor backend new --name ${name}${ringArgument(ring?.file ?? devRingFile)}`;
}

function timeOf(end: number): string {
  const at: UnixSeconds = unixSeconds(end);
  return rfc3339(at);
}
