import { describe, expect, it } from "vitest";
import { SingleFlight } from "../../../src/base/concurrency.ts";
import { seconds, type Timer } from "../../../src/base/time.ts";

describe("a single flight", () => {
  it("is running until the work fails or its time is up", async () => {
    const flight = new SingleFlight();
    expect(flight.isRunning(0)).toBe(false);
    const work = Promise.withResolvers<string>();
    const run = flight.run(10, () => work.promise);
    expect([flight.isRunning(0), flight.isRunning(9), flight.isRunning(10)]).toEqual([true, true, false]);
    work.reject(new Error("down"));
    await expect(run).rejects.toThrow("down");
    expect(flight.isRunning(0)).toBe(false);
  });

  it("stays running for a later run if an earlier one settles late", async () => {
    const flight = new SingleFlight();
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const late = flight.run(10, () => first.promise);
    const current = flight.run(20, () => second.promise);
    first.resolve();
    await late;
    expect(flight.isRunning(12)).toBe(true);
    second.resolve();
    await current;
    expect(flight.isRunning(12)).toBe(false);
  });

  it("lets each caller poll for its end, no longer than the timeout", async () => {
    const flight = new SingleFlight();
    const work = Promise.withResolvers<void>();
    const run = flight.run(10, () => work.promise);
    let polls = 0;
    const timer: Timer = (_, ring) => {
      polls++;
      queueMicrotask(ring);
      return () => undefined;
    };
    await flight.finished(() => 0, timer, seconds(1));
    expect(polls).toBeGreaterThanOrEqual(20);
    expect(polls).toBeLessThanOrEqual(21);
    expect(flight.isRunning(0)).toBe(true);
    work.resolve();
    await run;
    polls = 0;
    await flight.finished(() => 0, timer, seconds(1));
    expect(polls).toBe(0);
  });
});
