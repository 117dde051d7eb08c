import { describe, expect, it } from "vitest";
import { writable } from "../../../cli/cloudfront/key-value-store.ts";
import { seconds, after as timeAfter, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { cycleTimes, StoreCycle } from "../../../src/cloudfront/store-cycle.ts";
import type { EdgeKey } from "../../../src/keys/key.ts";
import type { Revocation } from "../../../src/sessions/revocation.ts";
import { grantOf, keyOf, now, preparedKeys, ringKeys, signedTarget } from "../../unit/signing/session.ts";
import { Stage, scriptOf } from "./stage.ts";

const client = { address: "192.0.2.7", userAgent: "Player/1.0" };
const edgeKeys = ringKeys.map((key): EdgeKey => ({ ...key, purpose: "cloudfront-session" }));
/** AWS's figure, in seconds. */
const propagation = 15;

describe("a revocation at CloudFront", () => {
  it("is in the store one cycle after it is in the log, and in force when AWS has copied the store", async () => {
    const key = keyOf(await preparedKeys(), "2026-a");
    const target = signedTarget(key, { purpose: "segment", grant: grantOf(key), path: "/film/A/0.ts" });
    const stage = new Stage(await scriptOf(), { propagation: propagation * 1000 });
    const entries: Revocation[] = [];
    const cycle = new StoreCycle({
      log: {
        since: async (cursor) => ({
          cursor: entries.length,
          reset: false,
          more: false,
          entries: entries.slice(cursor),
        }),
      },
      store: writable(stage.store),
      clock: () => unixSeconds(Math.floor(stage.time / 1000)),
    });
    // In the middle between two cycles.
    const revokedAt = timeAfter(now, seconds(60 + cycleTimes.cycle / 2));
    let dueAt: UnixSeconds = timeAfter(now, seconds(20));
    let writtenAt: UnixSeconds | undefined;
    const outcomes = new Map<UnixSeconds, string>();
    for (let time = dueAt; time < revokedAt + 60; time = timeAfter(time, seconds(1))) {
      stage.time = time * 1000;
      if (time === revokedAt)
        entries.push({
          kind: "asset",
          value: "film",
          cause: "revoked",
          at: time,
          until: timeAfter(time, seconds(600)),
        });
      if (time >= dueAt) {
        const { next } = await cycle.run(edgeKeys);
        dueAt = timeAfter(time, next);
        if (stage.store.list().get("c")?.includes("|afilm|")) writtenAt ??= time;
      }
      const outcome = await stage.outcome({ target, client, now: time });
      outcomes.set(time, "refusal" in outcome ? String(outcome.refusal) : "served");
    }
    if (writtenAt === undefined) throw new Error("the revocation was never written");
    expect(writtenAt - revokedAt).toBeLessThanOrEqual(cycleTimes.cycle);
    const inForceAt = writtenAt + propagation;
    const [before, since] = [
      [...outcomes].filter(([at]) => at < inForceAt),
      [...outcomes].filter(([at]) => at >= inForceAt),
    ];
    expect(new Set(before.map(([, outcome]) => outcome))).toEqual(new Set(["served"]));
    expect(new Set(since.map(([, outcome]) => outcome))).toEqual(new Set(["session_revoked"]));
  });
});
