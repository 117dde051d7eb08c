import { DurableObject } from "cloudflare:workers";
import type { Result } from "../../base/result.ts";
import { systemClock, systemMillisecondClock, systemTimer } from "../../base/time.ts";
import { leaseTtlOf } from "../../config/settings.ts";
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
import type { Reporter } from "../../metrics/reporter.ts";
import { StoredGathering } from "../../metrics/stored-gathering.ts";
import { type Origin, timedOrigin } from "../../origin/origin.ts";
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
}

/** One object adds up the counts of all isolates. It is evicted after ten idle seconds, and reads its rows again. */
export class MetricsStore extends DurableObject<MetricsEnv> {
  #opened: StoredGathering | undefined;

  async report(body: unknown): Promise<void> {
    this.#open().report(body);
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

  #open(): StoredGathering {
    const { storage } = this.ctx;
    const transaction = <Value>(work: () => Value) => storage.transactionSync(work);
    const store = { sql: storage.sql, transaction };
    this.#opened ??= new StoredGathering(store, systemClock, leaseTtlOf(this.env));
    return this.#opened;
  }
}
