/** A file that arrived whole, as the cache keeps it: status 200. */
export interface WholeFile {
  /** With the Content-Length of the body, and the Cache-Control that says how long the entry lives. */
  readonly headers: Headers;
  readonly body: Uint8Array<ArrayBuffer>;
}

/**
 * The port to a cache of whole files. A key says which file of which origin it is, and nothing of a viewer. An entry lives
 * as long as the `max-age` it was put with.
 */
export interface MediaCache {
  /** Answers Range (206, 416) and If-None-Match (304) from the whole file; undefined where it has no entry. */
  readonly match: (key: string, headers: Readonly<Record<string, string>>) => Promise<Response | undefined>;
  /** Takes bytes and no stream, so that no entry can be shorter than its file. Rejects where the entry was not kept. */
  readonly put: (key: string, file: WholeFile) => Promise<void>;
}
