import { SingleFlight } from "../base/concurrency.ts";
import { version } from "../base/constants.ts";
import { inTime, type MillisecondClock, type Seconds, seconds, type Timer, unixSeconds } from "../base/time.ts";
import type { StateSeen } from "./day-history.ts";
import type { Happening } from "./event-log.ts";
import type { Gathered, Report } from "./gathered.ts";
import { IsolateCounter } from "./isolate-counter.ts";
import type { Telemetry } from "./telemetry.ts";

export interface ReporterParts {
  readonly worker: string;
  /** The destination of reports, if there is one. */
  readonly gathered: Gathered | undefined;
  readonly clock: MillisecondClock;
  readonly timer: Timer;
  /** How long counts are collected before a report. */
  readonly every: Seconds;
  /** A random id of the isolate. */
  readonly isolate: string;
  /** Called once per report, whether it arrives or not. */
  readonly onCounts?: (counts: Report["counts"]) => void;
}

type WaitUntil = (work: Promise<unknown>) => void;

/** How long a report may take, and so how long a request for the counts waits at most. */
const reportTimeout = seconds(5);

/** Counts in one isolate and reports to the object that adds up all isolates. No request waits for a report. */
export class Reporter {
  readonly #parts: ReporterParts;
  readonly #counter: IsolateCounter;
  readonly telemetry: Telemetry;
  #sequence = 0;
  /** A report that may not have arrived. It is sent again unchanged, with its sequence number, before newer counts. */
  #unsent: Report | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;
  #lingeringUntil = Number.NEGATIVE_INFINITY;
  readonly #sending = new SingleFlight();
  #states: () => readonly StateSeen[] = () => [];
  #own: () => readonly Happening[] = () => [];

  constructor(parts: ReporterParts) {
    this.#parts = parts;
    this.#counter = new IsolateCounter(() => unixSeconds(Math.floor(parts.clock() / 1000)));
    this.telemetry = this.#counter.telemetry;
  }

  /** What each report says from now on, in addition to the release; and events that have ids of their own. */
  says(states: () => readonly StateSeen[], happened: () => readonly Happening[] = () => []): void {
    this.#states = states;
    this.#own = happened;
  }

  /**
   * Called at the beginning of each request. One request stays alive after its response until the next report is due,
   * so that counts arrive even if no further request comes.
   */
  linger(waitUntil: WaitUntil): void {
    const { clock, every } = this.#parts;
    const now = clock();
    if (now < this.#lingeringUntil) return;
    // A request may be cancelled before it has reported. Another one takes over a while later.
    this.#lingeringUntil = now + 2_000 * every;
    waitUntil(this.#reportLater());
  }

  /** For a Durable Object, which would be billed while it waits: reports at once if the last report is old enough. */
  reportIfDue(waitUntil: WaitUntil): void {
    const { clock, every } = this.#parts;
    if (clock() >= this.#sentAt + 1_000 * every) waitUntil(this.report());
  }

  /** Sends a report. Never rejects: counts that do not arrive go with the next report. */
  async report(): Promise<void> {
    const { clock } = this.#parts;
    const now = clock();
    if (this.#sending.isRunning(now)) return;
    this.#sentAt = now;
    await this.#sending.run(now + 2_000 * reportTimeout, async () => {
      if (this.#unsent !== undefined && !(await this.#send(this.#unsent))) return;
      const next = this.#next();
      if (next !== undefined) await this.#send(next);
    });
  }

  async #reportLater(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#parts.timer(this.#parts.every, resolve);
    await promise;
    this.#lingeringUntil = Number.NEGATIVE_INFINITY;
    await this.report();
  }

  #next(): Report | undefined {
    const { worker, isolate, onCounts } = this.#parts;
    const taken = this.#counter.take();
    if (taken === undefined) return undefined;
    onCounts?.(taken.counts);
    const states: readonly StateSeen[] = [["version", `${worker} ${version}`], ...this.#states()];
    const happened = [...(taken.happened ?? []), ...this.#own()];
    const told = happened.length > 0 && { happened };
    return { worker, from: { isolate, sequence: ++this.#sequence }, ...taken, states, ...told };
  }

  async #send(report: Report): Promise<boolean> {
    const { gathered, timer } = this.#parts;
    if (gathered === undefined) return true;
    this.#unsent = report;
    const arrived = inTime(gathered.report(report), reportTimeout, timer).then(
      (answer) => answer !== "late",
      () => false,
    );
    if (!(await arrived)) return false;
    if (this.#unsent === report) this.#unsent = undefined;
    return true;
  }
}

/** The counts of all isolates, including this one: it reports before each read. */
export function withOwn(gathered: Gathered, reporter: Pick<Reporter, "report">): Gathered {
  return {
    report: (report) => gathered.report(report),
    counts: async () => {
      await reporter.report();
      return gathered.counts();
    },
    sessions: async (asked) => {
      await reporter.report();
      return gathered.sessions(asked);
    },
    refusals: async () => {
      await reporter.report();
      return gathered.refusals();
    },
    groups: async (by) => {
      await reporter.report();
      return gathered.groups(by);
    },
    ofViewer: async (subjects) => {
      await reporter.report();
      return gathered.ofViewer(subjects);
    },
    history: async () => {
      await reporter.report();
      return gathered.history();
    },
    events: async (after, limit) => {
      await reporter.report();
      return gathered.events(after, limit);
    },
    actions: async () => {
      await reporter.report();
      return gathered.actions();
    },
  };
}
