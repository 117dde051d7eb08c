import type { Credential } from "../../credential/credential.ts";
import { signingKey } from "../../keys/ring.ts";
import { subjectHash } from "../../signing/grant.ts";
import type { PreparedSessionKey } from "../../signing/session-keys.ts";
import type { SessionContext, SessionRequest } from "./context.ts";
import { networkName } from "./network-name.ts";

/**
 * What a subject is called in the log and in telemetry: the keyed hash that a grant of now would hold, so that the lines of
 * the edge and of the API can be laid side by side. Undefined where no key is in use.
 */
export function subjectName(
  { issuer, subject }: Pick<Credential, "issuer" | "subject">,
  context: Pick<SessionContext, "keys" | "clock">,
): string | undefined {
  const key = keyInUse(context);
  return key === undefined ? undefined : subjectHash(key, issuer, subject);
}

/**
 * Tells telemetry of a subject who started a stream, and where he was. Networks are hashed under the same key, as names of
 * nobody's: whoever reads the counts can tell two of them apart, and not which they are.
 */
export function tellSeen(
  credential: Credential,
  { country, client }: Pick<SessionRequest, "country" | "client">,
  context: Pick<SessionContext, "keys" | "clock" | "telemetry">,
): void {
  const key = keyInUse(context);
  if (key === undefined) return;
  const network = networkName(client);
  context.telemetry({
    event: "seen",
    subject: subjectHash(key, credential.issuer, credential.subject),
    country: country ?? "XX",
    // No issuer's name is empty, so no subject has this hash.
    network: network === undefined ? "" : subjectHash(key, "", network),
  });
}

function keyInUse({ keys, clock }: Pick<SessionContext, "keys" | "clock">): PreparedSessionKey | undefined {
  return signingKey([...keys.values()], clock());
}
