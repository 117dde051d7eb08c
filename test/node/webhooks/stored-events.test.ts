import { describe, expect, it } from "vitest";
import { seconds, after as timeAfter, unixSeconds } from "../../../src/base/time.ts";
import { StoredGathering } from "../../../src/metrics/stored-gathering.ts";
import { openSqlite } from "../../../src/platform/node/sqlite-database.ts";

const start = unixSeconds(1_795_000_000);
const leaseTtl = seconds(90);

/** Processes over one database; each restart reads it again. */
function stage() {
  const database = openSqlite(":memory:", { durable: false });
  const state = { now: start, sequence: 0 };
  const open = () => new StoredGathering(database, () => state.now, leaseTtl);
  let gathering = open();
  const starts = (sessionId: string) => {
    const session = {
      sessionId,
      assetId: "film",
      subject: "ann",
      country: "DE",
      startedAt: state.now,
      seenAt: state.now,
    };
    const from = { isolate: "a", sequence: ++state.sequence };
    const alive = [{ ...session, expiresAt: timeAfter(state.now, seconds(3_600)) }];
    gathering.report({ worker: "edge", from, counts: [], refusals: [], alive, ended: [] });
  };
  const told = (after?: string) => gathering.events(after, 100).events.map(({ id }) => id);
  const restart = () => {
    gathering = open();
  };
  return { state, starts, told, restart };
}

describe("stored events", () => {
  it("have the same order after a restart, also the end of a session that fell silent, so that a reader misses none", () => {
    const { state, starts, told, restart } = stage();
    starts("a");
    state.now = timeAfter(start, seconds(150));
    const [, silent = ""] = told();
    expect(silent).toBe(`session.ended a ${start}`);
    restart();
    starts("b");
    restart();
    expect(told(silent)).toEqual([`session.started b ${state.now}`]);
    expect(told()).toEqual([`session.started a ${start}`, silent, `session.started b ${state.now}`]);
  });
});
