import { DurableObject } from "cloudflare:workers";
import type { Result } from "../../base/result.ts";
import { systemClock, systemMillisecondClock, systemTimer } from "../../base/time.ts";
import { leaseTtlOf, webhooksOf } from "../../config/settings.ts";
import type {
  PlaylistAnswer,
  PlaylistQuestion,
  PlaylistSource,
  SourceRefusal,
} from "../../manifest/playlist-source.ts";
import { sharePlaylist } from "../../manifest/share-playlist.ts";
import type { History } from "../../metrics/day-history.ts";
import type { EventsAfter, OperatorAction } from "../../metrics/event-log.ts";
import type { Group, RefusalsOfHour, SessionsNow, ViewerSessions } from "../../metrics/gathered.ts";
import { seriesOf } from "../../metrics/metrics.ts";
import type { Reporter } from "../../metrics/reporter.ts";
import { type GatheringStore, StoredGathering } from "../../metrics/stored-gathering.ts";
import { type Origin, timedOrigin } from "../../origin/origin.ts";
import { type WebhookOutcome, WebhookQueue } from "../../webhooks/webhook-queue.ts";
import { isolateTelemetry } from "./isolate-telemetry.ts";
import { mediaOrigin } from "./r2-origin.ts";

/**
 * One playlist of an origin for all data centres: one object per `playlistName`. It stores nothing, and after a restart
 * asks the origin again. Unlike requests to an isolate, requests to an object may share one promise.
 */
export class SharedPlaylist extends DurableObject {
  readonly #source: PlaylistSource;
  readonly #reporter: Reporter;

  constructor(state: DurableObjectState, env: Cloudflare.Env, origin: Origin = mediaOrigin(env, systemClock)) {
    super(state, env);
    const clock = systemMillisecondClock;
    const { telemetry, reporter } = isolateTelemetry("manifest", env);
    this.#source = sharePlaylist({ origin: timedOrigin(origin, telemetry, clock), timer: systemTimer, clock });
    this.#reporter = reporter;
  }

  /** A health check for `/ready`. */
  answers(): boolean {
    return true;
  }

  ask(question: PlaylistQuestion): Promise<Result<PlaylistAnswer, SourceRefusal>> {
    this.#reporter.reportIfDue((work) => this.ctx.waitUntil(work));
    return this.#source(question);
  }
}

interface MetricsEnv {
  /** How long a silent session keeps its lease, in seconds; 90 by default. */
  readonly STAGEDOOR_LEASE_TTL?: string;
  /** Where events are sent. */
  readonly STAGEDOOR_WEBHOOKS?: string;
  readonly STAGEDOOR_WEBHOOK_SECRET?: string;
}

/** How soon a report's events are sent, and how often silent sessions are looked for while any runs; in milliseconds. */
const sendDelay = 1_000;
const lookAgain = 60_000;

/**
 * One object adds up the counts of all isolates. It is evicted after ten idle seconds, and reads its rows again. Its alarm sends
 * events to webhooks.
 */
export class MetricsStore extends DurableObject<MetricsEnv> {
  #opened: StoredGathering | undefined;

  async report(body: unknown): Promise<void> {
    this.#open().report(body);
    if (webhooksOf(this.env).endpoints.length > 0) await this.#wake(sendDelay);
  }

  override async alarm(): Promise<void> {
    const counted = new Map<string, number>();
    const queue = this.#webhooks((outcome) => {
      const series = seriesOf("stagedoor_webhooks_total", { outcome });
      counted.set(series, (counted.get(series) ?? 0) + 1);
    });
    const next = await queue.deliver();
    const gathering = this.#open();
    if (counted.size > 0)
      gathering.report({ worker: "webhooks", counts: [...counted], refusals: [], alive: [], ended: [] });
    const isAnyRunning = gathering.counts().some(([series, count]) => series === "stagedoor_sessions" && count > 0);
    if (next !== undefined) await this.#wake(Math.max(sendDelay, next * 1_000 - systemMillisecondClock()));
    else if (isAnyRunning) await this.#wake(lookAgain);
  }

  /** Sets the alarm, unless it rings earlier. */
  async #wake(within: number): Promise<void> {
    const { storage } = this.ctx;
    const at = systemMillisecondClock() + within;
    const set = await storage.getAlarm();
    if (set === null || set > at) await storage.setAlarm(at);
  }

  #webhooks(onOutcome: (outcome: WebhookOutcome) => void): WebhookQueue {
    return new WebhookQueue(webhooksOf(this.env), {
      store: this.#store(),
      events: async (after, limit) => this.#open().events(after, limit),
      fetch: (url, init) => fetch(url, init),
      clock: systemClock,
      timer: systemTimer,
      onOutcome,
    });
  }

  async counts(): Promise<(readonly [series: string, value: number])[]> {
    return this.#open().counts();
  }

  async sessions(query: unknown): Promise<SessionsNow> {
    return this.#open().sessions(query);
  }

  async refusals(): Promise<RefusalsOfHour> {
    return this.#open().refusals();
  }

  async groups(by: unknown): Promise<Group[]> {
    return this.#open().groups(by);
  }

  async ofViewer(subjects: unknown): Promise<ViewerSessions> {
    return this.#open().ofViewer(subjects);
  }

  async history(): Promise<History> {
    return this.#open().history();
  }

  async events(after: unknown, limit: unknown): Promise<EventsAfter> {
    return this.#open().events(after, limit);
  }

  async actions(): Promise<readonly OperatorAction[]> {
    return this.#open().actions();
  }

  #store(): GatheringStore {
    const { storage } = this.ctx;
    const transaction = <Value>(work: () => Value) => storage.transactionSync(work);
    return { sql: storage.sql, transaction };
  }

  #open(): StoredGathering {
    this.#opened ??= new StoredGathering(this.#store(), systemClock, leaseTtlOf(this.env));
    return this.#opened;
  }
}
