import { describe, expect, it } from "vitest";
import { ok, type PlainCode, refusal } from "../../../src/base/result.ts";
import { unixMilliseconds } from "../../../src/base/time.ts";
import type { PlaylistSource } from "../../../src/manifest/playlist-source.ts";
import { playlistStage, textOf } from "./playlist-stage.ts";
import { live } from "./share-stage.ts";

const [ann, path] = [{ name: "ann" }, "low/index.m3u8"];
const start = 1_795_000_020_000;

/** An isolate over a source of the test's own. */
async function isolate() {
  const state = { now: start, source: undefined as PlaylistSource | undefined };
  const asked: string[] = [];
  const given = (text: string) =>
    ok({
      ...{ text, etag: '"1"', shared: true },
      checkedAt: unixMilliseconds(state.now),
      freshUntil: unixMilliseconds(state.now + 1000),
    });
  const source: PlaylistSource = async (question) => {
    asked.push(question.directives.least === undefined ? "plain" : "waits");
    return state.source === undefined ? given(live(10)) : state.source(question);
  };
  const stage = await playlistStage({}, 1_000_000, { source, milliseconds: () => unixMilliseconds(state.now) });
  const ask = (appended = "") => stage.load(ann, path, { appended });
  return { state, asked, ask, given, refusals: stage.refusals };
}

describe("what an isolate keeps", () => {
  it.each(["origin_failed", "origin_slow", "object_unknown"] as const satisfies readonly PlainCode[])(
    "is as fresh as it was after a blocking reload that came to %s",
    async (code) => {
      const { state, asked, ask, given } = await isolate();
      await ask();
      state.now += 999;
      state.source = async () => refusal(code, "no");
      await ask("&_HLS_msn=11");
      expect((await ask()).ok).toBe(true);
      state.now += 1;
      state.source = async () => given(live(11));
      expect(await textOf(await ask())).toContain("\n11.m4s?seg=");
      expect(asked).toEqual(["plain", "waits", "plain"]);
    },
  );

  it("is served for half a second after a failure, and not for the whole timeout", async () => {
    const { state, asked, ask, given } = await isolate();
    await ask();
    state.now += 1000;
    state.source = async () => refusal("origin_failed", "no");
    await ask();
    state.source = async () => given(live(11));
    state.now += 499;
    expect(await textOf(await ask())).not.toContain("\n11.m4s?seg=");
    state.now += 1;
    expect(await textOf(await ask())).toContain("\n11.m4s?seg=");
    expect(asked).toEqual(["plain", "plain", "plain"]);
  });

  it("is not served for longer because a request failed that others have overtaken", async () => {
    const { state, ask, given } = await isolate();
    await ask();
    state.now += 1000;
    const failing = Promise.withResolvers<void>();
    state.source = async () => {
      await failing.promise;
      return refusal("origin_failed", "no");
    };
    const failed = ask();
    state.now += 2000;
    state.source = async () => given(live(10));
    await ask();
    state.now += 900;
    failing.resolve();
    expect((await failed).ok).toBe(true);
    state.now += 100;
    state.source = async () => given(live(11));
    expect(await textOf(await ask())).toContain("\n11.m4s?seg=");
  });
});
