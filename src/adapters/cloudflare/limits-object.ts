import { DurableObject } from "cloudflare:workers";
import * as z from "zod";
import { isUnixSeconds, type Seconds, seconds, systemClock, type UnixSeconds } from "../../base/seconds.ts";
import { endOf, type RateWindow, takeFrom } from "../../limits/fixed-window.ts";
import type { RatePolicy, RateStanding } from "../../limits/rate-limit.ts";

const keptSchema = z.object({
  startedAt: z.number().refine(isUnixSeconds),
  count: z.int().min(0),
  /** The window's length when it was last counted in, in seconds. */
  length: z.number().min(0),
});

/**
 * How often one name has asked under one policy. What is counted is written down before it is answered, so that neither a
 * restart nor an eviction gives a fresh quota: one small row for each request that is let in, none for those that are not,
 * so a storm costs no more writes than its quota. The alarm removes everything once the window is over.
 *
 * Nothing is kept in memory: reading, counting and writing are done without a wait in between, so however many ask at once,
 * each is counted after the other.
 */
export class LimitsObject extends DurableObject {
  async take(policy: RatePolicy, now: UnixSeconds): Promise<RateStanding> {
    const kept = this.#kept();
    const { window, standing } = takeFrom(kept, policy, now);
    if (kept === undefined || window.count !== kept.count || window.startedAt !== kept.startedAt)
      this.ctx.storage.kv.put("window", { ...window, length: policy.window });
    if ((await this.ctx.storage.getAlarm()) === null) await this.#remind(window, policy.window);
    return standing;
  }

  /** Whether it can be read; nothing is counted. */
  async answers(): Promise<boolean> {
    this.#kept();
    return true;
  }

  override async alarm(): Promise<void> {
    const kept = this.#kept();
    if (kept !== undefined && systemClock() < endOf(kept, { window: kept.length }))
      return this.#remind(kept, kept.length);
    await this.ctx.storage.deleteAll();
  }

  #kept(): (RateWindow & { readonly length: Seconds }) | undefined {
    const found = this.ctx.storage.kv.get("window");
    if (found === undefined) return undefined;
    const { startedAt, count, length } = keptSchema.parse(found);
    return { startedAt, count, length: seconds(length) };
  }

  #remind(window: RateWindow, length: Seconds): Promise<void> {
    return this.ctx.storage.setAlarm(Math.ceil(endOf(window, { window: length })) * 1000);
  }
}
