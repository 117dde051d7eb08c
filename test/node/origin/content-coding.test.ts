import { createServer } from "node:http";
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readOriginResponse } from "../../../src/origin/origin-response.ts";
import { guardedFetch } from "../../../src/platform/node/guarded-fetch.ts";
import { asset } from "../../unit/edge/deliver-stage.ts";

const text = "WEBVTT\n".repeat(50);
const codings: Readonly<Record<string, Uint8Array>> = {
  gzip: gzipSync(text),
  br: brotliCompressSync(text),
  deflate: deflateSync(text),
  zstd: zstdCompressSync(text),
  "x-gzip": gzipSync(text),
  GZIP: gzipSync(text),
  "gzip, br": brotliCompressSync(gzipSync(text)),
  "gzip,": gzipSync(text),
};

const server = createServer(({ url = "" }, response) => {
  const coding = decodeURIComponent(url.slice(1));
  response.setHeader("Content-Encoding", coding).end(codings[coding]);
});
let host = "";
let workerd: Miniflare;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  host = `127.0.0.1:${address !== null && typeof address === "object" ? address.port : 0}`;
  const script = `export default { fetch: async (request) => {
    const response = await fetch("http://${host}" + new URL(request.url).pathname, { headers: { "Accept-Encoding": "identity" } });
    return new Response(await response.arrayBuffer());
  } }`;
  const own = { name: "fetch", modules: true, compatibilityDate: "2026-11-01", script };
  workerd = new Miniflare(convertV4MiniflareOptions({ workers: [own] }));
  await workerd.ready;
});
afterAll(async () => {
  server.close();
  await workerd.dispose();
});

const init = () => ({
  method: "GET",
  headers: new Headers({ "Accept-Encoding": "identity" }),
  redirect: "manual" as const,
  signal: AbortSignal.timeout(20_000),
});

async function decodedBy(runtime: "node" | "fetch" | "workerd", path: string): Promise<string> {
  if (runtime === "workerd") return (await workerd.dispatchFetch(`http://worker.test/${path}`)).text();
  if (runtime === "fetch") return (await fetch(`http://${host}/${path}`, init())).text();
  const response = await guardedFetch([host])(`http://${host}/${path}`, init());
  return response === "private_address" ? response : response.text();
}

describe.each(Object.keys(codings))("an origin that sends %j although the request accepts no coding", (coding) => {
  const path = encodeURIComponent(coding);

  it("is accepted only if every runtime decodes it", async () => {
    const response = new Response(text, { headers: { "Content-Encoding": coding } });
    const read = await readOriginResponse(response, { asset, path: "a.vtt", query: "", method: "GET" });
    const decoded = [];
    for (const runtime of ["node", "fetch", "workerd"] as const)
      decoded.push((await decodedBy(runtime, path)) === text);
    expect(read.ok).toBe(decoded.every(Boolean));
  });
});
