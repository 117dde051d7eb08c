import { systemClock } from "../base/time.ts";
import type { Reporting } from "../http/problem-response.ts";
import { noTelemetry } from "../metrics/telemetry.ts";
import { isKeyRevoked } from "../sessions/revocation-snapshot.ts";
import type { RevocationWatch } from "../sessions/revocation-watch.ts";
import { markedBy, type ProbedHost, probeHeader } from "../signing/probe-mark.ts";
import type { SessionKeys } from "../signing/session-keys.ts";
import type { AnswerRequest } from "./host-ports.ts";

interface ProbeParts {
  readonly host: ProbedHost;
  readonly keys: SessionKeys;
  /** Undefined in the manifest service, which is behind the edge. */
  readonly revocations: Pick<RevocationWatch, "fresh"> | undefined;
}

/**
 * Answers requests of `doctor` with `quiet`, and all others with `usual`. Both apply the same rules. A mark that cannot be
 * checked, or that a revoked key made, does not count: its request is counted like a viewer's.
 */
export function answerProbes(usual: AnswerRequest, quiet: AnswerRequest, parts: ProbeParts): AnswerRequest {
  return async (request, waitUntil, target) => {
    const isQuiet = request.headers.has(probeHeader) && (await isProbe(request, parts));
    return isQuiet ? quiet(request, waitUntil, target) : usual(request, waitUntil, target);
  };
}

async function isProbe(request: Request, { host, keys, revocations }: ProbeParts): Promise<boolean> {
  const kid = markedBy(request, host, keys, systemClock());
  if (kid === undefined) return false;
  const snapshot = await revocations?.fresh();
  return snapshot === undefined || (snapshot.ok && !isKeyRevoked(snapshot.value, kid));
}

/** Counts nothing; each line of the log says that a probe caused it. */
export function quietReporting({ log, ...reporting }: Reporting): Reporting {
  return { ...reporting, telemetry: noTelemetry, log: (line) => log(line.replace(/^\{/, '{"probe":true,')) };
}
