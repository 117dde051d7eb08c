import { DurableObject } from "cloudflare:workers";
import { readDecimal } from "../../base/decimal.ts";
import { type Seconds, seconds, systemClock } from "../../base/seconds.ts";
import type { RefusalsOfHour, SessionsNow } from "../../telemetry/gathered.ts";
import { reportSchema, sessionsAskedSchema } from "../../telemetry/gathered-schema.ts";
import { Gathering } from "../../telemetry/gathering.ts";
import { GatheringRows } from "./gathering-rows.ts";

export interface MetricsEnv {
  /** How long a silent session holds its lease, in seconds; 90 by default. */
  readonly STAGEDOOR_LEASE_TTL?: string;
}

interface Opened {
  readonly gathering: Gathering;
  readonly rows: GatheringRows;
}

/**
 * Where the counts of all isolates come together: one object. What a report tells is written down before it is answered, as
 * the object leaves memory whenever nobody has asked it anything for ten seconds: a counter that went back would be taken for
 * one that began anew, and a report that was forgotten counted a second time.
 */
export class MetricsObject extends DurableObject<MetricsEnv> {
  #opened: Opened | undefined;

  /** One that cannot be read is counted and let go: its sender would else bring it again for ever, and none after it. */
  async report(told: unknown): Promise<void> {
    const { gathering, rows } = this.#open();
    const { data: report } = reportSchema.safeParse(told);
    if (report !== undefined && !gathering.isNew(report)) return;
    const now = systemClock();
    if (report === undefined) gathering.countUnread();
    else gathering.report(report, now);
    try {
      rows.add(report, now, gathering);
    } catch (failure) {
      // It is sent again: until then it did not come.
      this.#opened = undefined;
      throw failure;
    }
  }

  async counts(): Promise<(readonly [series: string, value: number])[]> {
    return this.#open().gathering.counts();
  }

  async sessions(asked: unknown): Promise<SessionsNow> {
    return this.#open().gathering.sessions(sessionsAskedSchema.parse(asked));
  }

  async refusals(): Promise<RefusalsOfHour> {
    return this.#open().gathering.refusals();
  }

  #open(): Opened {
    if (this.#opened !== undefined) return this.#opened;
    const { storage } = this.ctx;
    const gathering = new Gathering(systemClock, silence(this.env.STAGEDOOR_LEASE_TTL));
    const rows = new GatheringRows({ sql: storage.sql, transaction: (work) => storage.transactionSync(work) });
    rows.readInto(gathering);
    this.#opened = { gathering, rows };
    return this.#opened;
  }
}

/** As long as a lease, and half a minute more, in which an isolate asks for it anew and reports that. */
function silence(leaseTtl = "90"): Seconds {
  return seconds((readDecimal(leaseTtl) ?? 90) + 30);
}
