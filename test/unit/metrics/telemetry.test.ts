import { describe, expect, it } from "vitest";
import { milliseconds, unixSeconds } from "../../../src/base/time.ts";
import { dataPointOf } from "../../../src/metrics/data-point.ts";
import { IsolateCounter } from "../../../src/metrics/isolate-counter.ts";
import type { TelemetryEvent } from "../../../src/metrics/telemetry.ts";
import { analyticsSums, analyticsTelemetry, type Dataset } from "../../../src/platform/cloudflare/isolate-telemetry.ts";

/** Every event with its row, as operators' queries know the columns. */
const rows: readonly (readonly [TelemetryEvent, index: string, blobs: readonly string[]])[] = [
  [{ event: "validated", by: "jwt", outcome: "accepted" }, "validated jwt", ["validated", "jwt", "accepted"]],
  [
    {
      ...{ event: "refused", worker: "edge", code: "key_unknown", cause: "ours", asked: "media" },
      ...{ reason: "no such key", request: "00000000000000ff" },
    },
    "refused edge",
    ["refused", "edge", "key_unknown"],
  ],
  [{ event: "refreshed", outcome: "rotated" }, "refreshed rotated", ["refreshed", "rotated"]],
  [{ event: "identity_refused", status: 401 }, "identity_refused 401", ["identity_refused", "401"]],
  [{ event: "reused" }, "reused", ["reused"]],
  [{ event: "revoked", kind: "login" }, "revoked login", ["revoked", "login"]],
  [{ event: "unlogged" }, "unlogged", ["unlogged"]],
  [{ event: "limited", policy: "start-subject" }, "limited start-subject", ["limited", "start-subject"]],
  [{ event: "seen", subject: "HASH", country: "DE", network: "NET" }, "HASH", ["seen", "HASH", "DE", "NET"]],
];

describe("telemetry in Analytics Engine", () => {
  it.each(rows)("writes %j as one data point", (event, index, blobs) => {
    const points: Parameters<Dataset["writeDataPoint"]>[0][] = [];
    analyticsTelemetry({ writeDataPoint: (point) => points.push(point) })(event);
    expect(points).toEqual([{ indexes: [index], blobs, doubles: [1] }]);
  });

  it("writes the events per file as the sums of a report, not as one point each", () => {
    const points: Parameters<Dataset["writeDataPoint"]>[0][] = [];
    const dataset: Dataset = { writeDataPoint: (point) => points.push(point) };
    const telemetry = analyticsTelemetry(dataset);
    const counter = new IsolateCounter(() => unixSeconds(0));
    const hot: readonly TelemetryEvent[] = [
      { event: "served", what: "segment", outcome: "served" },
      { event: "served", what: "segment", outcome: "served" },
      { event: "cached", outcome: "miss" },
      { event: "origin", outcome: "answered", took: milliseconds(250) },
      { event: "origin", outcome: "answered", took: milliseconds(500) },
      { event: "rewritten", from: "memory", took: milliseconds(2) },
      { event: "live", delay: milliseconds(6000) },
      { event: "snapshot", age: milliseconds(1500) },
    ];
    for (const event of hot) {
      telemetry(event);
      counter.telemetry(event);
    }
    expect(points).toEqual([]);
    analyticsSums(dataset)(counter.take()?.counts ?? []);
    expect(points.map(({ indexes, blobs, doubles }) => [...indexes, blobs.join(" "), ...doubles])).toEqual([
      ["served segment", "served segment served", 2],
      ["cached miss", "cached miss", 1],
      ["origin answered", "origin answered", 2, 0.75],
      ["rewritten memory", "rewritten memory", 1, 0.002],
      ["live", "live", 1, 6],
      ["snapshot", "snapshot", 1, 1.5],
    ]);
  });

  it("keeps an index within the store's limit of 96 bytes", () => {
    const subject = "A".repeat(22);
    const lengths = [
      ...rows.map(([event]) => event),
      { event: "seen", subject, country: "XX", network: "" } as const,
    ].map((event) => dataPointOf(event)?.index.length ?? 0);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(96);
  });

  it("fails no request if the store fails", () => {
    const failing = analyticsTelemetry({
      writeDataPoint: () => {
        throw new Error("full");
      },
    });
    expect(() => failing({ event: "reused" })).not.toThrow();
  });

  it("writes nothing if no dataset is bound", () => {
    expect(() => analyticsTelemetry(undefined)({ event: "reused" })).not.toThrow();
  });
});
