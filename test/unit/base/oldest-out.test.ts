import { expect, it } from "vitest";
import { makeRoom } from "../../../src/base/bounded-map.ts";

it("makeRoom removes the oldest entry of a full map, and nothing from one with room", () => {
  const map = new Map<string, number>();
  for (const name of ["a", "b", "c", "d"]) {
    makeRoom(map, 3);
    map.set(name, 1);
  }
  expect([...map.keys()]).toEqual(["b", "c", "d"]);
});
