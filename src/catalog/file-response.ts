import { type ByteRange, contentRange } from "./byte-range.ts";

/** What a store knows of a file. */
export interface FileFacts {
  readonly contentType: string;
  /** In bytes. */
  readonly size: number;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** How long it may be kept, as the store was told with the file: see `freshness.ts`. */
  readonly cacheControl?: string | undefined;
  readonly expires?: string | undefined;
}

/** The whole file (200) or one range of it (206), as an origin answers it; without a body for HEAD. */
export function fileResponse(facts: FileFacts, range: ByteRange | undefined, body: BodyInit | null): Response {
  const headers = validators(facts);
  headers.set("Content-Type", facts.contentType);
  headers.set("Accept-Ranges", "bytes");
  headers.set("Content-Length", String(range?.length ?? facts.size));
  if (facts.cacheControl !== undefined) headers.set("Cache-Control", facts.cacheControl);
  if (facts.expires !== undefined) headers.set("Expires", facts.expires);
  if (range !== undefined) headers.set("Content-Range", contentRange(range, facts.size));
  return new Response(body, { status: range === undefined ? 200 : 206, headers });
}

/** What the viewer has is still the file (304). */
export function notModified(facts: Pick<FileFacts, "etag" | "lastModified">): Response {
  return new Response(null, { status: 304, headers: validators(facts) });
}

function validators({ etag, lastModified }: Pick<FileFacts, "etag" | "lastModified">): Headers {
  const headers = new Headers();
  if (etag !== undefined) headers.set("ETag", etag);
  if (lastModified !== undefined) headers.set("Last-Modified", lastModified);
  return headers;
}
