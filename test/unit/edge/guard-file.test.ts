import { describe, expect, it } from "vitest";
import { utf8 } from "../../../src/base/encoding.ts";
import { ok } from "../../../src/base/result.ts";
import { seconds, systemTimer, unixSeconds } from "../../../src/base/time.ts";
import type { FileRequest } from "../../../src/edge/deliver-file.ts";
import { guardFiles } from "../../../src/edge/guard-file.ts";
import { rangeRefusal } from "../../../src/origin/ranges.ts";
import type { MemoryFile } from "../../support/memory-files.ts";
import { asset, stage } from "./deliver-stage.ts";

const playlist = utf8(`#EXTM3U\n${"#EXTINF:4,\n0.ts\n".repeat(20)}`);
const jpeg = Uint8Array.from({ length: 300 }, (_, i) => (i === 0 ? 0xff : i % 251));
const film = new Uint8Array(3 * 1024 * 1024).fill(7);
film.set([0, 0, 0, 16, ...utf8("ftypisom")], 0);
film.set([0, 0x2f, 0xff, 0xf0, ...utf8("mdat")], 16);

function guarded(own: Readonly<Record<string, MemoryFile>> = {}) {
  const served = stage();
  const files: Readonly<Record<string, MemoryFile>> = {
    "poster.jpg": { body: jpeg, etag: '"p"' },
    "fake.jpg": { body: playlist, etag: '"f"', contentType: "image/jpeg" },
    "typed.jpg": { body: jpeg, etag: '"t"', contentType: "application/vnd.apple.mpegurl" },
    "license.jpg": { body: jpeg.subarray(0, 16), etag: '"k"', contentType: "image/jpeg" },
    "aes-256.jpg": { body: jpeg.subarray(0, 32), etag: '"l"', contentType: "image/jpeg" },
    "film.mp4": { body: film, etag: '"m"', contentType: "video/mp4" },
    "empty.txt": { body: new Uint8Array(0), etag: '"e"' },
    "plain.txt": { body: new Uint8Array(0) },
    ...own,
  };
  for (const [path, file] of Object.entries(files)) served.files.set(`film/${path}`, file);
  const clock = () => unixSeconds(served.state.now);
  const guard = guardFiles({ deliver: (file) => served.send(file), clock, timer: systemTimer });
  const requestOf = (path: string, changes: Partial<FileRequest> = {}): FileRequest => ({
    ...{ asset, path, query: "", method: "GET", remaining: seconds(60), cacheable: true },
    ...changes,
  });
  const get = async (path: string, changes: Partial<FileRequest> = {}) => {
    const result = await guard.serve(requestOf(path, changes), () => undefined);
    if (!result.ok) return { status: result.refusal.code, headers: new Headers(), bytes: new Uint8Array() };
    const { status, headers } = result.value;
    return { status, headers, bytes: new Uint8Array(await result.value.arrayBuffer()) };
  };
  const judge = async (path: string) => {
    const result = await guard.judge(requestOf(path), () => undefined);
    return result.ok ? "passed" : result.refusal.code;
  };
  return { ...served, get, judge };
}

/** Each way in which a client can ask for a file. */
const ways: readonly (readonly [string, Partial<FileRequest>])[] = [
  ["GET", {}],
  ["HEAD", { method: "HEAD" }],
  ["its first bytes", { range: "bytes=0-9" }],
  ["bytes in its middle", { range: "bytes=100-199" }],
  ["its last bytes", { range: "bytes=-5" }],
  ["all bytes as a range", { range: "bytes=0-" }],
  ["several ranges", { range: "bytes=1-2,4-9" }],
  ["an old version's range", { range: "bytes=9-", ifRange: '"old"' }],
  ["an old version", { ifNoneMatch: '"old"' }],
  ["any version", { ifNoneMatch: "*" }],
  ["its version", { ifNoneMatch: '"f", "t", "k", "l"' }],
  ["bytes after its end", { range: "bytes=9999-" }],
];

describe("a file behind an allowed name", () => {
  it.each(ways)("that is a playlist is refused: %s", async (_, changes) => {
    expect(await guarded().get("fake.jpg", changes)).toMatchObject({ status: "file_forbidden" });
    expect(await guarded().get("typed.jpg", changes)).toMatchObject({ status: "file_forbidden" });
  });

  it.each(ways.filter(([, { range = "" }]) => !/100/.test(range)))(
    "that is a key is refused: %s",
    async (_, changes) => {
      for (const key of ["license.jpg", "aes-256.jpg"])
        expect(await guarded().get(key, changes)).toMatchObject({ status: "file_forbidden" });
    },
  );

  it("that is a key is never cached, although the edge had to read it", async () => {
    const { get, background, keys } = guarded();
    for (const key of ["license.jpg", "aes-256.jpg"]) {
      await get(key);
      await get(key, { range: "bytes=0-3" });
    }
    await Promise.all(background);
    expect(keys()).toEqual([]);
  });

  it("is refused from the cache too, where another purpose may have put it", async () => {
    const { get, send, background } = guarded();
    const first = await send({ path: "fake.jpg" });
    if (first.ok) await first.value.arrayBuffer();
    await Promise.all(background);
    expect(await get("fake.jpg")).toMatchObject({ status: "file_forbidden" });
    expect(await get("fake.jpg", { range: "bytes=50-60" })).toMatchObject({ status: "file_forbidden" });
  });

  it("is judged without being served, for another host", async () => {
    const { judge } = guarded();
    expect([await judge("poster.jpg"), await judge("fake.jpg"), await judge("license.jpg")]).toEqual([
      ...["passed", "file_forbidden", "file_forbidden"],
    ]);
    expect(await judge("missing.jpg")).toBe("object_unknown");
  });
});

describe("a file that may be served", () => {
  it("is served with its entity tag and type, from one request to the origin", async () => {
    const { get, requests } = guarded();
    const { status, headers, bytes } = await get("poster.jpg");
    expect([status, headers.get("ETag"), headers.get("Content-Type"), bytes]).toEqual([200, '"p"', "image/jpeg", jpeg]);
    expect(requests).toHaveLength(1);
  });

  it("answers ranges, HEAD, If-None-Match and an empty file as any other", async () => {
    const { get } = guarded();
    expect(await get("poster.jpg", { range: "bytes=5-9" })).toMatchObject({ status: 206, bytes: jpeg.subarray(5, 10) });
    expect(await get("poster.jpg", { ifNoneMatch: '"p"' })).toMatchObject({ status: 304 });
    const head = await get("poster.jpg", { method: "HEAD" });
    expect([head.status, head.headers.get("Content-Length"), head.bytes.length]).toEqual([200, "300", 0]);
    expect(await get("poster.jpg", { range: "bytes=900-" })).toMatchObject({ status: "range_not_satisfiable" });
    for (const empty of ["empty.txt", "plain.txt"])
      for (const method of ["GET", "HEAD"] as const)
        expect(await get(empty, { method })).toMatchObject({ status: 200 });
    expect(await get("empty.txt", { ifNoneMatch: "*" })).toMatchObject({ status: 304 });
    expect(await get("empty.txt", { range: "bytes=0-5" })).toMatchObject({ status: "range_not_satisfiable" });
    expect(await get("missing.jpg")).toMatchObject({ status: "object_unknown" });
  });

  it.each([16, undefined])(
    "is not served if its origin refuses the range of its first bytes, and is not empty: size %s",
    async (size) => {
      const headers = { "Content-Range": "bytes 0-15/16", ETag: '"k"' };
      const key = new Response(jpeg.subarray(0, 16), { status: 206, headers });
      const deliver = async ({ range }: FileRequest) => (range === "bytes=0-65535" ? rangeRefusal(size) : ok(key));
      const guard = guardFiles({ deliver, clock: () => unixSeconds(1), timer: systemTimer });
      const request = {
        asset,
        path: "a.jpg",
        query: "",
        method: "GET",
        remaining: seconds(60),
        cacheable: true,
      } as const;
      expect(await guard.serve({ ...request, range: "bytes=0-15" }, () => undefined)).toMatchObject({
        refusal: { code: "origin_failed" },
      });
    },
  );

  it("is judged once a minute for all ranges of a film", async () => {
    const { get, requests, state } = guarded();
    const heads = () => requests.filter(({ range }) => range === "bytes=0-65535").length;
    for (const from of [0, 1_000_000, 2_000_000])
      expect(await get("film.mp4", { range: `bytes=${from}-${from + 9}`, cacheable: false })).toMatchObject({
        status: 206,
      });
    expect(heads()).toBe(1);
    state.now += 61;
    expect(await get("film.mp4", { range: "bytes=5-9", cacheable: false })).toMatchObject({ status: 206 });
    expect(heads()).toBe(2);
  });

  it("is judged by the bytes that are sent, however large it is, and at most its beginning is read before", async () => {
    let pulled = 0;
    const chunk = new Uint8Array(16_384).fill(7);
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        pull: (controller) => {
          controller.enqueue(++pulled === 1 ? film.slice(0, 16_384) : chunk);
          if (pulled === 100) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const headers = { "Content-Length": String(100 * 16_384), "Content-Type": "video/mp4" };
    const answers = [new Response(body, { headers }), new Response(playlist)];
    const deliver = async () => ok(answers.shift() ?? Response.error());
    const guard = guardFiles({ deliver, clock: () => unixSeconds(1_800_000_000), timer: systemTimer });
    const request = { asset, path: "film.mp4", query: "", remaining: seconds(60), cacheable: true } as const;
    const served = await guard.serve({ ...request, method: "GET" }, () => undefined);
    expect([served.ok, answers.length]).toEqual([true, 1]);
    expect(pulled).toBeLessThanOrEqual(6);
    if (served.ok) expect((await served.value.arrayBuffer()).byteLength).toBe(100 * 16_384);
    expect(await guard.serve({ ...request, method: "GET" }, () => undefined)).toMatchObject({
      refusal: { code: "file_forbidden" },
    });
  });

  it.each(["bytes=100-110", "bytes=0-65535", "bytes=-5"])(
    "is sent whole if its origin names no version, because its range could be of another file: %s",
    async (range) => {
      const answers = [jpeg, playlist].map((body) => ({ body, contentType: "image/jpeg" }));
      const { get, files, requests } = guarded(answers[0] && { "untagged.jpg": answers[0] });
      const served = await get("untagged.jpg", { range, cacheable: false });
      expect([served.status, served.bytes]).toEqual([200, jpeg]);
      expect(requests.at(-1)?.range).toBeUndefined();
      if (answers[1] !== undefined) files.set("film/untagged.jpg", answers[1]);
      // A minute has not passed since the last decision about this name.
      expect(await get("untagged.jpg", { range, cacheable: false })).toMatchObject({ status: "file_forbidden" });
    },
  );

  it("is not served if its origin names no version and sends nothing but ranges", async () => {
    const headers = { "Content-Range": "bytes 0-99/300", "Content-Type": "image/jpeg" };
    const deliver = async () => ok(new Response(jpeg.subarray(0, 100), { status: 206, headers }));
    const guard = guardFiles({ deliver, clock: () => unixSeconds(1_800_000_000), timer: systemTimer });
    const request = {
      asset,
      path: "a.jpg",
      query: "",
      method: "GET",
      remaining: seconds(60),
      cacheable: true,
    } as const;
    const refused = { ok: false, refusal: { code: "origin_failed" } };
    expect(await guard.serve({ ...request, range: "bytes=0-99" }, () => undefined)).toMatchObject(refused);
  });

  it("that was replaced by a playlist is refused at once, although its name was judged before", async () => {
    const { get, files } = guarded();
    expect(await get("poster.jpg", { range: "bytes=100-110", cacheable: false })).toMatchObject({ status: 206 });
    files.set("film/poster.jpg", { body: playlist, etag: '"p2"', contentType: "image/jpeg" });
    expect(await get("poster.jpg", { range: "bytes=100-110", cacheable: false })).toMatchObject({
      status: "file_forbidden",
    });
  });

  it("that changes with each request is refused", async () => {
    let version = 0;
    const deliver = async ({ method }: FileRequest) => {
      const headers = { ETag: `"${version++}"`, "Content-Length": "300", "Content-Type": "image/jpeg" };
      return ok(new Response(method === "HEAD" ? null : jpeg, { headers }));
    };
    const guard = guardFiles({ deliver, clock: () => unixSeconds(1_800_000_000), timer: systemTimer });
    const request = {
      asset,
      path: "a.jpg",
      query: "",
      method: "HEAD",
      remaining: seconds(60),
      cacheable: true,
    } as const;
    expect(await guard.serve(request, () => undefined)).toMatchObject({
      ok: false,
      refusal: { code: "origin_failed" },
    });
  });

  it("that breaks off is not served in part", async () => {
    const deliver = async () => ok(new Response(jpeg.subarray(0, 100), { headers: { "Content-Length": "300" } }));
    const guard = guardFiles({ deliver, clock: () => unixSeconds(1_800_000_000), timer: systemTimer });
    const request = {
      asset,
      path: "a.jpg",
      query: "",
      method: "GET",
      remaining: seconds(60),
      cacheable: true,
    } as const;
    expect(await guard.serve(request, () => undefined)).toMatchObject({
      ok: false,
      refusal: { code: "origin_failed" },
    });
  });

  it("whose origin never ends it is refused in time", async () => {
    const deliver = async () => ok(new Response(new ReadableStream(), { headers: { "Content-Length": "300" } }));
    const guard = guardFiles({
      deliver,
      clock: () => unixSeconds(1_800_000_000),
      timer: (_, ring) => {
        queueMicrotask(ring);
        return () => undefined;
      },
    });
    const request = {
      asset,
      path: "a.jpg",
      query: "",
      method: "GET",
      remaining: seconds(60),
      cacheable: true,
    } as const;
    expect(await guard.serve(request, () => undefined)).toMatchObject({ ok: false, refusal: { code: "origin_slow" } });
    expect(await guard.judge(request, () => undefined)).toMatchObject({ ok: false, refusal: { code: "origin_slow" } });
  });
});
