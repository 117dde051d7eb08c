import { describe, expect, it } from "vitest";
import { ok } from "../../../src/base/result.ts";
import { unixMilliseconds } from "../../../src/base/time.ts";
import type { PlaylistAnswer, PlaylistQuestion } from "../../../src/manifest/playlist-source.ts";
import { playlistStage } from "./playlist-stage.ts";

const ann = { name: "ann" };
const path = "low/index.m3u8";
const start = 1_795_000_020_000;
const playlist = (last: number) =>
  `#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:${last}\n#EXTINF:6,\n${last}.ts\n`;

/** An isolate in front of a source whose answers the test sets. */
async function isolate() {
  const state = { now: 0, answer: answer({}) };
  const questions: PlaylistQuestion[] = [];
  const stage = await playlistStage({}, 1_000_000, {
    milliseconds: () => unixMilliseconds(start + state.now),
    source: async (question) => {
      questions.push(question);
      return ok(state.answer);
    },
  });
  return { state, questions, text: () => stage.text(ann, path) };
}

/** Times are in milliseconds from the start. */
interface AnswerFields {
  readonly text?: undefined;
  readonly last?: number;
  readonly checkedAt?: number;
  readonly freshUntil?: number;
}

function answer({ last = 7, checkedAt = 0, freshUntil = 2500, ...fields }: AnswerFields): PlaylistAnswer {
  return {
    text: playlist(last),
    etag: '"1"',
    shared: true,
    ...fields,
    checkedAt: unixMilliseconds(start + checkedAt),
    freshUntil: unixMilliseconds(start + freshUntil),
  };
}

describe("an isolate that loads a shared playlist", () => {
  it("asks again at the very moment at which an answer is no longer fresh", async () => {
    const { state, questions, text } = await isolate();
    await text();
    state.now = 2499;
    await text();
    expect(questions).toHaveLength(1);
    state.now = 2500;
    state.answer = answer({ last: 8, checkedAt: 2400, freshUntil: 5000 });
    expect(await text()).toContain("8.ts?seg=");
  });

  it("does not treat a delayed answer as fresher", async () => {
    const { state, questions, text } = await isolate();
    state.now = 2500;
    await text();
    await text();
    expect(questions).toHaveLength(2);
  });

  it("keeps its version if the answer says that it is still current", async () => {
    const { state, questions, text } = await isolate();
    const first = await text();
    state.now = 2500;
    state.answer = answer({ text: undefined, checkedAt: 2500, freshUntil: 3000 });
    expect(await text()).toBe(first);
    expect(questions.map(({ known }) => known)).toEqual([undefined, { etag: '"1"', live: true }]);
    state.now = 2999;
    await text();
    expect(questions).toHaveLength(2);
  });

  it("keeps a newer answer when an older one arrives", async () => {
    const { state, questions, text } = await isolate();
    state.answer = answer({ checkedAt: 2000, freshUntil: 4000 });
    await text();
    state.now = 4000;
    state.answer = answer({ checkedAt: 3900, freshUntil: 9000 });
    await text();
    state.now = 9000;
    state.answer = answer({ checkedAt: 100, freshUntil: 20_000 });
    await text();
    state.now = 19_000;
    await text();
    expect(questions).toHaveLength(4);
  });
});
