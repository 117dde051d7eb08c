import { urisWithTag } from "./playlist-tags.ts";

export interface Exchange {
  readonly method: string;
  readonly url: string;
  readonly range: string | undefined;
  readonly status: number;
  /** The code of a refusal, where it says one. */
  readonly code: string | undefined;
  /** Milliseconds since 1970 at which the answer began. */
  readonly at: number;
}

/** What was counted of a run's requests. */
export interface Counts {
  readonly requests: number;
  /** Answers of 400 and above, by status and code. */
  readonly refused: readonly string[];
  readonly redirects: number;
  /** The most that any one initialisation section, or any one key, was delivered; 0 where there is none. */
  readonly initFetches: number;
  readonly keyFetches: number;
  readonly playlists: number;
}

/** The requests of every run, which is the last word of their User-Agent. */
export class RequestLog {
  readonly #exchanges = new Map<string, Exchange[]>();
  /** Files that a playlist named in EXT-X-MAP or EXT-X-KEY. */
  readonly #inits = new Set<string>();
  readonly #keys = new Set<string>();

  note(run: string, exchange: Exchange): void {
    const known = this.#exchanges.get(run);
    if (known === undefined) this.#exchanges.set(run, [exchange]);
    else known.push(exchange);
  }

  /** Remembers which files a playlist names as initialisation sections and keys. */
  read(url: string, playlist: string): void {
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
      initFetches: mostOften(all, this.#inits),
      keyFetches: mostOften(all, this.#keys),
      playlists: all.filter(({ url }) => pathOf(url).endsWith(".m3u8")).length,
    };
  }
}

function mostOften(all: readonly Exchange[], files: ReadonlySet<string>): number {
  const times = new Map<string, number>();
  for (const { url, range, status } of all) {
    if (status !== 200 && status !== 206) continue;
    const file = fileOf(url, Number(/^bytes=(\d+)-/.exec(range ?? "")?.[1] ?? 0));
    if (files.has(file)) times.set(file, (times.get(file) ?? 0) + 1);
  }
  return Math.max(0, ...times.values());
}

/** A file as the viewer of any session would name it: the path below the grant, and where in it one begins to read. */
function fileOf(url: string, from: number): string {
  const path = pathOf(url);
  const [, first = "", ...rest] = path.split("/");
  return `${first.length > 64 ? `/${rest.join("/")}` : path}@${from}`;
}

function pathOf(url: string): string {
  return new URL(url, "http://localhost").pathname;
}
