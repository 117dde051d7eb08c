import { expect, it } from "vitest";
import { makeRoom } from "../../../src/base/bounded-map.ts";

it("a map that is full loses the one that was put in first, and one that has room loses none", () => {
  const map = new Map<string, number>();
  for (const name of ["a", "b", "c", "d"]) {
    makeRoom(map, 3);
    map.set(name, 1);
  }
  expect([...map.keys()]).toEqual(["b", "c", "d"]);
});
