import { expect, it } from "vitest";
import { inTurn, NamedTurns } from "../../../src/base/concurrency.ts";

it("tasks run one after the other in the order of their calls, even after one fails", async () => {
  const turn = inTurn();
  const events: string[] = [];
  const work =
    (name: string, fails = false) =>
    async () => {
      events.push(`${name} begins`);
      await Promise.resolve();
      events.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    };
  const all = await Promise.allSettled([turn(work("one")), turn(work("two", true)), turn(work("three"))]);
  expect(all.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(events).toEqual(["one begins", "one ends", "two begins", "two ends", "three begins", "three ends"]);
});

it("tasks of one name run one after the other, and those of different names at once", async () => {
  const turns = new NamedTurns();
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} begins`);
    await new Promise((resolve) => setTimeout(resolve, 1));
    events.push(`${name} ends`);
  };
  await Promise.all([turns.run("a", work("a1")), turns.run("a", work("a2")), turns.run("b", work("b1"))]);
  expect(events.indexOf("a1 ends")).toBeLessThan(events.indexOf("a2 begins"));
  expect(events.indexOf("b1 begins")).toBeLessThan(events.indexOf("a1 ends"));
});

it("a name without tasks is forgotten, even after one fails", async () => {
  const turns = new NamedTurns();
  await expect(turns.run("a", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  const running = turns.run("b", async () => "b");
  expect(turns.size).toBe(1);
  await running;
  expect(turns.size).toBe(0);
});
