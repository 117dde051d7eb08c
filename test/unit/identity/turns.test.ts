import { expect, it } from "vitest";
import { inTurn } from "../../../src/identity/refresh-tokens.ts";

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
