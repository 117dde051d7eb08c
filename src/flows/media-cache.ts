/**
 * The port to a cache of whole files. A key says which file of which origin it is, and nothing of a viewer. An entry lives
 * as long as the `max-age` it was put with.
 */
export interface MediaCache {
  /** Answers Range (206, 416) and If-None-Match (304) from the whole file; undefined where it has no entry. */
  readonly match: (key: string, headers: Readonly<Record<string, string>>) => Promise<Response | undefined>;
  /** Keeps a response of status 200 with its Content-Length; rejects where the body came out shorter. */
  readonly put: (key: string, response: Response) => Promise<void>;
}
