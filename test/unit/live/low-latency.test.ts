import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerAt, type Channel } from "../../../fixtures/live/answer.ts";
import { liveStreams } from "../../../fixtures/live/stream.ts";
import type { UnixMilliseconds } from "../../../src/base/time.ts";
import { readPlaylist } from "./reading.ts";
import { afternoon, later, syntheticFilm } from "./synthetic-film.ts";

const film = syntheticFilm();
const stream = liveStreams.get("live-ll");
if (stream === undefined) throw new Error("there is no live-ll");
const channel: Channel = {
  stream,
  entry: "",
  films: new Map([
    ["180p", film],
    ["360p", film],
  ]),
};
const request = (now: UnixMilliseconds, query = "") => answerAt(channel, "180p/index.m3u8", query, now);
const text = (now: UnixMilliseconds, query = "") => {
  const result = request(now, query);
  if (result.kind !== "file" || typeof result.body !== "string") throw new Error(JSON.stringify(result));
  return result.body;
};
const times = fc.nat(600_000).map(later);
const next = afternoon / 2000;

describe("a low-latency playlist", () => {
  it("follows the limits of RFC 8216bis §4.4.3.8", () => {
    const attribute = (name: string) => Number(new RegExp(`${name}=([\\d.]+)`).exec(text(afternoon))?.[1]);
    const [target, part] = [2, attribute("PART-TARGET")];
    expect(part).toBe(0.5);
    expect(attribute("CAN-SKIP-UNTIL")).toBeGreaterThanOrEqual(6 * target);
    expect(attribute("[,]HOLD-BACK")).toBeGreaterThanOrEqual(3 * target);
    expect(attribute("PART-HOLD-BACK")).toBeGreaterThanOrEqual(3 * part);
  });

  it("ends with the available parts, a hint at the next one and a rendition report", () => {
    expect(text(later(1200)).split("\n").slice(-6)).toEqual([
      "#EXT-X-PROGRAM-DATE-TIME:2026-07-01T14:20:00.000Z",
      `#EXT-X-PART:DURATION=0.500,URI="${next}.0.m4s",INDEPENDENT=YES`,
      `#EXT-X-PART:DURATION=0.500,URI="${next}.1.m4s"`,
      `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${next}.2.m4s"`,
      `#EXT-X-RENDITION-REPORT:URI="../360p/index.m3u8",LAST-MSN=${next},LAST-PART=1`,
      "",
    ]);
    expect(text(afternoon)).toContain(`LAST-MSN=${next - 1},LAST-PART=3\n`);
  });

  it("lists the parts of its last three segments only", () => {
    const { segments } = readPlaylist(text(later(1200)));
    const counts = segments.map((lines) => lines.split("#EXT-X-PART:").length - 1);
    expect(counts).toEqual([...Array(27).fill(0), 4, 4, 4]);
  });

  it("hints at the next part, which a request can wait for", () => {
    fc.assert(
      fc.property(times, (now) => {
        const { hint } = readPlaylist(text(now));
        const result = answerAt(channel, `180p/${hint}`, "", now);
        expect(result.kind).toBe("wait");
        if (result.kind !== "wait") return;
        expect(result.until - now).toBeLessThanOrEqual(500);
        expect(readPlaylist(text(result.until)).uris).toContain(hint);
      }),
    );
  });
});

describe("a delta update", () => {
  it("gives the full playlist when a player applies it to its own", () => {
    fc.assert(
      fc.property(times, fc.nat(5999), (now, age) => {
        // A player requests one only while its own playlist is younger than half the skip boundary.
        const old = readPlaylist(text(later(now - afternoon)));
        const at = later(now - afternoon + age);
        const [full, delta] = [readPlaylist(text(at)), readPlaylist(text(at, "_HLS_skip=YES"))];
        expect(delta.skipped).toBeGreaterThan(0);
        const kept = old.segments.slice(full.first - old.first, full.first - old.first + delta.skipped);
        expect(kept).toHaveLength(delta.skipped);
        const plain = (lines: string) => lines.replaceAll(/^#EXT-X-(PART|MAP):.*\n/gm, "");
        expect([...kept, ...delta.segments].map(plain)).toEqual(full.segments.map(plain));
        expect(delta.segments).toEqual(full.segments.slice(delta.skipped));
        expect([delta.first, delta.parts, delta.hint]).toEqual([full.first, full.parts, full.hint]);
      }),
    );
  });

  it("skips nothing within CAN-SKIP-UNTIL of the end", () => {
    fc.assert(
      fc.property(times, (now) => {
        const { first, skipped, segments, parts } = readPlaylist(text(now, "_HLS_skip=v2"));
        const end = (first + skipped + segments.length) * 2000 + parts.length * 500;
        expect(end - (first + skipped) * 2000).toBeGreaterThanOrEqual(12_000);
        expect(end - (first + skipped + 1) * 2000).toBeLessThan(12_000);
      }),
    );
  });
});

describe("a blocking reload", () => {
  it("waits until the playlist has the requested segment or part, and no longer", () => {
    fc.assert(
      fc.property(times, fc.nat(2), fc.option(fc.nat(3)), (now, ahead, part) => {
        const segment = Math.floor(now / 2000) - 1 + ahead;
        const query = `_HLS_msn=${segment}${part === null ? "" : `&_HLS_part=${part}`}`;
        const isAvailable = (at: UnixMilliseconds) => {
          const { first, segments, parts } = readPlaylist(text(at));
          const coming = first + segments.length;
          return segment < coming || (segment === coming && part !== null && part < parts.length);
        };
        const result = request(now, query);
        if (result.kind === "none") {
          // Beyond the limit: more than three seconds of parts ahead.
          expect(part === null ? 0 : segment * 2000 + (part + 1) * 500 - now).toBeGreaterThan(3000 - 500);
          return;
        }
        expect(result.kind).toBe(isAvailable(now) ? "file" : "wait");
        if (result.kind !== "wait") return;
        expect(isAvailable(later(result.until - afternoon - 1))).toBe(false);
        expect(isAvailable(result.until)).toBe(true);
        expect(text(result.until, query)).toBe(text(result.until));
      }),
    );
  });

  it("treats a part after the last one of its segment as the first of the next", () => {
    expect(request(later(1600), `_HLS_msn=${next}&_HLS_part=7`)).toEqual({ kind: "wait", until: later(2500) });
  });

  it.each([
    [`_HLS_msn=${next + 2}`, "a segment more than two ahead"],
    [`_HLS_msn=${next + 1}&_HLS_part=3`, "more than three seconds of parts ahead"],
    [`_HLS_msn=${next + 1}&_HLS_part=99`, "a part after its segment, which is far ahead"],
    ["_HLS_part=1", "a part without its segment"],
    ["_HLS_msn=-1", "a negative number"],
    ["_HLS_msn=1e9", "not an integer"],
    ["_HLS_msn=9999999999999999", "a number that is not exact"],
    ["_HLS_skip=no", "another _HLS_skip"],
  ])("is refused with 400: %s, %s", (query) => {
    expect(request(afternoon, query)).toMatchObject({ kind: "none", status: 400 });
  });

  it("is cacheable for as long as it can be requested, and only if it names a segment", () => {
    expect(request(afternoon, `_HLS_msn=${next - 1}`)).toMatchObject({ cacheControl: "max-age=12" });
    expect(request(afternoon)).toMatchObject({ cacheControl: "no-cache" });
  });
});
