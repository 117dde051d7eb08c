import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { answerAt, type Channel } from "../../../fixtures/live/answer.ts";
import { liveStreams } from "../../../fixtures/live/stream.ts";
import type { UnixMilliseconds } from "../../../src/base/time.ts";
import { readPlaylist } from "./reading.ts";
import { afternoon, later, syntheticFilm } from "./synthetic-film.ts";

const film = syntheticFilm();
const entry =
  '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na/index.m3u8\n#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1,URI="a/i.m3u8"\n';
const channels = new Map<string, Channel>(
  [...liveStreams].map(([name, stream]) => [
    name,
    {
      stream,
      entry,
      films: new Map([
        ["a", film],
        ["b", film],
      ]),
    },
  ]),
);

function request(name: string, path: string, now: UnixMilliseconds, query = "") {
  const channel = channels.get(name);
  if (channel === undefined) throw new Error(`no ${name}`);
  return answerAt(channel, path, query, now);
}

function text(name: string, path: string, now: UnixMilliseconds, query = ""): string {
  const result = request(name, path, now, query);
  if (result.kind !== "file" || typeof result.body !== "string") throw new Error(`${path}: ${JSON.stringify(result)}`);
  return result.body;
}

/** Each stream with the path of one of its media playlists. */
const event = Math.floor(afternoon / 3_600_000);
const playlists = [
  ["live", "a/index.m3u8"],
  ["live-dvr", "a/index.m3u8"],
  ["live-event", `a/${event}.m3u8`],
  ["live-ll", "a/index.m3u8"],
] as const;
/** Up to the next full hour, while the event runs. */
const times = fc.nat(2_400_000).map(later);

describe.each(playlists)("the stream %s", (name, path) => {
  it("has the same text each time it is requested at one time", () => {
    fc.assert(
      fc.property(times, (now) => {
        expect(text(name, path, now)).toBe(text(name, path, now));
      }),
    );
  });

  it("never goes back: the segments that stay have the same tags, and the end never moves back", () => {
    fc.assert(
      fc.property(times, fc.nat(30_000), (now, wait) => {
        const before = readPlaylist(text(name, path, now));
        const after = readPlaylist(text(name, path, later(now - afternoon + wait)));
        expect(after.first).toBeGreaterThanOrEqual(before.first);
        const [endBefore, endAfter] = [before, after].map((read) => [
          read.first + read.segments.length,
          read.parts.length,
        ]);
        expect(endAfter?.[0]).toBeGreaterThanOrEqual(endBefore?.[0] ?? 0);
        if (endAfter?.[0] === endBefore?.[0]) expect(endAfter?.[1]).toBeGreaterThanOrEqual(endBefore?.[1] ?? 0);
        // The MAP and the parts depend on the window; the rest of a segment never changes.
        const plain = (segments: readonly string[]) =>
          segments.map((lines) => lines.replaceAll(/^#EXT-X-(PART|MAP):.*\n/gm, ""));
        const kept = plain(before.segments).slice(after.first - before.first);
        expect(plain(after.segments).slice(0, kept.length)).toEqual(kept);
      }),
    );
  });

  it("lists only files that can be requested at once", () => {
    fc.assert(
      fc.property(times, (now) => {
        for (const uri of readPlaylist(text(name, path, now)).uris) {
          const result = request(name, `a/${uri}`, now);
          expect(result.kind).toBe("file");
        }
      }),
      { numRuns: 20 },
    );
  });

  it("dates each segment by the wall clock and ends within one segment of now", () => {
    fc.assert(
      fc.property(times, (now) => {
        const { first, segments } = readPlaylist(text(name, path, now));
        segments.forEach((lines, i) => {
          const date = Date.parse(/DATE-TIME:(\S+)/.exec(lines)?.[1] ?? "");
          expect(date).toBe((first + i) * 2000);
        });
        const end = (first + segments.length) * 2000;
        expect(now - end).toBeGreaterThanOrEqual(0);
        expect(now - end).toBeLessThan(2000);
      }),
    );
  });
});

describe("the window", () => {
  it.each([
    ["live", 6],
    ["live-dvr", 30],
    ["live-ll", 30],
  ])("of %s has %i segments and moves on by one when a segment is added", (name, size) => {
    const [at, next] = [0, 2000].map((ms) => readPlaylist(text(name, "a/index.m3u8", later(ms))));
    expect(at?.segments).toHaveLength(size);
    expect(next?.segments).toHaveLength(size);
    expect(next?.first).toBe((at?.first ?? 0) + 1);
  });

  it("lets a segment that left it be requested for as long again, and no longer", () => {
    const [gone = ""] =
      readPlaylist(text("live", "a/index.m3u8", afternoon))
        .segments[0]?.split("\n")
        .slice(-1) ?? [];
    expect(request("live", `a/${gone}`, later(12_000)).kind).toBe("file");
    expect(request("live", `a/${gone}`, later(30_000))).toMatchObject({ kind: "none", status: 404 });
  });

  it("of the event grows from a minute before the hour until ten minutes after the next one", () => {
    const hour = event * 3_600_000 - afternoon;
    const lengths = [0, 2000, 60_000].map((ms) =>
      readPlaylist(text("live-event", `a/${event}.m3u8`, later(hour + ms))),
    );
    expect(lengths.map(({ segments }) => segments.length)).toEqual([30, 31, 60]);
    expect(new Set(lengths.map(({ first }) => first)).size).toBe(1);
    const end = hour + 4_200_000;
    expect(text("live-event", `a/${event}.m3u8`, later(end - 1))).not.toContain("ENDLIST");
    const ended = text("live-event", `a/${event}.m3u8`, later(end));
    expect(ended).toMatch(/#EXT-X-ENDLIST\n$/);
    expect(text("live-event", `a/${event}.m3u8`, later(end + 600_000))).toBe(ended);
    expect(request("live-event", `a/${event}.m3u8`, later(end + 4 * 3_600_000)).kind).toBe("none");
    expect(request("live-event", `a/${event + 1}.m3u8`, afternoon).kind).toBe("none");
  });

  it("of the event is listed by the entry playlist, without I-frame playlists", () => {
    expect(text("live-event", "index.m3u8", afternoon)).toBe(
      `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na/${event}.m3u8\n`,
    );
    expect(text("live", "index.m3u8", afternoon)).toContain("\na/index.m3u8\n");
  });
});

describe("a media file", () => {
  it("is the same at any time, and a segment is the sum of its parts", () => {
    const segment = afternoon / 2000;
    const body = (path: string, ms: number) => {
      const result = request("live-ll", path, later(ms));
      return result.kind === "file" && typeof result.body !== "string" ? [...result.body] : [];
    };
    const parts = [0, 1, 2, 3].map((part) => body(`a/${segment}.${part}.m4s`, 2000));
    expect(parts.every(({ length }) => length > 0)).toBe(true);
    expect(body(`a/${segment}.m4s`, 2000)).toEqual(parts.flat());
    expect(body(`a/${segment}.m4s`, 9000)).toEqual(parts.flat());
  });

  it("is not available early: a request for the hinted part waits, any other is refused", () => {
    const segment = afternoon / 2000;
    expect(request("live-ll", `a/${segment}.0.m4s`, afternoon)).toEqual({ kind: "wait", until: later(500) });
    expect(request("live-ll", `a/${segment}.0.m4s`, later(499)).kind).toBe("wait");
    expect(request("live-ll", `a/${segment}.0.m4s`, later(500)).kind).toBe("file");
    expect(request("live-ll", `a/${segment}.3.m4s`, afternoon).kind).toBe("none");
    expect(request("live-ll", `a/${segment}.m4s`, later(1999)).kind).toBe("none");
  });

  it.each([
    "a/x.m4s",
    `a/0${afternoon / 2000 - 1}.m4s`,
    "a/999999999999999.m4s",
    `a/${afternoon / 2000 - 1}.4.m4s`,
    "a/../a/init.mp4",
    "c/init.mp4",
    "a/film.mp4",
    "a/index.m3u8/",
    "a/index.x.m3u8",
  ])("does not exist at %s", (path) => {
    expect(request("live-ll", path, afternoon)).toMatchObject({ kind: "none", status: 404 });
  });

  it("has no parts without low latency", () => {
    expect(request("live", `a/${afternoon / 2000 - 1}.0.m4s`, afternoon).kind).toBe("none");
  });
});
