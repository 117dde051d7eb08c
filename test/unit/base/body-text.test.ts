import { describe, expect, it } from "vitest";
import { jsonOf, readBytes, readJson, readUniqueJson, requestText } from "../../../src/base/body-text.ts";
import type { Deadline } from "../../../src/base/time.ts";

const bytes = (...parts: (string | readonly number[])[]) =>
  parts.map((part) => (typeof part === "string" ? new TextEncoder().encode(part) : new Uint8Array(part)));

/** A body of these chunks. With `error`, it breaks off after the last one. */
function body(chunks: readonly Uint8Array<ArrayBuffer>[], error?: Error): { readonly body: ReadableStream } {
  const left = [...chunks];
  return {
    body: new ReadableStream({
      pull(controller) {
        const chunk = left.shift();
        if (chunk !== undefined) controller.enqueue(chunk);
        else if (error === undefined) controller.close();
        else controller.error(error);
      },
    }),
  };
}

const codeOf = (read: Awaited<ReturnType<typeof requestText>>) => (read.ok ? read.value : read.refusal.code);

describe("the text of a request body", () => {
  it("is decoded from chunks of any size, without a byte order mark, and is empty without a body", async () => {
    expect(codeOf(await requestText({ body: null }, 4))).toBe("");
    expect(codeOf(await requestText(body([]), 4))).toBe("");
    expect(codeOf(await requestText(body(bytes("{", [0xc3], [0xa9], "}")), 4))).toBe("{é}");
    expect(codeOf(await requestText(body(bytes([0xef], [0xbb, 0xbf, 0x7b], "}")), 5))).toBe("{}");
  });

  it.each([
    ["breaks off before its first byte", body([], new Error("connection lost"))],
    ["breaks off in mid-body", body(bytes('{"asset"'), new Error("connection lost"))],
    ["is longer than the limit", body(bytes("x".repeat(17)))],
    ["is longer than the limit and has more to read", body(bytes("x".repeat(9), "x".repeat(9)), new Error("read on"))],
    ["is Latin-1", body(bytes("caf", [0xe9]))],
    ["ends within a character", body(bytes("caf", [0xc3]))],
    ["is UTF-16 with a byte order mark", body(bytes([0xff, 0xfe, 0x7b, 0x00]))],
    ["contains an encoded surrogate (CESU-8)", body(bytes([0xed, 0xa0, 0x80]))],
    ["contains an overlong character", body(bytes([0xc0, 0xaf]))],
    ["is compressed by gzip", body(bytes([0x1f, 0x8b, 0x08, 0x00]))],
  ])("is refused if the body %s", async (_, broken) => {
    expect(codeOf(await requestText(broken, 16))).toBe("body_invalid");
  });

  it("is limited in bytes, not in characters", async () => {
    expect(codeOf(await requestText(body(bytes("éé")), 4))).toBe("éé");
    expect(codeOf(await requestText(body(bytes("éé")), 3))).toBe("body_invalid");
  });

  it("cannot be read twice: the second read throws", async () => {
    const request = new Request("https://api.example/", { method: "POST", body: "x" });
    await request.text();
    await expect(requestText(request, 4)).rejects.toThrow(TypeError);
  });
});

describe("the bytes of a body", () => {
  const read = (from: ReturnType<typeof body>, limit: number, deadline?: Deadline) =>
    readBytes(from.body.getReader(), limit, deadline);

  it("are all chunks up to the limit", async () => {
    expect(await read(body(bytes("ab", "c")), 3)).toEqual(new TextEncoder().encode("abc"));
    expect(await read(body([]), 0)).toEqual(new Uint8Array(0));
    expect(await read(body(bytes("ab", "cd"), new Error("read on")), 3)).toBe("too_large");
  });

  it("are late after the deadline, and the body is cancelled", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const stalled = new ReadableStream({ pull: () => new Promise(() => undefined), cancel: () => resolve() });
    expect(await read({ body: stalled }, 4, { before: async () => "late", end: () => undefined })).toBe("late");
    await promise;
  });

  it("reject if the connection breaks", async () => {
    await expect(read(body(bytes("x"), new Error("connection lost")), 4)).rejects.toThrow("connection lost");
  });
});

it("a provider's JSON is UTF-8", () => {
  const [document, latin1, cut] = bytes('"é"', [0x22, 0xe9, 0x22], "{");
  expect([document, latin1, cut].map((text) => jsonOf(text ?? expect.fail("no text")))).toEqual([
    "é",
    undefined,
    undefined,
  ]);
});

it.each(["", " ", "{", '{"a":1}x', "[object Object]", "a=b", "'x'", "NaN", "undefined"])(
  "readJson refuses %j as body_invalid",
  (text) => {
    expect(readJson(text)).toMatchObject({ ok: false, refusal: { code: "body_invalid" } });
  },
);

it.each(['{"a":1,"a":2}', '[{"b":{"\\u0061":1,"a":1}}]', "{"])("readUniqueJson refuses %j as body_invalid", (text) => {
  expect(readUniqueJson(text)).toMatchObject({ ok: false, refusal: { code: "body_invalid" } });
});

it("readUniqueJson accepts the same name in two objects", () => {
  expect(readUniqueJson('{"a":{"a":1},"b":[{"a":1},{"a":2}]}')).toEqual({
    ok: true,
    value: { a: { a: 1 }, b: [{ a: 1 }, { a: 2 }] },
  });
});
