import { describe, expect, it } from "vitest";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { Gathering } from "../../../src/metrics/gathering.ts";
import { GroupCounts } from "../../../src/metrics/group-counts.ts";
import { IsolateCounter } from "../../../src/metrics/isolate-counter.ts";
import type { TelemetryEvent } from "../../../src/metrics/telemetry.ts";
import { reportOf, sessionOf } from "./gathered-contract.ts";

const start = unixSeconds(2_000_000_400);
const refusedIn = (asset: string | undefined, more: object = {}): TelemetryEvent => ({
  ...{ event: "refused", cause: "viewer", worker: "edge", code: "grant_expired", reason: "", request: "1" },
  ...{ asset, country: "DE", asn: 3320, player: "Chrome", ...more },
});

describe("refusals by group", () => {
  it("are all counted, although only some are kept in full", () => {
    const [counter, gathering] = [new IsolateCounter(() => start), new Gathering(() => start, seconds(120))];
    for (let i = 0; i < 300; i++) counter.telemetry(refusedIn(i % 3 === 0 ? "news" : "film"));
    counter.telemetry(refusedIn(undefined, { asn: undefined, country: undefined, code: "path_invalid" }));
    const taken = counter.take();
    gathering.report({ worker: "edge", counts: [], refusals: [], alive: [], ended: [], ...taken });
    expect(gathering.groups("asset")).toEqual([
      { value: "news", watching: 0, refused: { grant_expired: 100 } },
      { value: "film", watching: 0, refused: { grant_expired: 200 } },
      { value: "unknown", watching: 0, refused: { path_invalid: 1 } },
    ]);
    expect(gathering.groups("asn").map(({ value }) => value)).toEqual(["AS3320", "unknown"]);
    expect(taken?.refusals.length).toBeLessThan(30);
  });

  it("are with the sessions of the same group", () => {
    const gathering = new Gathering(() => start, seconds(120));
    const alive = [sessionOf("a", start, { player: "VLC" }), sessionOf("b", start, { player: "Roku" })];
    gathering.report(reportOf({ alive: [...alive, sessionOf("c", start)], groups: [["player", "VLC", "x", 2]] }));
    expect(gathering.groups("player")).toEqual([
      { value: "VLC", watching: 1, refused: { x: 2 } },
      { value: "Roku", watching: 1, refused: {} },
      { value: "unknown", watching: 1, refused: {} },
    ]);
  });

  it("are forgotten after an hour, and survive a restart until then", () => {
    const [before, restored] = [new GroupCounts(), new GroupCounts()];
    before.add("asset", "film", "x", 3, start);
    restored.restore(before.kept(start));
    expect(restored.of("asset", unixSeconds(start + 3_500))).toEqual(new Map([["film", { x: 3 }]]));
    expect(restored.of("asset", unixSeconds(start + 4_200)).size).toBe(0);
  });

  it("have a bounded number of values, and count the others together", () => {
    const counts = new GroupCounts();
    for (let i = 0; i < 5_000; i++) counts.add("asset", `film-${i}`, "x", 1, start);
    const found = counts.of("asset", start);
    expect(found.size).toBe(2_001);
    expect(found.get("other")).toEqual({ x: 3_000 });
  });

  it("of an isolate are bounded too", () => {
    const counter = new IsolateCounter(() => start);
    for (let i = 0; i < 3_000; i++) counter.telemetry(refusedIn(`film-${i}`));
    const groups = counter.take()?.groups ?? [];
    expect(groups.length).toBeLessThan(1_010);
    const assets = groups.filter(([by]) => by === "asset").map(([, , , count]) => count);
    expect(assets.reduce((sum, count) => sum + count, 0)).toBe(3_000);
  });
});
