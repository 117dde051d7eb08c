import { after, type Clock, inTime, seconds, type Timer, type UnixSeconds, unixSeconds } from "../base/time.ts";
import type { KeyRing } from "../keys/ring.ts";
import type { Telemetry } from "../metrics/telemetry.ts";
import type { WritableStore } from "./keep-in-step.ts";
import {
  type CycleResult,
  cycleTimes,
  type FollowedLog,
  StoreCycle,
  type StoreCycleParts,
  storeKeys,
} from "./store-cycle.ts";

/** A turn is a period in which one process writes a store. Its process claims the next one before it ends. */
const turn = { length: 15, claimedBefore: 8 };

/**
 * Who writes a store among the processes that share a claim: the one that has the current turn. A process that stops loses it,
 * and another one takes over within a turn. If two believe that they have it, the store's ETag decides.
 */
export class WriterTurn {
  readonly #claim: (turn: string, until: UnixSeconds) => Promise<boolean>;
  #mineUntil = unixSeconds(0);

  /** `claim` is true once for each turn, until the time that it names. */
  constructor(claim: (turn: string, until: UnixSeconds) => Promise<boolean>) {
    this.#claim = claim;
  }

  /** Rejects if the claim does. */
  async isMine(now: UnixSeconds): Promise<boolean> {
    const number = Math.floor(now / turn.length);
    const isMine = now < this.#mineUntil;
    if (isMine && now < this.#mineUntil - turn.claimedBefore) return true;
    if (await this.#claimed(isMine ? number + 1 : number)) this.#mineUntil = endOf(isMine ? number + 1 : number);
    return now < this.#mineUntil;
  }

  /** Whether the turn is this process's, without a new claim. */
  has(now: UnixSeconds): boolean {
    return now < this.#mineUntil;
  }

  /** Leaves the turns to other processes. */
  leave(): void {
    this.#mineUntil = unixSeconds(0);
  }

  /** A claim lasts longer than its turn, so that no clock that is behind finds it free. */
  #claimed(number: number): Promise<boolean> {
    return this.#claim(String(number), unixSeconds(endOf(number) + 4 * turn.length));
  }
}

function endOf(number: number): UnixSeconds {
  return unixSeconds((number + 1) * turn.length);
}

export interface StoreWriterParts {
  /** Opens the store. It may reject. */
  readonly open: () => Promise<WritableStore>;
  /** See `StoreCycleParts`. */
  readonly renewal?: StoreCycleParts["renewal"];
  readonly log: FollowedLog;
  readonly ring: KeyRing;
  readonly claim: (turn: string, until: UnixSeconds) => Promise<boolean>;
  readonly clock: Clock;
  readonly timer: Timer;
  readonly onResult: (result: CycleResult) => void;
}

/** A store's writer in a process that runs all the time. */
export interface StoreWriter {
  /** Resolves after the cycle in progress. */
  readonly stop: () => Promise<void>;
}

/** How often a process looks whether the turn is its own: more than once while it can claim the next one. */
const look = seconds(3);

/** How long a page of the log may take. */
const pageTimeout = seconds(10);

/** The longest cycle, the first one of a full store, and how long a stop waits for a cycle: the next writer repairs the rest. */
const longest = { cycle: seconds(900), stop: seconds(10) };

/** A log whose pages have a deadline. */
export function timedLog({ since }: FollowedLog, timer: Timer): FollowedLog {
  return {
    since: async (cursor, detail) => {
      const page = await inTime(since(cursor, detail), pageTimeout, timer);
      if (page === "late") throw new Error(`no answer within ${pageTimeout} s`);
      return page;
    },
  };
}

/**
 * Runs cycles in this process's turns until it is stopped. A cycle that hangs is given up, and the turn with it, so that another
 * process takes over.
 */
export function startStoreWriter(parts: StoreWriterParts): StoreWriter {
  const { clock, timer } = parts;
  const stopping = Promise.withResolvers<undefined>();
  let isStopping = false;
  const writerTurn = new WriterTurn(parts.claim);
  const log = timedLog(parts.log, timer);
  let cycle: StoreCycle | undefined;
  let dueAt = unixSeconds(0);

  const pause = async (work?: Promise<unknown>) => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const cancel = timer(look, () => resolve(undefined));
    await Promise.race([promise, stopping.promise, ...(work === undefined ? [] : [work])]);
    cancel();
  };

  const runCycle = async (): Promise<CycleResult> => {
    cycle ??= new StoreCycle({ log, store: await parts.open(), clock, renewal: parts.renewal });
    return cycle.run(storeKeys(parts.ring, clock()));
  };

  /** The turn is kept meanwhile: the first cycle of a large store takes minutes. */
  const inTurn = async (work: Promise<CycleResult>): Promise<CycleResult> => {
    const startedAt = clock();
    let isRunning = true;
    const done = work.finally(() => {
      isRunning = false;
    });
    while (isRunning && !isStopping) {
      await pause(done);
      if (isRunning && clock() >= after(startedAt, longest.cycle)) return gaveUp(done, "a cycle");
      if (isRunning) await writerTurn.isMine(clock()).catch(() => false);
    }
    const result = await inTime(done, longest.stop, timer);
    return result === "late" ? gaveUp(done, "a cycle at the stop") : result;
  };

  const gaveUp = (work: Promise<unknown>, what: string): CycleResult => {
    work.catch(() => undefined);
    // Nobody waits for its end, which may come later.
    cycle = undefined;
    writerTurn.leave();
    return failure(`${what} took too long: something hangs`);
  };

  const failure = (detail: string): CycleResult => {
    return { status: "failed", fault: "store", detail, store: undefined, next: cycleTimes.longestPause };
  };

  const run = async () => {
    while (!isStopping) {
      try {
        // What this process knew about the store is outdated once another one wrote it.
        if (clock() < dueAt && !writerTurn.has(clock())) cycle = undefined;
        else if (!(await writerTurn.isMine(clock()))) cycle = undefined;
        else if (clock() >= dueAt) {
          const result = await inTurn(runCycle());
          dueAt = after(clock(), result.next);
          parts.onResult(result);
        }
      } catch (error) {
        const result = failure(error instanceof Error ? error.message : "it failed");
        dueAt = after(clock(), result.next);
        parts.onResult(result);
      }
      if (!isStopping) await pause();
    }
  };
  const ended = run();
  return {
    stop: async () => {
      isStopping = true;
      stopping.resolve(undefined);
      await ended;
    },
  };
}

/** How often the fullness of a store that does not change is reported. */
const reportedEvery = seconds(60);

/** Reports how full a store is, for the metrics: after each change, and otherwise once a minute. */
export function cycleTelemetry(telemetry: Telemetry, arn: string): (result: CycleResult) => void {
  const store = arn.slice(arn.lastIndexOf("/") + 1);
  let reportedAt = unixSeconds(0);
  return (result) => {
    if (result.status !== "in_step") return;
    const { bytes, capacity, entries, dropped, inStepAt } = result.store;
    if (result.puts + result.deletes === 0 && inStepAt < after(reportedAt, reportedEvery)) return;
    reportedAt = inStepAt;
    telemetry({ event: "store", store, bytes, capacity, entries, dropped, inStepAt });
  };
}

/** Logs the first of equal failures, and their end. A line names the store, and neither an entry nor a key. */
export function cycleLog(log: (line: string) => void, store: string): (result: CycleResult) => void {
  let failure: string | undefined;
  return (result) => {
    if (result.status === "in_step") {
      if (failure !== undefined) log(JSON.stringify({ worker: "api", event: "store_in_step", store }));
      failure = undefined;
      return;
    }
    const { fault, detail } = result;
    if (detail !== failure) log(JSON.stringify({ worker: "api", event: "store_failed", store, fault, detail }));
    failure = detail;
  };
}
