import { describe, expect, it } from "vitest";
import { analyticsTelemetry, type Dataset } from "../../../src/adapters/cloudflare/analytics-telemetry.ts";
import { dataPointOf } from "../../../src/telemetry/data-point.ts";
import type { TelemetryEvent } from "../../../src/telemetry/telemetry.ts";

/** Every event with its row, as operators' queries know the columns. */
const rows: readonly (readonly [TelemetryEvent, index: string, blobs: readonly string[]])[] = [
  [{ event: "validated", by: "jwt", outcome: "accepted" }, "validated jwt", ["validated", "jwt", "accepted"]],
  [
    { event: "refused", worker: "edge", code: "key_unknown", reason: "no such key", request: "00000000000000ff" },
    "refused edge",
    ["refused", "edge", "key_unknown"],
  ],
  [{ event: "refreshed", outcome: "rotated" }, "refreshed rotated", ["refreshed", "rotated"]],
  [{ event: "identity_refused", status: 401 }, "identity_refused 401", ["identity_refused", "401"]],
  [{ event: "reused" }, "reused", ["reused"]],
  [{ event: "revoked", kind: "login" }, "revoked login", ["revoked", "login"]],
  [{ event: "limited", policy: "start-subject" }, "limited start-subject", ["limited", "start-subject"]],
  [{ event: "seen", subject: "HASH", country: "DE", network: "NET" }, "HASH", ["seen", "HASH", "DE", "NET"]],
];

describe("telemetry in Analytics Engine", () => {
  it.each(rows)("writes %j as one point of one", (event, index, blobs) => {
    const points: Parameters<Dataset["writeDataPoint"]>[0][] = [];
    analyticsTelemetry({ writeDataPoint: (point) => points.push(point) })(event);
    expect(points).toEqual([{ indexes: [index], blobs, doubles: [1] }]);
  });

  it("keeps an index within the 96 bytes that the store takes", () => {
    const subject = "A".repeat(22);
    const lengths = [
      ...rows.map(([event]) => event),
      { event: "seen", subject, country: "XX", network: "" } as const,
    ].map((event) => dataPointOf(event).index.length);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(96);
  });

  it("fails no request where the store fails", () => {
    const failing = analyticsTelemetry({
      writeDataPoint: () => {
        throw new Error("full");
      },
    });
    expect(() => failing({ event: "reused" })).not.toThrow();
  });

  it("counts nothing where no dataset is bound", () => {
    expect(() => analyticsTelemetry(undefined)({ event: "reused" })).not.toThrow();
  });
});
