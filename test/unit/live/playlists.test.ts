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

function ask(name: string, path: string, now: UnixMilliseconds, query = "") {
  const channel = channels.get(name);
  if (channel === undefined) throw new Error(`no ${name}`);
  return answerAt(channel, path, query, now);
}

function text(name: string, path: string, now: UnixMilliseconds, query = ""): string {
  const found = ask(name, path, now, query);
  if (found.kind !== "file" || typeof found.body !== "string") throw new Error(`${path}: ${JSON.stringify(found)}`);
  return found.body;
}

/** Each stream with the path of a media playlist of it. */
const event = Math.floor(afternoon / 3_600_000);
const playlists = [
  ["live", "a/index.m3u8"],
  ["live-dvr", "a/index.m3u8"],
  ["live-event", `a/${event}.m3u8`],
  ["live-ll", "a/index.m3u8"],
] as const;
/** Up to the full hour, so that the event runs. */
const times = fc.nat(2_400_000).map(later);

describe.each(playlists)("%s", (name, path) => {
  it("has the same text twice at one time", () => {
    fc.assert(
      fc.property(times, (now) => {
        expect(text(name, path, now)).toBe(text(name, path, now));
      }),
    );
  });

  it("never goes back: what a later playlist still holds has the same tags, and its end lies no earlier", () => {
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
        // A MAP and the parts go with the window; the rest of a segment is the same for ever.
        const plain = (segments: readonly string[]) =>
          segments.map((lines) => lines.replaceAll(/^#EXT-X-(PART|MAP):.*\n/gm, ""));
        const kept = plain(before.segments).slice(after.first - before.first);
        expect(plain(after.segments).slice(0, kept.length)).toEqual(kept);
      }),
    );
  });

  it("leads to files that are there, and media no later than a player may ask for it", () => {
    fc.assert(
      fc.property(times, (now) => {
        for (const uri of readPlaylist(text(name, path, now)).uris) {
          const found = ask(name, `a/${uri}`, now);
          expect(found.kind).toBe("file");
        }
      }),
      { numRuns: 20 },
    );
  });

  it("dates each segment by the wall clock, and the last one ended within a segment's time of now", () => {
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

describe("windows", () => {
  it.each([
    ["live", 6],
    ["live-dvr", 30],
    ["live-ll", 30],
  ])("%s slides: %i segments, and one gives way when one comes", (name, size) => {
    const [at, next] = [0, 2000].map((ms) => readPlaylist(text(name, "a/index.m3u8", later(ms))));
    expect(at?.segments).toHaveLength(size);
    expect(next?.segments).toHaveLength(size);
    expect(next?.first).toBe((at?.first ?? 0) + 1);
  });

  it("a segment that left the window can be had as long again, and no longer", () => {
    const [gone = ""] =
      readPlaylist(text("live", "a/index.m3u8", afternoon))
        .segments[0]?.split("\n")
        .slice(-1) ?? [];
    expect(ask("live", `a/${gone}`, later(12_000)).kind).toBe("file");
    expect(ask("live", `a/${gone}`, later(30_000))).toMatchObject({ kind: "none", status: 404 });
  });

  it("the event grows from a minute before the hour, and ends ten minutes after the next one", () => {
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
    expect(ask("live-event", `a/${event}.m3u8`, later(end + 4 * 3_600_000)).kind).toBe("none");
    expect(ask("live-event", `a/${event + 1}.m3u8`, afternoon).kind).toBe("none");
  });

  it("the event's entry leads to the playlists of the event that runs, and to no I-frame playlist", () => {
    expect(text("live-event", "index.m3u8", afternoon)).toBe(
      `#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na/${event}.m3u8\n`,
    );
    expect(text("live", "index.m3u8", afternoon)).toContain("\na/index.m3u8\n");
  });
});

describe("media", () => {
  it("is the same whenever it is asked for, and a segment is its parts", () => {
    const segment = afternoon / 2000;
    const body = (path: string, ms: number) => {
      const found = ask("live-ll", path, later(ms));
      return found.kind === "file" && typeof found.body !== "string" ? [...found.body] : [];
    };
    const parts = [0, 1, 2, 3].map((part) => body(`a/${segment}.${part}.m4s`, 2000));
    expect(parts.every(({ length }) => length > 0)).toBe(true);
    expect(body(`a/${segment}.m4s`, 2000)).toEqual(parts.flat());
    expect(body(`a/${segment}.m4s`, 9000)).toEqual(parts.flat());
  });

  it("is not given before its time: a part that is hinted at is waited for, the rest is not there", () => {
    const segment = afternoon / 2000;
    expect(ask("live-ll", `a/${segment}.0.m4s`, afternoon)).toEqual({ kind: "wait", until: later(500) });
    expect(ask("live-ll", `a/${segment}.0.m4s`, later(499)).kind).toBe("wait");
    expect(ask("live-ll", `a/${segment}.0.m4s`, later(500)).kind).toBe("file");
    expect(ask("live-ll", `a/${segment}.3.m4s`, afternoon).kind).toBe("none");
    expect(ask("live-ll", `a/${segment}.m4s`, later(1999)).kind).toBe("none");
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
  ])("%s is not there", (path) => {
    expect(ask("live-ll", path, afternoon)).toMatchObject({ kind: "none", status: 404 });
  });

  it("has no parts without low latency", () => {
    expect(ask("live", `a/${afternoon / 2000 - 1}.0.m4s`, afternoon).kind).toBe("none");
  });
});
