import { expect, it } from "vitest";
import { inTurn } from "../../../src/identity/refresh-tokens.ts";

it("one piece of work begins when the one before it has ended, well or not, in the order in which they came", async () => {
  const turn = inTurn();
  const seen: string[] = [];
  const work =
    (name: string, fails = false) =>
    async () => {
      seen.push(`${name} begins`);
      await Promise.resolve();
      seen.push(`${name} ends`);
      if (fails) throw new Error(name);
      return name;
    };
  const all = await Promise.allSettled([turn(work("one")), turn(work("two", true)), turn(work("three"))]);
  expect(all.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(seen).toEqual(["one begins", "one ends", "two begins", "two ends", "three begins", "three ends"]);
});
