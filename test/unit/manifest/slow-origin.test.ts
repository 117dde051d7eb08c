import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/base/encoding.ts";
import { ok } from "../../../src/base/result.ts";
import { assetOf, playlistStage } from "./playlist-stage.ts";

const ann = { name: "ann" };
const path = "low/index.m3u8";
const media = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n0.ts\n#EXT-X-ENDLIST\n";
const server = { origin: { type: "http", url: "https://origin.example/film/", timeout: 2 } };

/** A body that sends `chunks` and then nothing, and records whether it was cancelled. */
function stalled(...chunks: string[]) {
  const state = { cancelled: false };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (out) => {
      for (const chunk of chunks) out.enqueue(utf8(chunk));
    },
    cancel: () => {
      state.cancelled = true;
    },
  });
  return { state, body };
}

const settle = () => new Promise((resolve) => setTimeout(resolve, 0));

describe.each([
  ["an HTTP origin, after its timeout,", server, 2],
  ["a bucket, after ten seconds,", {}, 10],
])("%s", (_, fields, timeout) => {
  async function slowStage() {
    const stage = await playlistStage({});
    stage.state.assets = [assetOf("film", fields)];
    return stage;
  }

  it("is origin_slow if a playlist's body stalls, which is cancelled", async () => {
    const stage = await slowStage();
    const { state, body } = stalled("#EXTM3U\n", "#EXT-X-TARGETDURATION:6\n");
    stage.state.respond = async () => ok(new Response(body));
    const loading = stage.load(ann, path);
    await settle();
    stage.wait(timeout - 1);
    expect(state.cancelled).toBe(false);
    stage.wait(timeout);
    expect(await loading).toMatchObject({ ok: false, refusal: { code: "origin_slow" } });
    await settle();
    expect(state.cancelled).toBe(true);
  });

  it("is origin_slow if no response begins, and a later one is dropped", async () => {
    const stage = await slowStage();
    const { state, body } = stalled(media);
    const { promise, resolve } = Promise.withResolvers<void>();
    stage.state.respond = async () => {
      await promise;
      return ok(new Response(body));
    };
    const loading = stage.load(ann, path);
    await settle();
    stage.wait(timeout);
    expect(await loading).toMatchObject({ ok: false, refusal: { code: "origin_slow" } });
    resolve();
    await settle();
    expect(state.cancelled).toBe(true);
  });

  it("leaves no timer behind", async () => {
    const stage = await slowStage();
    stage.state.respond = async () => ok(new Response(media));
    await stage.text(ann, path);
    expect(stage.timers.size).toBe(0);
  });
});

describe("a playlist's body", () => {
  const loaded = async (body: BodyInit, headers = {}) => {
    const stage = await playlistStage({});
    stage.state.respond = async () => ok(new Response(body, { headers }));
    return stage.load(ann, path);
  };

  it("that breaks off is the origin's failure, not a broken playlist", async () => {
    let sent = false;
    const body = new ReadableStream({
      pull: (out) => {
        // A broken connection is a TypeError in some runtimes, as text that is not UTF-8 is.
        if (sent) out.error(new TypeError("terminated"));
        else out.enqueue(utf8("#EXTM3U\n"));
        sent = true;
      },
    });
    expect(await loaded(body)).toMatchObject({ ok: false, refusal: { code: "origin_failed" } });
  });

  it("that is not text is playlist_invalid", async () => {
    const refused = await loaded(new Uint8Array([0x1f, 0x8b, 0x08, 0xff, 0x0a]));
    expect(refused).toMatchObject({
      ok: false,
      refusal: { code: "playlist_invalid", reason: expect.stringContaining("#EXTM3U") },
    });
  });

  it("that is announced as too large is not read", async () => {
    const { state, body } = stalled();
    const refused = await loaded(body, { "Content-Length": String(4 * 1024 * 1024 + 1) });
    expect(refused).toMatchObject({ ok: false, refusal: { code: "playlist_too_large" } });
    await settle();
    expect(state.cancelled).toBe(true);
  });
});
