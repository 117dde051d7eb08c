import { SingleFlight } from "../base/refresh-once.ts";
import { inTime, type MillisecondClock, type Seconds, seconds, type Timer, unixSeconds } from "../base/time.ts";
import type { Gathered, Report } from "./gathered.ts";
import { IsolateCounter } from "./isolate-counter.ts";
import type { Telemetry } from "./telemetry.ts";

export interface ReporterParts {
  readonly worker: string;
  /** Where reports go; undefined where there is none. */
  readonly gathered: Gathered | undefined;
  readonly clock: MillisecondClock;
  readonly timer: Timer;
  /** How long counts are collected before they are reported. */
  readonly every: Seconds;
  /** A name for the isolate that no other has: random. */
  readonly isolate: string;
  /** Told of each report's counts, once, whether it arrives or not. */
  readonly onCounts?: (counts: Report["counts"]) => void;
}

type WaitUntil = (work: Promise<unknown>) => void;

/** How long a report has for its answer. Who asks for the counts waits as long at most. */
const patience = seconds(5);

/** Counts in one isolate, and reports to where the counts of all come together. Nobody's request waits for that. */
export class Reporter {
  readonly #parts: ReporterParts;
  readonly #counter: IsolateCounter;
  readonly telemetry: Telemetry;
  #sequence = 0;
  /** A report that may not have arrived. It goes again as it was, under its own number, and what was counted since follows. */
  #unsent: Report | undefined;
  #sentAt = Number.NEGATIVE_INFINITY;
  #lingeringUntil = Number.NEGATIVE_INFINITY;
  readonly #sending = new SingleFlight();

  constructor(parts: ReporterParts) {
    this.#parts = parts;
    this.#counter = new IsolateCounter(() => unixSeconds(Math.floor(parts.clock() / 1000)));
    this.telemetry = this.#counter.telemetry;
  }

  /**
   * For each request of a worker, at its beginning: one of them stays behind its answer until the next report is due, so that
   * counts arrive in time where no further request comes.
   */
  linger(waitUntil: WaitUntil): void {
    const { clock, every } = this.#parts;
    const now = clock();
    if (now < this.#lingeringUntil) return;
    // A request may be cut off before it has reported; then, a while later, another one does it.
    this.#lingeringUntil = now + 2_000 * every;
    waitUntil(this.#reportLater());
  }

  /** For a Durable Object, which would be paid for while it lingers: reports at once where the last report is long ago. */
  reportIfDue(waitUntil: WaitUntil): void {
    const { clock, every } = this.#parts;
    if (clock() >= this.#sentAt + 1_000 * every) waitUntil(this.report());
  }

  /** Reports what was counted. It never rejects: what does not arrive goes with the next one. */
  async report(): Promise<void> {
    const { clock } = this.#parts;
    const now = clock();
    if (this.#sending.isRunning(now)) return;
    this.#sentAt = now;
    await this.#sending.run(now + 2_000 * patience, async () => {
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
    return { worker, from: { isolate, sequence: ++this.#sequence }, ...taken };
  }

  async #send(report: Report): Promise<boolean> {
    const { gathered, timer } = this.#parts;
    if (gathered === undefined) return true;
    this.#unsent = report;
    const arrived = inTime(gathered.report(report), patience, timer).then(
      (answer) => answer !== "late",
      () => false,
    );
    if (!(await arrived)) return false;
    if (this.#unsent === report) this.#unsent = undefined;
    return true;
  }
}

/** The gathered counts with those of this isolate among them: it reports before they are looked at. */
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
  };
}
