import { afterEach, describe, expect, it, vi } from "vitest";
import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { httpOrigin, type OriginFetch } from "../../../src/origin/http-origin.ts";
import { httpOriginOf, sampleAsset } from "../catalog/sample.ts";
import { code, file, headerAuth, openFile, originSecrets, secrets, sigv4 } from "./open-file.ts";
import { expectedSignature } from "./sigv4-oracle.ts";

describe("the request to an HTTP origin", () => {
  it("is for the file below the asset's URL, with the origin's own query", async () => {
    const { first } = await openFile(file, { query: "v=2&t=a%20b" });
    expect(first?.url).toBe("https://origin.example/films/42/360p/0.ts?v=2&t=a%20b");
    expect(first?.method).toBe("GET");
  });

  it("has no header of the viewer except the range and the entity tags", async () => {
    const { first } = await openFile(file, { range: "bytes=0-9", ifNoneMatch: '"b"' });
    expect([...(first?.headers ?? [])]).toEqual([
      ["accept-encoding", "identity"],
      ["if-none-match", '"b"'],
      ["range", "bytes=0-9"],
    ]);
  });

  it("has the secret header", async () => {
    const { first } = await openFile(file, { origin: { auth: headerAuth } });
    expect(first?.headers.get("X-Origin-Secret")).toBe("only-the-origin-knows");
  });

  it.each([
    ["360p/0.ts", "", "s3", "/films/42/360p/0.ts"],
    ["a%20b/%C3%A4.ts", "", "s3", "/films/42/a%20b/%C3%A4.ts"],
    ["a+b(1)!.ts", "", "s3", "/films/42/a%2Bb%281%29%21.ts"],
    ["360p/0.ts", "b=2&a=1%2F", "s3", "/films/42/360p/0.ts"],
    ["360p/0.ts", "", "execute-api", "/films/42/360p/0.ts"],
  ])("is signed as AWS specifies: %s?%s for %s", async (path, query, service, canonicalPath) => {
    const { first } = await openFile(file, {
      path,
      query,
      range: "bytes=0-9",
      origin: { auth: { ...sigv4, service } },
    });
    const authorization = first?.headers.get("Authorization") ?? "";
    const signed = service === "s3" ? "host;x-amz-content-sha256;x-amz-date" : "host;x-amz-date";
    expect(authorization).toContain(`Credential=AKIDEXAMPLE/20270115/eu-central-1/${service}/aws4_request`);
    expect(authorization).toContain(`SignedHeaders=${signed},`);
    const signature = await expectedSignature({
      secret: secrets.S3_SECRET ?? "",
      region: "eu-central-1",
      service,
      datetime: "20270115T080000Z",
      host: "origin.example",
      path: canonicalPath,
      query: query.split("&").toSorted().join("&"),
    });
    expect(authorization.endsWith(`Signature=${signature}`)).toBe(true);
    expect(first?.headers.get("Range")).toBe("bytes=0-9");
  });

  it.each([
    ["a;v=1//0.ts", "hdnts=exp=1~acl=/*~hmac=ab"],
    ["a%2Fb%3B%3b/50%25%20off.ts", ""],
    ["a%2Bb+c.ts", "a&b=&&=?/:"],
    ["/0.ts", "a=%c3%a9"],
    ["//", ""],
  ])("is for %s?%s byte for byte", async (path, query) => {
    for (const auth of [undefined, headerAuth]) {
      const { first } = await openFile(file, { path, query, origin: auth === undefined ? {} : { auth } });
      expect(first?.url).toBe(`https://origin.example/films/42/${path}${query === "" ? "" : `?${query}`}`);
    }
  });

  it.each([
    ["a;v=1//b/0.ts", "/films/42/a%3Bv%3D1//b/0.ts"],
    ["a%2Fb%3b.ts", "/films/42/a/b%3B.ts"],
    ["50%25%20off/(1)!*,'.ts", "/films/42/50%25%20off/%281%29%21%2A%2C%27.ts"],
    ["a%2Bb+c.ts", "/films/42/a%2Bb%2Bc.ts"],
  ])("to S3 is for %s as it is signed", async (path, sent) => {
    const { first } = await openFile(file, { path, origin: { auth: sigv4 } });
    expect(first?.url).toBe(`https://origin.example${sent}`);
    const signature = await expectedSignature({
      secret: secrets.S3_SECRET ?? "",
      region: "eu-central-1",
      service: "s3",
      datetime: "20270115T080000Z",
      host: "origin.example",
      path: sent,
      query: "",
    });
    expect(first?.headers.get("Authorization")?.endsWith(`Signature=${signature}`)).toBe(true);
  });

  it.each(["a b.ts", "é.ts", "a/../b.ts", "%2e%2e/b.ts", "a\\b.ts"])(
    "is never made for %j, which fetch would send differently",
    async (path) => {
      const { result, requests } = await openFile(file, { path });
      expect(result).toMatchObject({ ok: false, refusal: { code: "path_invalid" } });
      expect(requests).toEqual([]);
    },
  );

  it("to S3 escapes a plus, because S3 reads a bare one as a space", async () => {
    const { first } = await openFile(file, { path: "a+b.ts", query: "q=a+b", origin: { auth: sigv4 } });
    expect(first?.url).toBe("https://origin.example/films/42/a%2Bb.ts?q=a+b");
  });

  it.each([
    ["a header's secret", { ...headerAuth, secret: "UNSET" }],
    ["an access key's id", { ...sigv4, accessKeyId: "UNSET_ID", secretAccessKey: "S3_OTHER" }],
    ["an access key", { ...sigv4, secretAccessKey: "UNSET_KEY" }],
  ])("is not made if %s is not set", async (_, auth) => {
    const { result, requests } = await openFile(file, { origin: { auth } });
    expect(result).toMatchObject({ ok: false, refusal: { code: "configuration_invalid" } });
    expect(result.ok ? "" : result.refusal.reason).toContain("UNSET");
    expect(requests).toEqual([]);
  });

  it.each([
    ["that is not bound", { auth: { ...headerAuth, secret: "S3_OTHER_SECRET" } }],
    ["of another host", { auth: headerAuth, url: "https://evil.example/films/42/" }],
    ["of another port", { auth: headerAuth, url: "https://origin.example:8443/films/42/" }],
    ["of the host above", { auth: { ...sigv4, secretAccessKey: "S3_SECRET" }, url: "https://amazonaws.com/films/" }],
    ["of a host with the same ending", { auth: sigv4, url: "https://evilamazonaws.com/films/" }],
    ["that signs requests, as a header", { auth: { ...headerAuth, secret: "S3_SECRET" } }],
    ["the id of a key, as a header", { auth: { ...headerAuth, secret: "S3_ID" } }],
    ["of a header, as a key", { auth: { ...sigv4, secretAccessKey: "ORIGIN_SECRET" } }],
    ["that signs, as the id of a key", { auth: { ...sigv4, accessKeyId: "S3_SECRET" } }],
    ["under another header", { auth: { ...headerAuth, name: "User-Agent" } }],
    ["that every object inherits", { auth: { ...headerAuth, secret: "CONSTRUCTOR" } }],
  ])("is not made with a secret %s", async (_, origin) => {
    const { result, requests } = await openFile(file, { origin });
    expect(result).toMatchObject({ ok: false, refusal: { code: "configuration_invalid" } });
    expect(result.ok ? "" : result.refusal.reason).toContain("STAGEDOOR_ORIGIN_SECRETS");
    for (const secret of Object.values(secrets)) expect(JSON.stringify(result)).not.toContain(secret);
    expect(requests).toEqual([]);
  });

  it("has the secret for hosts below a pattern, and under its header in any case", async () => {
    const url = "https://films.s3.eu-central-1.amazonaws.com/films/";
    const signed = await openFile(file, { origin: { auth: sigv4, url } });
    expect(signed.first?.headers.get("Authorization")).toContain("AKIDEXAMPLE");
    const { first } = await openFile(file, { origin: { auth: { ...headerAuth, name: "x-origin-secret" } } });
    expect(first?.headers.get("X-Origin-Secret")).toBe("only-the-origin-knows");
  });

  it("is never outside the asset's URL, even if the path was not checked", async () => {
    const { result, requests } = await openFile(file, { path: "../43/0.ts" });
    expect(result).toMatchObject({ ok: false, refusal: { code: "path_invalid" } });
    expect(requests).toEqual([]);
  });
});

describe("the response of an HTTP origin", () => {
  afterEach(() => vi.useRealTimers());

  it.each([
    [404, "object_unknown"],
    [410, "object_unknown"],
    [416, "range_not_satisfiable"],
    [400, "origin_failed"],
    [401, "origin_failed"],
    [403, "origin_failed"],
    [429, "origin_failed"],
    [500, "origin_failed"],
    [503, "origin_failed"],
    [201, "origin_failed"],
    [204, "origin_failed"],
  ])("with the status %i becomes %s", async (status, expected) => {
    expect(code(await openFile(() => new Response(null, { status })))).toBe(expected);
  });

  it("that is an unrequested 206 or 304 is refused", async () => {
    const part = () => new Response("a", { status: 206, headers: { "Content-Range": "bytes 0-0/5" } });
    expect(code(await openFile(part))).toBe("origin_failed");
    expect(code(await openFile(part, { range: "bytes=0-0" }))).toBe(206);
    expect(code(await openFile(() => new Response(null, { status: 304 })))).toBe("origin_failed");
    expect(code(await openFile(() => new Response("a", { status: 206 }), { range: "bytes=0-0" }))).toBe(
      "origin_failed",
    );
  });

  it.each([
    ["bytes 0-4/*", 206],
    ["bytes 0-4/5", 206],
    ["bytes 0-4", "origin_failed"],
    ["bytes */5", "origin_failed"],
    ["bytes 4-0/*", "origin_failed"],
  ])("that is a part with Content-Range %s becomes %s", async (range, expected) => {
    const part = () => new Response("bytes", { status: 206, headers: { "Content-Range": range } });
    const outcome = await openFile(part, { range: "bytes=0-4" });
    expect(code(outcome)).toBe(expected);
    if (outcome.result.ok) expect(outcome.result.value.headers.get("Content-Range")).toBe(range);
  });

  it("can be the whole file for a range", async () => {
    expect(code(await openFile(file, { range: "bytes=0-0" }))).toBe(200);
  });

  const s3 = (errorCode: string) => () =>
    new Response(`<?xml version="1.0"?><Error><Code>${errorCode}</Code></Error>`, { status: 403 });

  it("that is S3's AccessDenied means a missing file, because S3 hides it from callers that may not list", async () => {
    expect(code(await openFile(s3("AccessDenied"), { origin: { auth: sigv4 } }))).toBe("object_unknown");
    expect(code(await openFile(s3("SignatureDoesNotMatch"), { origin: { auth: sigv4 } }))).toBe("origin_failed");
    expect(code(await openFile(s3("InvalidAccessKeyId"), { origin: { auth: sigv4 } }))).toBe("origin_failed");
    expect(code(await openFile(s3("AccessDenied"), { origin: { auth: headerAuth } }))).toBe("origin_failed");
    expect(code(await openFile(s3("AccessDenied")))).toBe("origin_failed");
  });

  it.each([
    ["an open origin", {}],
    ["a secret header", { auth: headerAuth }],
    ["SigV4", { auth: sigv4 }],
  ])("that is a 403 means a missing file if the asset says so, for %s and each method", async (_, origin) => {
    for (const method of ["GET", "HEAD"] as const) {
      const respondWith = (status: number) => () => new Response(null, { status });
      const options = { method, origin: { ...origin, missingIs: 403 } };
      expect(code(await openFile(respondWith(403), options))).toBe("object_unknown");
      expect(code(await openFile(s3("AccessDenied"), options))).toBe("object_unknown");
      expect(code(await openFile(respondWith(401), options))).toBe("origin_failed");
      expect(code(await openFile(respondWith(404), options))).toBe("object_unknown");
    }
    expect(code(await openFile(() => new Response(null, { status: 403 }), { origin }))).toBe("origin_failed");
  });

  it("of S3 with a long error is not read to its end", async () => {
    let pulls = 0;
    const endless = new ReadableStream({
      pull: (out) => {
        pulls++;
        if (pulls > 100) out.close();
        else out.enqueue(new Uint8Array(1024));
      },
    });
    const outcome = await openFile(() => new Response(endless, { status: 403 }), { origin: { auth: sigv4 } });
    expect(code(outcome)).toBe("origin_failed");
    expect(pulls).toBeLessThan(10);
  });

  it.each(["", "application/octet-stream", "binary/octet-stream"])(
    "with the type %j gets the type of the file's extension",
    async (type) => {
      const { result } = await openFile(() => new Response("a", { headers: { "Content-Type": type } }));
      expect(result.ok && result.value.headers.get("Content-Type")).toBe("video/mp2t");
    },
  );

  it("that is compressed loses its compressed length, and no range of it is accepted", async () => {
    const headers = { "Content-Encoding": "gzip", "Content-Length": "3", "Content-Range": "bytes 0-2/3" };
    const { result } = await openFile(() => new Response("abcdef", { headers }));
    expect(result.ok && result.value.headers.has("Content-Length")).toBe(false);
    expect(result.ok && result.value.headers.has("Content-Encoding")).toBe(false);
    const part = await openFile(() => new Response("abc", { status: 206, headers }), { range: "bytes=0-2" });
    expect(code(part)).toBe("origin_failed");
  });

  it.each(["deflate", "zstd", "x-gzip", "GZIP", "gzip, br", "gzip,", "foo"])(
    "that is encoded as %j is refused, because not every runtime decodes it",
    async (coding) => {
      const cancelled = vi.fn();
      const body = new ReadableStream({ cancel: cancelled });
      const respond = () => new Response(body, { headers: { "Content-Encoding": coding, ETag: '"1"' } });
      const outcome = await openFile(respond);
      const { result } = outcome;
      expect(code(outcome)).toBe("origin_failed");
      expect(cancelled).toHaveBeenCalledOnce();
      expect(!result.ok && result.refusal.reason).toContain(`Content-Encoding: ${coding})`);
      expect(code(await openFile(respond, { method: "HEAD" }))).toBe("origin_failed");
    },
  );

  it.each(["", "identity", "Identity"])("with the coding %j is passed on with its length", async (coding) => {
    const headers = { "Content-Encoding": coding, "Content-Length": "3" };
    const { result } = await openFile(() => new Response("abc", { headers }));
    expect(result.ok && result.value.headers.get("Content-Length")).toBe("3");
  });

  it("that is 304 is passed on whatever its coding is, because it has no bytes", async () => {
    const respond = () => new Response(null, { status: 304, headers: { "Content-Encoding": "zstd", ETag: '"1"' } });
    expect(code(await openFile(respond, { ifNoneMatch: '"1"' }))).toBe(304);
  });

  it("that never comes becomes origin_slow after the asset's timeout", async () => {
    vi.useFakeTimers();
    const clock = () => unixSeconds(1_800_000_000);
    const fetch: OriginFetch = (_, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      });
    const asset = sampleAsset({ origin: httpOriginOf({ timeout: 1 }) });
    const outcome = httpOrigin({ fetch, clock, secretOf: () => undefined, originSecrets })({
      asset,
      path: "a",
      query: "",
      method: "GET",
    });
    await vi.advanceTimersByTimeAsync(999);
    expect(await Promise.race([outcome, "waiting"])).toBe("waiting");
    await vi.advanceTimersByTimeAsync(1);
    expect(await outcome).toMatchObject({ ok: false, refusal: { code: "origin_slow" } });
  });

  it("can be held beyond the timeout if it is a blocking reload", async () => {
    vi.useFakeTimers();
    const fetch: OriginFetch = async (_, { signal }) => {
      await new Promise((resolve) => setTimeout(resolve, 1100));
      return signal.aborted ? Promise.reject(new DOMException("aborted", "AbortError")) : file();
    };
    const origin = httpOrigin({
      fetch,
      clock: () => unixSeconds(1_800_000_000),
      secretOf: () => undefined,
      originSecrets,
    });
    const request = { asset: sampleAsset({ origin: httpOriginOf({ timeout: 1 }) }), path: "a", query: "" };
    const both = Promise.all([
      origin({ ...request, method: "GET", hold: seconds(0.5) }),
      origin({ ...request, method: "GET" }),
    ]);
    await vi.advanceTimersByTimeAsync(1100);
    expect((await both).map(({ ok }) => ok)).toEqual([true, false]);
  });

  it("can take longer than the timeout for its body, because files are streamed to viewers", async () => {
    vi.useFakeTimers();
    let abort: AbortSignal | undefined;
    const fetch: OriginFetch = async (_, { signal }) => {
      abort = signal;
      return file();
    };
    const clock = () => unixSeconds(1_800_000_000);
    const asset = sampleAsset({ origin: httpOriginOf({ timeout: 1 }) });
    await httpOrigin({ fetch, clock, secretOf: () => undefined, originSecrets })({
      asset,
      path: "a",
      query: "",
      method: "GET",
    });
    await vi.advanceTimersByTimeAsync(1100);
    expect(abort?.aborted).toBe(false);
  });

  it("that is a broken connection becomes origin_failed, without the text of the error", async () => {
    const outcome = await openFile(() => Promise.reject(new TypeError("failed: https://origin.example/?token=abc")));
    expect(code(outcome)).toBe("origin_failed");
    expect(outcome.result.ok ? "" : outcome.result.refusal.reason).not.toContain("abc");
  });
});
