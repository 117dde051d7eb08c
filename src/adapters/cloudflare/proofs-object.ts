import { DurableObject } from "cloudflare:workers";
import { isUnixSeconds, systemClock, type UnixSeconds } from "../../base/seconds.ts";

/** In milliseconds: how often it is worth to look for proofs that are too old. */
const sweep = 120_000;

const longestId = 256;

const schema = "CREATE TABLE IF NOT EXISTS proof (jti TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID";

/**
 * The DPoP proofs of one key that were taken, until each is too old anyhow. What is written down is asked in the same breath,
 * without a wait in between: of a proof that comes many times at once, one is the first. The alarm removes what is over,
 * and the object with the last of it.
 */
export class ProofsObject extends DurableObject {
  async firstUse(jti: string, until: UnixSeconds): Promise<boolean> {
    // The worker that calls may be of another version.
    if (jti === "" || jti.length > longestId || !isUnixSeconds(until)) throw new RangeError("not a proof's id and end");
    const { sql } = this.ctx.storage;
    sql.exec(schema);
    const { rowsWritten } = sql.exec("INSERT INTO proof (jti, until) VALUES (?, ?) ON CONFLICT DO NOTHING", jti, until);
    if (rowsWritten === 0) return false;
    if ((await this.ctx.storage.getAlarm()) === null) await this.ctx.storage.setAlarm(until * 1000);
    return true;
  }

  override async alarm(): Promise<void> {
    const { sql } = this.ctx.storage;
    sql.exec(schema);
    sql.exec("DELETE FROM proof WHERE until <= ?", systemClock());
    const { next } = sql.exec("SELECT min(until) AS next FROM proof").one();
    if (typeof next === "number") await this.ctx.storage.setAlarm(Math.max(next * 1000, Date.now() + sweep));
    else await this.ctx.storage.deleteAll();
  }
}
