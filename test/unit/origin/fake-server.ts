import type { OriginFetch } from "../../../src/origin/http-origin.ts";
import { contractCaching } from "./origin-contract.ts";

export interface SeenRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
}

/** A static file server in this process that answers like nginx and records its requests. */
export function fakeServer(base: string, files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>) {
  const requests: SeenRequest[] = [];
  const fetch: OriginFetch = async (url, { method, headers }) => {
    requests.push({ url, method, headers });
    const { pathname } = new URL(url);
    const prefix = new URL(base).pathname;
    const name = pathname.startsWith(prefix) ? decodedName(pathname.slice(prefix.length)) : undefined;
    const file = name === undefined ? undefined : files.get(name);
    if (file === undefined) return new Response("<h1>Not Found</h1>", { status: 404, headers: { Server: "fake" } });
    const response = serve(file, method, headers);
    const { cacheControl } = contractCaching(pathname);
    if (cacheControl !== undefined) response.headers.set("Cache-Control", cacheControl);
    return response;
  };
  return { fetch, requests };
}

function serve(file: Uint8Array<ArrayBuffer>, method: string, requested: Headers): Response {
  const etag = `"${file.length}-a"`;
  const headers = new Headers({ ETag: etag, Server: "fake", "Set-Cookie": "a=b", "Accept-Ranges": "bytes" });
  const ifNoneMatch = requested.get("If-None-Match");
  if (ifNoneMatch === "*" || ifNoneMatch?.includes(etag)) return new Response(null, { status: 304, headers });
  headers.set("Content-Length", String(file.length));
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(requested.get("Range") ?? "") ?? [];
  if (method === "HEAD") return new Response(null, { headers });
  if (first === undefined || last === undefined) return new Response(file, { headers });
  const from = first === "" ? Math.max(0, file.length - Number(last)) : Number(first);
  const to = first === "" || last === "" ? file.length : Math.min(file.length, Number(last) + 1);
  if (from >= file.length) {
    return new Response("", { status: 416, headers: { "Content-Range": `bytes */${file.length}` } });
  }
  headers.set("Content-Length", String(to - from));
  headers.set("Content-Range", `bytes ${from}-${to - 1}/${file.length}`);
  return new Response(file.subarray(from, to), { status: 206, headers });
}

function decodedName(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
