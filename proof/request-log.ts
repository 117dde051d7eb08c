import { urisWithTag } from "./playlist-tags.ts";

export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly range: string | undefined;
  readonly status: number;
  /** The code of a refusal, if it has one. */
  readonly code: string | undefined;
  /** The start of the response, in milliseconds since 1970. */
  readonly at: number;
}

/** The counted requests of a run. */
export interface Counts {
  readonly requests: number;
  /** Responses with a status of 400 or above, by status and code. */
  readonly refused: readonly string[];
  readonly redirects: number;
  /** The maximum number of deliveries of one initialisation section and of one key, or 0 if there is none. */
  readonly initFetches: number;
  readonly keyFetches: number;
  readonly playlists: number;
}

/** The requests of every run. The last word of the User-Agent names the run. */
export class RequestLog {
  readonly #exchanges = new Map<string, Exchange[]>();
  /** Files that a playlist names in EXT-X-MAP or EXT-X-KEY. */
  readonly #inits = new Set<string>();
  readonly #keys = new Set<string>();

  add(run: string, exchange: Exchange): void {
    const known = this.#exchanges.get(run);
    if (known === undefined) this.#exchanges.set(run, [exchange]);
    else known.push(exchange);
  }

  /** Remembers the initialisation sections and keys that a playlist names. */
  addPlaylist(url: string, playlist: string): void {
    for (const { tag, uri, from } of urisWithTag(playlist, url))
      (tag === "MAP" ? this.#inits : this.#keys).add(fileOf(uri, from));
  }

  of(run: string): readonly Exchange[] {
    return this.#exchanges.get(run) ?? [];
  }

  count(run: string): Counts {
    const all = this.of(run).filter(({ method }) => method === "GET");
    return {
      requests: all.length,
      refused: all.filter(({ status }) => status >= 400).map(({ status, code }) => `${status} ${code ?? ""}`.trim()),
      redirects: all.filter(({ status }) => status === 307).length,
      initFetches: mostFetches(all, this.#inits),
      keyFetches: mostFetches(all, this.#keys),
      playlists: all.filter(({ url }) => pathOf(url).endsWith(".m3u8")).length,
    };
  }
}

function mostFetches(all: readonly Exchange[], files: ReadonlySet<string>): number {
  const times = new Map<string, number>();
  for (const { url, range, status } of all) {
    if (status !== 200 && status !== 206) continue;
    const file = fileOf(url, Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0));
    if (files.has(file)) times.set(file, (times.get(file) ?? 0) + 1);
  }
  return Math.max(0, ...times.values());
}

/** A file, independent of the session: its path without the grant, and the first byte of the request. */
function fileOf(url: string, from: number): string {
  const path = pathOf(url);
  const [, first = "", ...rest] = path.split("/");
  return `${first.length > 64 ? `/${rest.join("/")}` : path}@${from}`;
}

function pathOf(url: string): string {
  return new URL(url, "http://localhost").pathname;
}
