import { seconds, unixSeconds } from "../../../src/base/time.ts";
import { type FileRequest, fileDelivery } from "../../../src/edge/deliver-file.ts";
import type { MediaCache } from "../../../src/origin/fill-cache.ts";
import type { Origin, OriginRequest } from "../../../src/origin/origin.ts";
import { type MemoryFile, memoryMediaCache, memoryOrigin } from "../../support/memory-files.ts";
import { memoryTelemetry } from "../../support/memory-stores.ts";
import { sampleAsset } from "../catalog/sample.ts";

export const asset = sampleAsset();
const body = Uint8Array.from({ length: 100 }, (_, i) => i);
export const lastModified = "Sat, 21 Nov 2026 20:00:00 GMT";

/** A delivery over a film in memory. A test can read what reached the origin and the cache. */
export function stage(options: { readonly origin?: Origin; readonly cache?: MediaCache } = {}) {
  const files = new Map<string, MemoryFile>([
    ["film/0.ts", { body, etag: '"v1"', lastModified }],
    ["film/0.ts?b=1", { body: body.subarray(0, 50), etag: '"q1"' }],
    ["film/untagged.ts", { body }],
  ]);
  const memory = memoryMediaCache();
  const requests: OriginRequest[] = [];
  const background: Promise<unknown>[] = [];
  const kept = new Map<string, Headers>();
  const state = { now: 1_800_000_000 };
  const origin: Origin = (request) => {
    requests.push(request);
    return (options.origin ?? memoryOrigin(files))(request);
  };
  const cache: MediaCache = options.cache ?? {
    match: memory.match,
    put: (key, file) => {
      kept.set(key, file.headers);
      return memory.put(key, file);
    },
  };
  const { telemetry, events } = memoryTelemetry();
  const deliver = fileDelivery({ origin, cache, clock: () => unixSeconds(state.now), telemetry });
  const send = (request: Partial<FileRequest> = {}) =>
    deliver(
      { asset, path: "0.ts", query: "", method: "GET", remaining: seconds(60), cacheable: true, ...request },
      (work) => void background.push(work),
    );
  /** The response, read to its end, after all background work is done. */
  const get = async (request: Partial<FileRequest> = {}) => {
    const result = await send(request);
    if (!result.ok) return { status: result.refusal.code, headers: new Headers(), bytes: [] };
    const bytes = [...new Uint8Array(await result.value.arrayBuffer())];
    await Promise.all(background);
    return { status: result.value.status, headers: result.value.headers, bytes };
  };
  /** Whether there is a response. Its body is not read, and all background work is done. */
  const drop = async (request: Partial<FileRequest> = {}) => {
    const result = await send(request);
    if (result.ok) await result.value.body?.cancel();
    await Promise.all(background);
    return result.ok;
  };
  return { send, get, drop, files, requests, kept, keys: memory.keys, state, background, events };
}

/** The film's bytes. */
export const all = [...body];
