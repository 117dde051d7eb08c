import { expect, it } from "vitest";
import { ok, refusal, refuse } from "../../../src/base/result.ts";
import { seconds, unixMilliseconds } from "../../../src/base/time.ts";
import { type Asset, assetSchema } from "../../../src/catalog/asset.ts";
import { type Origin, timedOrigin } from "../../../src/origin/origin.ts";
import { memoryTelemetry } from "../../support/memory-stores.ts";

const asset: Asset = assetSchema.parse({
  id: "film",
  origin: { type: "r2", binding: "MEDIA", prefix: "film/" },
  entry: "index.m3u8",
});

async function eventsOf(respond: () => ReturnType<Origin>, hold?: number) {
  const { telemetry, events } = memoryTelemetry();
  let time = 1_000_000;
  const origin: Origin = () => {
    time += 250;
    return respond();
  };
  const timed = timedOrigin(origin, telemetry, () => unixMilliseconds(time));
  const request = { asset, path: "0.ts", query: "", method: "GET", ...(hold !== undefined && { hold: seconds(hold) }) };
  await timed({ ...request, method: "GET" }).catch(() => undefined);
  return events;
}

const range = { code: "range_not_satisfiable", reason: "", size: 1 } as const;

it.each([
  ["answered", "a response", async () => ok(new Response(""))],
  ["answered", "a missing file", async () => refusal("object_unknown", "")],
  ["answered", "a range beyond the file", async () => refuse(range)],
  ["failed", "a failure", async () => refusal("origin_failed", "")],
  ["failed", "an exception", () => Promise.reject(new Error("MARKED"))],
  ["slow", "no response in time", async () => refusal("origin_slow", "")],
])("an origin is reported as %s if it returns %s, with the duration", async (outcome, _, respond) => {
  expect(await eventsOf(respond)).toEqual([{ event: "origin", outcome, took: 250 }]);
});

it("a blocking reload is reported only if it fails: its duration says nothing about the origin", async () => {
  expect(await eventsOf(async () => ok(new Response("")), 6)).toEqual([]);
  expect(await eventsOf(async () => ok(new Response("")), 0)).toHaveLength(1);
  expect(await eventsOf(async () => refusal("origin_failed", ""), 6)).toHaveLength(1);
});

it("an origin's response and its exception are passed on unchanged", async () => {
  const { telemetry } = memoryTelemetry();
  const response = ok(new Response("a"));
  const clock = () => unixMilliseconds(0);
  const request = { asset, path: "0.ts", query: "", method: "GET" } as const;
  expect(await timedOrigin(async () => response, telemetry, clock)(request)).toBe(response);
  const failing = timedOrigin(() => Promise.reject(new Error("broken")), telemetry, clock);
  await expect(failing(request)).rejects.toThrow("broken");
});
