import { DurableObject } from "cloudflare:workers";
import * as z from "zod";
import { endOf, type QuotaStatus, type RatePolicy, type RateWindow, takeFrom } from "../../auth/rate-limit.ts";
import { isUnixSeconds, type Seconds, seconds, systemClock, type UnixSeconds } from "../../base/time.ts";

const keptSchema = z.object({
  startedAt: z.number().refine(isUnixSeconds),
  count: z.int().min(0),
  /** The window's length at the last count, in seconds. */
  length: z.number().min(0),
});

/**
 * The request count of one name under one policy. Each count is stored before the answer, so that neither a restart nor
 * an eviction resets the quota. Refused requests write nothing, so a flood costs no more writes than its quota. The
 * alarm removes the count when the window ends.
 *
 * Nothing is kept in memory: a count is read and written synchronously, so concurrent requests are counted one after
 * the other.
 */
export class RateLimitCounter extends DurableObject {
  async take(policy: RatePolicy, now: UnixSeconds): Promise<QuotaStatus> {
    const kept = this.#kept();
    const { window, standing } = takeFrom(kept, policy, now);
    if (kept === undefined || window.count !== kept.count || window.startedAt !== kept.startedAt)
      this.ctx.storage.kv.put("window", { ...window, length: policy.window });
    if ((await this.ctx.storage.getAlarm()) === null) await this.#remind(window, policy.window);
    return standing;
  }

  /** A health check: reads the count and changes nothing. */
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
    const stored = this.ctx.storage.kv.get("window");
    if (stored === undefined) return undefined;
    const { startedAt, count, length } = keptSchema.parse(stored);
    return { startedAt, count, length: seconds(length) };
  }

  #remind(window: RateWindow, length: Seconds): Promise<void> {
    return this.ctx.storage.setAlarm(Math.ceil(endOf(window, { window: length })) * 1000);
  }
}

/** Minimum time between two removals of expired proofs, in milliseconds. */
const sweep = 120_000;

const longestId = 256;

const schema =
  "CREATE TABLE IF NOT EXISTS used_proof (jti TEXT PRIMARY KEY, expires_at INTEGER NOT NULL) WITHOUT ROWID";

/**
 * The accepted DPoP proofs of one key, until each has expired. A single INSERT both checks and stores a proof, so of
 * concurrent copies only one is accepted. The alarm removes expired proofs, and the object's storage with the last one.
 */
export class DpopProofs extends DurableObject {
  async firstUse(jti: string, until: UnixSeconds): Promise<boolean> {
    // The calling worker may be of another version.
    if (jti === "" || jti.length > longestId || !isUnixSeconds(until)) throw new RangeError("not a proof's id and end");
    const { sql } = this.ctx.storage;
    sql.exec(schema);
    const { rowsWritten } = sql.exec(
      "INSERT INTO used_proof (jti, expires_at) VALUES (?, ?) ON CONFLICT DO NOTHING",
      jti,
      until,
    );
    if (rowsWritten === 0) return false;
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(until * 1000);
    return true;
  }

  override async alarm(): Promise<void> {
    const { sql } = this.ctx.storage;
    sql.exec(schema);
    sql.exec("DELETE FROM used_proof WHERE expires_at <= ?", systemClock());
    const { next } = sql.exec("SELECT min(expires_at) AS next FROM used_proof").one();
    if (typeof next === "number") await this.ctx.storage.setAlarm(Math.max(next * 1000, Date.now() + sweep));
    else await this.ctx.storage.deleteAll();
  }
}
