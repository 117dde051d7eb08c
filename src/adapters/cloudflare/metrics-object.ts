import { DurableObject } from "cloudflare:workers";
import { readDecimal } from "../../base/decimal.ts";
import { type Seconds, seconds, systemClock } from "../../base/seconds.ts";
import type { RefusalsOfHour, SessionsNow } from "../../telemetry/gathered.ts";
import { keptCountsSchema, reportSchema, sessionsAskedSchema } from "../../telemetry/gathered-schema.ts";
import { Gathering } from "../../telemetry/gathering.ts";

export interface MetricsEnv {
  /** How long a silent session holds its lease, in seconds; 90 by default. */
  readonly STAGEDOOR_LEASE_TTL?: string;
}

/** How long after a report the counts are written down, in milliseconds. */
const writeInterval = 30_000;

/**
 * Where the counts of all isolates come together: one object. Counts are written down half a minute after a report, and
 * before anybody is shown them: a counter that went back behind what a scraper has seen would be taken for one that began
 * anew, and all that it ever counted for new. Sessions and the last refusals are in memory alone, and come back by
 * themselves.
 */
export class MetricsObject extends DurableObject<MetricsEnv> {
  #opened: Gathering | undefined;
  #unwritten = false;

  /** One that cannot be read is counted and let go: its sender would else bring it again for ever, and none after it. */
  async report(told: unknown): Promise<void> {
    const report = reportSchema.safeParse(told);
    if (!report.success) this.#gathering().countUnread();
    else if (!this.#gathering().report(report.data)) return;
    if (this.#unwritten) return;
    this.#unwritten = true;
    await this.ctx.storage.setAlarm(systemClock() * 1_000 + writeInterval);
  }

  async counts(): Promise<(readonly [series: string, value: number])[]> {
    this.#write();
    return this.#gathering().counts();
  }

  async sessions(asked: unknown): Promise<SessionsNow> {
    return this.#gathering().sessions(sessionsAskedSchema.parse(asked));
  }

  async refusals(): Promise<RefusalsOfHour> {
    return this.#gathering().refusals();
  }

  override async alarm(): Promise<void> {
    this.#write();
  }

  #write(): void {
    if (!this.#unwritten) return;
    this.ctx.storage.kv.put("counts", this.#gathering().kept());
    this.#unwritten = false;
  }

  #gathering(): Gathering {
    if (this.#opened !== undefined) return this.#opened;
    const gathering = new Gathering(systemClock, silence(this.env.STAGEDOOR_LEASE_TTL));
    const kept = keptCountsSchema.safeParse(this.ctx.storage.kv.get("counts"));
    // What another version has written is no reason to count nothing.
    if (kept.success) gathering.restore(kept.data);
    this.#opened = gathering;
    return gathering;
  }
}

/** As long as a lease, and half a minute more, in which an isolate asks for it anew and reports that. */
function silence(leaseTtl = "90"): Seconds {
  return seconds((readDecimal(leaseTtl) ?? 90) + 30);
}
