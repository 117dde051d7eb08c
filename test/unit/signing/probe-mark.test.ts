import { describe, expect, it } from "vitest";
import { unixSeconds } from "../../../src/base/time.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { markedBy, probeHeader, probeMark } from "../../../src/signing/probe-mark.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { keyOf, now, preparedKeys, ringKeys } from "./session.ts";

const keys = await preparedKeys();
const key = keyOf(keys, "2026-a");
const mark = probeMark(key, "media", now);
const requestWith = (value: string) => new Request("https://media.example/", { headers: { [probeHeader]: value } });
const read = (value: string, host: "api" | "media" = "media", at = now) => markedBy(requestWith(value), host, keys, at);

describe("the mark of doctor's requests", () => {
  it("names the ring's key that made it", () => {
    expect(read(mark)).toBe("2026-a");
    expect(markedBy(new Request("https://media.example/"), "media", keys, now)).toBeUndefined();
  });

  it("counts for one of the two hosts, and for a minute, plus a minute for clocks that differ", () => {
    expect(read(mark, "api")).toBeUndefined();
    expect(read(mark, "media", unixSeconds(now + 119))).toBe("2026-a");
    expect(read(mark, "media", unixSeconds(now + 120))).toBeUndefined();
    expect(read(mark, "media", unixSeconds(now - 60))).toBe("2026-a");
    expect(read(mark, "media", unixSeconds(now - 61))).toBeUndefined();
  });

  it("is not authentic with any character changed, removed or added", () => {
    for (let place = 0; place < mark.length; place++) {
      const other = mark[place] === "A" ? "B" : "A";
      for (const text of ["", other, `${mark[place]}${other}`])
        expect(read(mark.slice(0, place) + text + mark.slice(place + 1))).toBeUndefined();
    }
  });

  it("is not authentic under another deployment's key with the same kid, or under a retired key", async () => {
    const [first] = ringKeys;
    if (first?.purpose !== "session") throw new Error("no session key");
    const other = { ...first, k: "B".repeat(42).concat("A") };
    const strange = await prepareSessionKeys({ keys: [other] }, oneShotHmac);
    expect(read(probeMark(keyOf(strange, first.kid), "media", now))).toBeUndefined();
    const retired = await prepareSessionKeys({ keys: [{ ...first, state: "retired" }] }, oneShotHmac);
    const own = probeMark(keyOf(retired, first.kid), "media", now);
    expect(markedBy(requestWith(own), "media", retired, now)).toBeUndefined();
  });
});
