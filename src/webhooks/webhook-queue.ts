import { Webhook } from "standardwebhooks";
import * as z from "zod";
import {
  after,
  type Clock,
  inTime,
  isUnixSeconds,
  rfc3339,
  seconds,
  type Timer,
  type UnixSeconds,
  unixSeconds,
} from "../base/time.ts";
import type { EventsAfter, ServiceEvent } from "../metrics/event-log.ts";
import type { GatheringStore } from "../metrics/stored-gathering.ts";
import type { WebhookEndpoint, Webhooks } from "./webhook-settings.ts";

interface WebhookRequest {
  readonly method: "POST";
  readonly headers: Headers;
  readonly body: string;
  /** A redirect would send the event to a place that the settings do not name. */
  readonly redirect: "manual";
  readonly signal: AbortSignal;
}

export interface WebhookPorts {
  /** Where the events are; the place of each endpoint among them is kept in a table of its own. */
  readonly store: GatheringStore;
  readonly events: (after: string | undefined, limit: number) => Promise<EventsAfter>;
  /** May refuse an address of a private network. */
  readonly fetch: (url: string, init: WebhookRequest) => Promise<Response | "private_address">;
  readonly clock: Clock;
  readonly timer: Timer;
  /** Whether this process may send a message; with several machines one of them gets it. By default always. */
  readonly claim?: ((name: string) => Promise<boolean>) | undefined;
  /** Counts what came of an attempt. */
  readonly onOutcome: (outcome: WebhookOutcome) => void;
}

/** `failed`: it is tried again. `dropped`: it is not, or it was forgotten before its turn. */
export type WebhookOutcome = "delivered" | "failed" | "dropped";

/** Waits between the attempts, in seconds: the last one is about ten hours after the first. */
const waits = [5, 30, 120, 600, 1_800, 7_200, 25_000].map(seconds);
const deadline = seconds(10);
/** After this time a turn ends, so that a slow endpoint does not keep a process busy. */
const turnTime = seconds(10);
/** A process that stops in its turn gives it up after this time. */
const turnLength = seconds(turnTime + deadline + 30);
/** Attempts for an answer that says that the request is wrong: it will be as wrong later. */
const mostRefused = 3;
const pageSize = 500;
/** Answers of the 4xx that say nothing of the request itself: a sign-in in front, a receiver that is not there yet, too many. */
const retried: ReadonlySet<number> = new Set([401, 403, 404, 408, 425, 429]);
/** A new endpoint begins with events of this age. */
const fresh = seconds(60);

const placeSchema = z.object({
  after: z.string().optional(),
  attempts: z.int().nonnegative(),
  nextAt: z.number(),
  takenUntil: z.number(),
});
type Place = z.output<typeof placeSchema>;

const start: Place = { attempts: 0, nextAt: 0, takenUntil: 0 };

/**
 * Sends events to endpoints, in order per endpoint, at least once each, until it answers with 2xx. A failing endpoint is tried for
 * ten hours per event and delays neither others nor a viewer. The queue is the bounded list of events: what is forgotten before
 * its turn is dropped and counted.
 */
export class WebhookQueue {
  readonly #webhooks: Webhooks;
  readonly #ports: WebhookPorts;

  constructor(webhooks: Webhooks, ports: WebhookPorts) {
    this.#webhooks = webhooks;
    this.#ports = ports;
    ports.store.sql.exec(
      "CREATE TABLE IF NOT EXISTS webhook (url TEXT PRIMARY KEY, place TEXT NOT NULL) WITHOUT ROWID",
    );
  }

  /** A turn per endpoint, which sends what is due there in about twenty seconds at most. See {@link WebhookQueue.deliver}. */
  get turns(): readonly (() => Promise<UnixSeconds | undefined>)[] {
    return this.#webhooks.endpoints.map((endpoint) => () => this.#deliverTo(endpoint));
  }

  /** All turns at once. When to call it again; undefined if nothing waits for a time. Never rejects for an endpoint. */
  async deliver(): Promise<UnixSeconds | undefined> {
    const next = await Promise.all(this.turns.map((turn) => turn()));
    const times = next.filter((time) => time !== undefined);
    return times.length === 0 ? undefined : unixSeconds(Math.min(...times));
  }

  async #deliverTo(endpoint: WebhookEndpoint): Promise<UnixSeconds | undefined> {
    const place = this.#take(endpoint);
    if (place === undefined) return after(this.#ports.clock(), deadline);
    let left = place;
    try {
      left = await this.#sendAll(endpoint, place);
    } finally {
      this.#write(endpoint, { ...left, takenUntil: 0 });
    }
    const { nextAt } = left;
    return isUnixSeconds(nextAt) && nextAt > 0 ? unixSeconds(nextAt) : undefined;
  }

  /** The place after a turn. Its `nextAt` is 0 if everything was sent. */
  async #sendAll(endpoint: WebhookEndpoint, begun: Place): Promise<Place> {
    const { clock, events: eventsAfter, onOutcome } = this.#ports;
    let place = begun;
    if (place.nextAt > clock()) return place;
    const { events, missed } = await eventsAfter(place.after, pageSize);
    if (missed && place.after !== undefined) onOutcome("dropped");
    const endsAt = after(clock(), turnTime);
    let skipped = place.after;
    for (const event of events) {
      const isOld = place.after === undefined && place.attempts === 0 && after(event.at, fresh) <= clock();
      if (isOld || !isWantedBy(endpoint, event)) {
        skipped = event.id;
        continue;
      }
      if (clock() >= endsAt) return { ...place, after: skipped, nextAt: clock() };
      const answer = await this.#send(endpoint, event, place.attempts);
      if (answer === "delivered") place = { ...start, after: event.id };
      else {
        const wait = answer === "refused" && place.attempts + 1 >= mostRefused ? undefined : waits[place.attempts];
        if (wait !== undefined) {
          onOutcome("failed");
          return { ...place, after: skipped, attempts: place.attempts + 1, nextAt: after(clock(), wait) };
        }
        onOutcome("dropped");
        place = { ...start, after: event.id };
      }
      skipped = event.id;
      this.#write(endpoint, { ...place, takenUntil: begun.takenUntil });
    }
    const last = events.at(-1)?.id ?? place.after;
    // There may be more events than fit one page.
    return { ...start, after: last, nextAt: events.length < pageSize ? 0 : clock() };
  }

  /** `refused`: the endpoint says that the request is wrong. */
  async #send(
    endpoint: WebhookEndpoint,
    event: ServiceEvent,
    attempts: number,
  ): Promise<"delivered" | "failed" | "refused"> {
    const { fetch, clock, timer, claim, onOutcome } = this.#ports;
    // Only before the first attempt: a later one is of the process that has the place.
    if (attempts === 0 && claim !== undefined && !(await claim(`${endpoint.url} ${messageId(event)}`)))
      return "delivered";
    const body = payloadOf(event);
    const abort = new AbortController();
    const headers = new Headers(signedHeaders(this.#webhooks.secrets, event, body, clock()));
    const { signal } = abort;
    const answering = fetch(endpoint.url, { method: "POST", headers, body, redirect: "manual", signal });
    const answer = await inTime(answering, deadline, timer).catch(() => undefined);
    if (answer === "late") {
      abort.abort();
      answering.catch(() => undefined);
    }
    if (answer === undefined || answer === "late" || answer === "private_address") return "failed";
    await answer.body?.cancel().catch(() => undefined);
    if (answer.ok) onOutcome("delivered");
    else if (answer.status >= 400 && answer.status < 500 && !retried.has(answer.status)) return "refused";
    return answer.ok ? "delivered" : "failed";
  }

  /** Takes the endpoint's turn; undefined while another process has it. */
  #take({ url }: WebhookEndpoint): Place | undefined {
    const { store, clock } = this.#ports;
    return store.transaction(() => {
      const [row] = store.sql.exec("SELECT place FROM webhook WHERE url = ?", url);
      const known = typeof row?.place === "string" ? placeSchema.safeParse(JSON.parse(row.place)).data : undefined;
      const place = known ?? start;
      if (place.takenUntil > clock()) return undefined;
      const taken = { ...place, takenUntil: after(clock(), turnLength) };
      store.sql.exec("INSERT OR REPLACE INTO webhook (url, place) VALUES (?, ?)", url, JSON.stringify(taken));
      return taken;
    });
  }

  #write({ url }: WebhookEndpoint, place: Place): void {
    const { store } = this.#ports;
    store.transaction(() => {
      store.sql.exec("INSERT OR REPLACE INTO webhook (url, place) VALUES (?, ?)", url, JSON.stringify(place));
    });
  }
}

function isWantedBy({ events }: WebhookEndpoint, { type }: ServiceEvent): boolean {
  return events === undefined || events.includes(type);
}

/** What is sent: the same bytes at every attempt, because they are signed. */
function payloadOf({ type, at, data }: ServiceEvent): string {
  return JSON.stringify({ type, timestamp: rfc3339(at), data });
}

/** `webhook-id`: the event's own id. The specification joins it to the payload with dots, so it has none. */
function messageId({ id }: ServiceEvent): string {
  return `evt_${id.replace(/[^A-Za-z0-9_-]/g, "_")}`;
}

/**
 * The headers of a delivery (Standard Webhooks 1.0.0): a signature by each secret, of the id, the time of this attempt and the
 * payload. A receiver accepts it for five minutes and remembers ids, because a delivery may be repeated.
 */
function signedHeaders(
  secrets: Webhooks["secrets"],
  event: ServiceEvent,
  payload: string,
  now: UnixSeconds,
): Readonly<Record<string, string>> {
  const id = messageId(event);
  const sentAt = new Date(now * 1_000);
  const signatures = secrets.map((one) => new Webhook(one).sign(id, sentAt, payload));
  return {
    "Content-Type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(now),
    "webhook-signature": signatures.join(" "),
  };
}
