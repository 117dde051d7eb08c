import type { Bucket } from "../../../src/platform/cloudflare/r2-origin.ts";

interface Stored {
  readonly body: Uint8Array<ArrayBuffer>;
  readonly httpMetadata?: Exclude<Awaited<ReturnType<Bucket["get"]>>, null>["httpMetadata"];
}

/** R2 as it answers in workerd, for Node, which has none. The contract runs against the real one too. */
export function fakeBucket(objects: ReadonlyMap<string, Stored>): Bucket {
  const facts = (key: string, { body, httpMetadata = {} }: Stored) => ({
    size: body.length,
    httpEtag: `"${body.length}-${key.length}"`,
    uploaded: new Date(0),
    httpMetadata,
  });
  return {
    head: async (key) => {
      const stored = objects.get(key);
      return stored === undefined ? null : facts(key, stored);
    },
    get: async (key, { range, onlyIf } = {}) => {
      const stored = objects.get(key);
      if (stored === undefined) return null;
      const object = facts(key, stored);
      const ifNoneMatch = onlyIf?.get("If-None-Match");
      if (ifNoneMatch !== undefined && ifNoneMatch !== null) {
        if (!/^(\*|(W\/)?"[^"]*"(, (W\/)?"[^"]*")*)$/.test(ifNoneMatch))
          throw new Error("Invalid ETag in if-none-match header");
        if (ifNoneMatch === "*" || ifNoneMatch.includes(object.httpEtag)) return object;
      }
      const { body } = stored;
      if (range === undefined) return { ...object, body: streamOf(body) };
      const from = "suffix" in range ? Math.max(0, body.length - range.suffix) : range.offset;
      const to = "suffix" in range ? body.length : from + (range.length ?? body.length);
      if (from >= body.length) throw new Error("get: The requested range is not satisfiable (10039)");
      return { ...object, body: streamOf(body.subarray(from, to)) };
    },
  };
}

function streamOf(bytes: Uint8Array<ArrayBuffer>): ReadableStream {
  return new Blob([bytes]).stream();
}
