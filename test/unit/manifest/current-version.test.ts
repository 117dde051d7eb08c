import { describe, expect, it } from "vitest";
import { ok, type PlainCode, refusal } from "../../../src/base/result.ts";
import { unixMilliseconds } from "../../../src/base/time.ts";
import type { PlaylistSource } from "../../../src/manifest/playlist-source.ts";
import { playlistStage, textOf } from "./playlist-stage.ts";
import { live } from "./share-stage.ts";

const [ann, path] = [{ name: "ann" }, "low/index.m3u8"];
const start = 1_795_000_020_000;

/** An isolate whose source the test controls. */
async function isolate() {
  const state = { now: start, source: undefined as PlaylistSource | undefined };
  const questions: string[] = [];
  const versionOf = (text: string) =>
    ok({
      ...{ text, etag: '"1"', shared: true },
      checkedAt: unixMilliseconds(state.now),
      freshUntil: unixMilliseconds(state.now + 1000),
    });
  const source: PlaylistSource = async (question) => {
    questions.push(question.directives.least === undefined ? "plain" : "waits");
    return state.source === undefined ? versionOf(live(10)) : state.source(question);
  };
  const stage = await playlistStage({}, 1_000_000, { source, milliseconds: () => unixMilliseconds(state.now) });
  const load = (appended = "") => stage.load(ann, path, { appended });
  return { state, questions, load, versionOf, refusals: stage.refusals };
}

describe("the version that an isolate keeps", () => {
  it.each(["origin_failed", "origin_slow", "object_unknown"] as const satisfies readonly PlainCode[])(
    "is as fresh as before after a blocking reload that failed with %s",
    async (code) => {
      const { state, questions, load, versionOf } = await isolate();
      await load();
      state.now += 999;
      state.source = async () => refusal(code, "no");
      await load("&_HLS_msn=11");
      expect((await load()).ok).toBe(true);
      state.now += 1;
      state.source = async () => versionOf(live(11));
      expect(await textOf(await load())).toContain("\n11.m4s?seg=");
      expect(questions).toEqual(["plain", "waits", "plain"]);
    },
  );

  it("stays in use for half a second after a failure, not for the whole timeout", async () => {
    const { state, questions, load, versionOf } = await isolate();
    await load();
    state.now += 1000;
    state.source = async () => refusal("origin_failed", "no");
    await load();
    state.source = async () => versionOf(live(11));
    state.now += 499;
    expect(await textOf(await load())).not.toContain("\n11.m4s?seg=");
    state.now += 1;
    expect(await textOf(await load())).toContain("\n11.m4s?seg=");
    expect(questions).toEqual(["plain", "plain", "plain"]);
  });

  it("does not stay in use longer because of a failed request that others have overtaken", async () => {
    const { state, load, versionOf } = await isolate();
    await load();
    state.now += 1000;
    const failing = Promise.withResolvers<void>();
    state.source = async () => {
      await failing.promise;
      return refusal("origin_failed", "no");
    };
    const failed = load();
    state.now += 2000;
    state.source = async () => versionOf(live(10));
    await load();
    state.now += 900;
    failing.resolve();
    expect((await failed).ok).toBe(true);
    state.now += 100;
    state.source = async () => versionOf(live(11));
    expect(await textOf(await load())).toContain("\n11.m4s?seg=");
  });
});
