import { after, type Clock, inTime, seconds, type Timer, type UnixSeconds } from "../base/time.ts";
import type { WaitUntil } from "../origin/fill-cache.ts";
import type { SessionContext } from "../sessions/session-context.ts";

/** A part that a worker cannot do without: whether it answers. It may reject. */
export type Part = (waitUntil: WaitUntil) => Promise<boolean>;

/** The paths of health and readiness: no grant looks like them. */
export const healthPath = "/health";
export const readyPath = "/ready";

/** The name of a probe: no hash of a subject's and no session's id is that short. */
export const nobody = "ready";

/** How long each part has for its answer, and how long what they answered is gone by. */
const patience = seconds(2);
const rememberedFor = seconds(2);
/** How often a request looks whether the one that asks has its answers. */
const glance = seconds(0.05);

export interface ReadinessParts {
  readonly parts: Readonly<Record<string, Part>>;
  readonly clock: Clock;
  readonly timer: Timer;
}

/** The names of the parts that do not answer. */
export type Readiness = (waitUntil: WaitUntil) => Promise<readonly string[]>;

/**
 * Whether a worker could serve somebody now, made once an isolate: all its parts are asked at once, and no more than every two
 * seconds, so that nobody wears them out by asking. While one request asks them the others go by what was answered last; the
 * first ones of an isolate look on until it is there, each by a timer of its own, since requests share values and no promises.
 */
export function readiness({ parts, clock, timer }: ReadinessParts): Readiness {
  let last: { readonly missing: readonly string[]; readonly until: UnixSeconds } | undefined;
  /** Until then a request may be asking: one that was given up in the middle of it never says so. */
  let askingUntil = 0;

  const ask = async (waitUntil: WaitUntil): Promise<readonly string[]> => {
    const now = clock();
    askingUntil = now + patience + 1;
    const answers = await Promise.all(
      Object.entries(parts).map(async ([name, part]) => {
        const answer = await inTime(answered(part, waitUntil), patience, timer);
        return answer === true ? [] : [name];
      }),
    );
    last = { missing: answers.flat(), until: after(now, rememberedFor) };
    askingUntil = 0;
    return last.missing;
  };

  return async (waitUntil) => {
    for (;;) {
      const now = clock();
      const isAsked = now < askingUntil;
      if (last !== undefined && (isAsked || now < last.until)) return last.missing;
      if (!isAsked) return ask(waitUntil);
      await new Promise<void>((resolve) => timer(glance, resolve));
    }
  };
}

/** The parts of both the API and the media host. */
export function storeParts(stores: {
  readonly revocations: SessionContext["revocations"];
  readonly catalog: SessionContext["catalog"];
  readonly streams: SessionContext["streams"];
  readonly clock: Clock;
}): Readonly<Record<"revocations" | "catalog" | "streams", Part>> {
  return {
    revocations: async (waitUntil) => (await stores.revocations.current(waitUntil)).ok,
    catalog: async () => (await stores.catalog()).ok,
    streams: async () => {
      // A question about a viewer whom there is not: it writes nothing down.
      await stores.streams(nobody).show(nobody, stores.clock());
      return true;
    },
  };
}

/** `GET /health`: this isolate runs, and its configuration is whole; else it would not come here. */
export function healthAnswer(method: string): Response {
  return answer(method, 200, { status: "ok" });
}

/** `GET /ready`: 200, or 503 with the parts that do not answer. */
export async function readyAnswer(method: string, ready: Readiness, waitUntil: WaitUntil): Promise<Response> {
  const missing = await ready(waitUntil);
  if (missing.length === 0) return answer(method, 200, { status: "ready" });
  const parts = Object.fromEntries(missing.map((name) => [name, "does not answer"]));
  return answer(method, 503, { status: "not ready", parts });
}

async function answered(part: Part, waitUntil: WaitUntil): Promise<boolean> {
  try {
    return await part(waitUntil);
  } catch {
    return false;
  }
}

function answer(method: string, status: 200 | 503, body: object): Response {
  const headers = { "Content-Type": "application/json", "Cache-Control": "no-store" };
  return new Response(method === "HEAD" ? null : JSON.stringify(body), { status, headers });
}
