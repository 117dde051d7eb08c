import { describe, expect, it } from "vitest";
import { ok, refusal } from "../../../src/base/result.ts";
import { seconds, after as timeAfter, unixMilliseconds } from "../../../src/base/time.ts";
import type { OriginRefusal } from "../../../src/origin/origin.ts";
import { now } from "../signing/session.ts";
import { playlistStage } from "./playlist-stage.ts";

const ann = { name: "ann" };
const path = "low/index.m3u8";
const live = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n0.ts\n";
const ended = `${live}#EXT-X-ENDLIST\n`;

describe("a source that fails", () => {
  /** A stage that loaded a playlist `age` seconds ago, and whose source fails since then. */
  async function failing(text: string, age: number, code: OriginRefusal["code"] = "origin_failed") {
    const stage = await playlistStage({ [`film/${path}`]: text });
    await stage.text(ann, path);
    stage.state.now = timeAfter(now, seconds(age));
    stage.state.respond = async () => refusal(code, "it failed");
    return stage;
  }

  it.each([
    ["origin_failed", live, 18, true],
    ["origin_slow", live, 2, true],
    ["origin_failed", live, 19, false],
    ["origin_failed", ended, 18, false],
    ["object_unknown", live, 2, false],
    ["configuration_invalid", live, 2, false],
  ] as const)(
    "that returns %s is replaced by a live version of up to 3 target durations, and by nothing else: case %#",
    async (code, text, age, replaced) => {
      const stage = await failing(text, age, code);
      const result = await stage.load(ann, path);
      expect(result.ok).toBe(replaced);
      expect(stage.refusals.map(({ code: refused }) => refused)).toEqual(replaced ? [code] : []);
    },
  );

  it("is not asked again at once", async () => {
    const stage = await failing(live, 10);
    stage.requests.length = 0;
    for (const name of ["ann", "bob", "cy"]) await stage.text({ name }, path);
    expect(stage.requests).toHaveLength(1);
    expect(stage.refusals).toHaveLength(1);
  });

  it("has its failure logged if it sent the last version along", async () => {
    const failure = refusal("origin_slow", "it is slow").refusal;
    const moment = unixMilliseconds(1000 * now);
    const stage = await playlistStage({}, 1_000_000, {
      milliseconds: () => moment,
      source: async () =>
        ok({ text: live, etag: undefined, checkedAt: moment, freshUntil: moment, shared: false, failure }),
    });
    expect(await stage.text(ann, path)).toContain("0.ts?seg=");
    expect(stage.refusals).toEqual([{ ...failure, reason: "film, index.m3u8: it is slow" }]);
  });

  it("is replaced by a live version when the playlist's object does not respond", async () => {
    const moment = unixMilliseconds(1000 * now);
    let down = false;
    const stage = await playlistStage({}, 1_000_000, {
      milliseconds: () => moment,
      source: async () =>
        down
          ? refusal("store_unavailable", "it does not respond")
          : ok({ text: live, etag: undefined, checkedAt: moment, freshUntil: moment, shared: false }),
    });
    await stage.text(ann, path);
    down = true;
    expect((await stage.load(ann, path)).ok).toBe(true);
    expect(stage.refusals.map(({ code }) => code)).toEqual(["store_unavailable"]);
  });
});
