import { SingleFlight } from "../base/concurrency.ts";
import { after, type Clock, inTime, seconds, type Timer, type UnixSeconds, type WaitUntil } from "../base/time.ts";
import type { SessionContext } from "../sessions/session-context.ts";

/** Checks whether a dependency of the worker responds. It may reject. */
export type ReadinessCheck = (waitUntil: WaitUntil) => Promise<boolean>;

/** A grant never has the form of these paths. */
export const healthPath = "/health";
export const readyPath = "/ready";

/** The subject and session id of a probe: real ones are longer. */
export const probeId = "ready";

const checkTimeout = seconds(2);
const resultTtl = seconds(2);

export interface ReadinessDeps {
  readonly checks: Readonly<Record<string, ReadinessCheck>>;
  readonly clock: Clock;
  readonly timer: Timer;
}

/** The names of the dependencies that do not respond. */
export type Readiness = (waitUntil: WaitUntil) => Promise<readonly string[]>;

/**
 * Whether a worker could serve a request now; made once per isolate. All checks run at once, and at most every two
 * seconds, so that probes cannot overload the dependencies. While one request runs the checks, the others use the last
 * result. Before the first result they wait (see {@link SingleFlight}).
 */
export function readiness({ checks, clock, timer }: ReadinessDeps): Readiness {
  let last: { readonly missing: readonly string[]; readonly until: UnixSeconds } | undefined;
  const checking = new SingleFlight();

  const runChecks = async (now: UnixSeconds, waitUntil: WaitUntil): Promise<readonly string[]> => {
    const missing = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => {
        const responds = await inTime(succeeds(check, waitUntil), checkTimeout, timer);
        return responds === true ? [] : [name];
      }),
    );
    last = { missing: missing.flat(), until: after(now, resultTtl) };
    return last.missing;
  };

  return async (waitUntil) => {
    for (;;) {
      const now = clock();
      const isChecking = checking.isRunning(now);
      if (last !== undefined && (isChecking || now < last.until)) return last.missing;
      if (!isChecking) return checking.run(now + checkTimeout + 1, () => runChecks(now, waitUntil));
      await checking.finished(clock, timer, checkTimeout);
    }
  };
}

/** The checks that the API and the media host share. */
export function storeChecks(stores: {
  readonly revocations: SessionContext["revocations"];
  readonly catalog: SessionContext["catalog"];
  readonly streams: SessionContext["streams"];
  readonly clock: Clock;
}): Readonly<Record<"revocations" | "catalog" | "streams", ReadinessCheck>> {
  return {
    revocations: async (waitUntil) => (await stores.revocations.current(waitUntil)).ok,
    catalog: async () => (await stores.catalog()).ok,
    streams: async () => {
      // Reading the session of a viewer that does not exist writes nothing.
      await stores.streams(probeId).show(probeId, stores.clock());
      return true;
    },
  };
}

/** `GET /health`: this isolate runs with a valid configuration; otherwise the request would not get here. */
export function healthResponse(method: string): Response {
  return jsonResponse(method, 200, { status: "ok" });
}

/** `GET /ready`: 200 with `facts`, or 503 with the dependencies that do not respond. */
export async function readyResponse(
  method: string,
  ready: Readiness,
  waitUntil: WaitUntil,
  facts: object = {},
): Promise<Response> {
  const missing = await ready(waitUntil);
  if (missing.length === 0) return jsonResponse(method, 200, { status: "ready", ...facts });
  const parts = Object.fromEntries(missing.map((name) => [name, "does not answer"]));
  return jsonResponse(method, 503, { status: "not ready", parts });
}

async function succeeds(check: ReadinessCheck, waitUntil: WaitUntil): Promise<boolean> {
  try {
    return await check(waitUntil);
  } catch {
    return false;
  }
}

function jsonResponse(method: string, status: 200 | 503, body: object): Response {
  const headers = { "Content-Type": "application/json", "Cache-Control": "no-store" };
  return new Response(method === "HEAD" ? null : JSON.stringify(body), { status, headers });
}
