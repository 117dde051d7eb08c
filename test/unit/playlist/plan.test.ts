import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seconds, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { expiriesOf, expiryOf, givenBy, targetKey } from "../../../src/playlist/expiry-plan.ts";
import type { Target } from "../../../src/playlist/template.ts";
import { compiled, media, now, step } from "./sample.ts";

function target(lifetime: number, more: Partial<Target> = {}): Target {
  const length = seconds(lifetime);
  return {
    purpose: "segment",
    path: "/film/0.ts",
    query: "",
    lifetime: length,
    reusable: false,
    minimum: length,
    roundTo: seconds(0),
    ...more,
  };
}

function at(offset: number): UnixSeconds {
  return unixSeconds(now + offset);
}

describe("an expiry with its own rounding", () => {
  const day = 86_400;
  const init = target(30, { roundTo: seconds(day) });

  test("is the same for every load until its next multiple is as near as the lifetime", () => {
    const end = Math.ceil((now + step + 30) / day) * day;
    expect(expiryOf(init, now, step)).toBe(end);
    expect(expiryOf(init, unixSeconds(end - 30), step)).toBe(end);
    expect(expiryOf(init, unixSeconds(end - 29), step)).toBe(end + day);
  });

  test("is never later than the end that it must not outlive", () => {
    expect(expiryOf(init, now, step, { notAfter: at(60) })).toBe(now + 60);
  });

  test("is the step's if that is longer", () => {
    expect(expiryOf(target(30, { roundTo: seconds(10) }), now, step)).toBe(expiryOf(target(30), now, step));
  });
});

describe("an expiry", () => {
  test("is now rounded up to the step, plus the lifetime rounded up to the step", () => {
    expect(expiryOf(target(306), now, step)).toBe(now + 330);
    expect(expiryOf(target(306), at(1), step)).toBe(now + 30 + 330);
    expect(expiryOf(target(330), at(30), step)).toBe(now + 30 + 330);
  });

  test("is the same for all loads within a step, a multiple of it, and never too early", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e6 }),
        fc.double({ min: 0, max: 6e5, noNaN: true }),
        (offset, lifetime) => {
          const load = at(offset);
          const expiry = expiryOf(target(lifetime), load, step);
          expect(expiry % step).toBe(0);
          expect(expiry).toBeGreaterThanOrEqual(load + lifetime);
          expect(expiry).toBeLessThan(load + lifetime + 2 * step);
          const stepEnd = unixSeconds(Math.ceil(load / step) * step);
          expect(expiryOf(target(lifetime), stepEnd, step)).toBe(expiry);
        },
      ),
    );
  });

  test("ends with the session if the URL carries no grant", () => {
    expect(expiryOf(target(306), now, step, { notAfter: at(100) })).toBe(now + 100);
    expect(expiryOf(target(306), now, step, { notAfter: at(1000) })).toBe(now + 330);
  });
});

describe("a URL that was issued before", () => {
  const reusable = target(42, { reusable: true, minimum: seconds(18) });
  const given = new Map([[targetKey(reusable), expiryOf(reusable, now, step)]]);

  test("is used again across steps while it lasts long enough", () => {
    expect(given.get(targetKey(reusable))).toBe(now + 90);
    expect(expiryOf(reusable, at(30), step, { given })).toBe(now + 90);
    expect(expiryOf(reusable, at(60), step, { given })).toBe(now + 90);
    expect(expiryOf(reusable, at(61), step, { given })).toBe(now + 90 + 90);
  });

  test("is issued again for a whole window, wherever in a step it was first issued", () => {
    const window = 42 - 18;
    for (let first = 0; first < step; first++) {
      const before = new Map([[targetKey(reusable), expiryOf(reusable, at(first), step)]]);
      const again = expiryOf(reusable, at(first + window), step, { given: before });
      expect(again).toBe(before.get(targetKey(reusable)));
    }
  });

  test("lasts no longer than it needs if it is an init segment of a film", () => {
    const init = target(306, { reusable: true });
    expect(expiryOf(init, now, step)).toBe(now + 330);
  });

  test("is issued again for reusable targets only", () => {
    expect(expiryOf({ ...reusable, reusable: false }, at(30), step, { given })).toBe(now + 30 + 60);
  });

  test("differs from another by its origin query", () => {
    expect(expiryOf({ ...reusable, query: "v=2" }, at(30), step, { given })).toBe(now + 30 + 90);
  });

  test("ends with the session too", () => {
    expect(expiryOf(reusable, now, step, { given, notAfter: at(10) })).toBe(now + 10);
  });
});

/** A low-latency playlist whose first segment is `first`, with some parts of the coming one. */
function lowLatency(first: number, parts: number, map = ""): string {
  const lines = ["#EXT-X-PART-INF:PART-TARGET=1", `#EXT-X-MEDIA-SEQUENCE:${first}`];
  for (let i = first; i < first + 4; i++) lines.push("#EXTINF:6,", `${i}.mp4`);
  for (let i = 0; i < parts; i++) lines.push(`#EXT-X-PART:DURATION=1,URI="${first + 4}.${i}.mp4"`);
  return media(...lines, `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${first + 4}.${parts}.mp4"`, map);
}

function expiriesByName(text: string, time: UnixSeconds, given: Map<string, UnixSeconds>): Map<string, UnixSeconds> {
  const template = compiled(text);
  const expiries = expiriesOf(template, time, step, { given });
  for (const key of [...given.keys()]) given.delete(key);
  for (const [key, expiry] of givenBy(template, expiries)) given.set(key, expiry);
  return new Map(template.targets.map(({ path }, i) => [path.slice("/film/360p/".length), expiries[i] ?? time]));
}

describe("the URL of a PRELOAD-HINT", () => {
  test("is that of its later PART, through every part of a stream and over every step", () => {
    const given = new Map<string, UnixSeconds>();
    let hinted: [string, UnixSeconds] | undefined;
    for (let second = 0; second < 240; second++) {
      const [first, parts] = [Math.floor(second / 6), second % 6];
      const expiries = expiriesByName(lowLatency(first, parts), at(second), given);
      if (hinted !== undefined && expiries.has(hinted[0])) expect(expiries.get(hinted[0])).toBe(hinted[1]);
      const name = `${first + 4}.${parts}.mp4`;
      hinted = [name, expiries.get(name) ?? now];
      for (const [file, expiry] of expiries) expect(expiry - (now + second), file).toBeGreaterThanOrEqual(18);
    }
  });

  test("is that of its later MAP, which is valid as long as its segments", () => {
    const given = new Map<string, UnixSeconds>();
    const hint = expiriesByName(lowLatency(0, 3, '#EXT-X-PRELOAD-HINT:TYPE=MAP,URI="i2.mp4"'), at(29), given).get(
      "i2.mp4",
    );
    const later = expiriesByName(`${lowLatency(0, 4)}#EXT-X-MAP:URI="i2.mp4"\n`, at(31), given);
    expect(later.get("i2.mp4")).toBe(hint);
    expect(later.get("i2.mp4")).toBeGreaterThanOrEqual(later.get("0.mp4") ?? Number.POSITIVE_INFINITY);
  });

  test("is replaced by one that is valid for the window if its file becomes a segment", () => {
    const given = new Map<string, UnixSeconds>();
    const before = Array.from({ length: 10 }, (_, i) => `#EXTINF:6,\n${i}.mp4`);
    const hint = expiriesByName(media(...before, '#EXT-X-PRELOAD-HINT:TYPE=PART,URI="a.mp4"'), now, given).get("a.mp4");
    const part = '#EXT-X-PART:DURATION=6,URI="a.mp4"';
    expect(expiriesByName(media(...before, part), at(30), given).get("a.mp4")).toBe(hint);
    const expiries = expiriesByName(media(...before, part, "#EXTINF:6,", "a.mp4"), at(30), given);
    expect(expiries.get("a.mp4")).toBe(expiries.get("0.mp4"));
  });

  test("is forgotten when it has left the playlist", () => {
    const template = compiled(lowLatency(0, 2));
    const given = givenBy(template, expiriesOf(template, now, step));
    expect([...given.keys()]).toEqual(["/film/360p/4.0.mp4?", "/film/360p/4.1.mp4?", "/film/360p/4.2.mp4?"]);
  });
});
