import { readSignedUrl, type SignedUrl, urisOf } from "./signed-url.ts";

/** What `POST /stream/start` and `POST /stream/{id}/renew` answer; the helper reads no more of it. */
export interface Session {
  readonly manifestUrl: string;
  /** RFC 3339. */
  readonly sessionExpiresAt: string;
}

export interface FreshOptions extends Session {
  /** Asks the API for the session's next part, or for another session; called when this one nears its end. */
  readonly renew?: (() => Promise<Session>) | undefined;
  /** How many seconds before its end a URL is replaced. Has to be less than URLs live. 10 where it is left out. */
  readonly margin?: number | undefined;
  /** The time in milliseconds: for a site that knows it better than the viewer's clock does. */
  readonly now?: (() => number) | undefined;
}

/** What the playlist that names all others goes by: where an asset has one alone, both lie under the same path. */
const manifest = "";

/** Seconds until a renewal that failed is tried again. */
const rest = 5;

export interface FreshUrls {
  /** The URL to ask for in place of `asked`: at once where that one is good, else as soon as a fresh one is known. */
  url(asked: string): string | Promise<string>;
  /** Reads a playlist that was loaded from `address`, for the URLs in it. The players' hooks call it. */
  read(address: string, playlist: string): void;
  /** Lets every URL pass as it is from now on. */
  stop(): void;
}

/**
 * Keeps the URLs of a stream fresh, for CDNs that refuse a URL that has ended before Stagedoor sees it, and asks for
 * another session when this one nears its end. There is no timer: a URL that is about to end is replaced when a player
 * asks for it, by way of the playlist that names it, so a paused player costs nothing and holds no session.
 */
export function keepFresh(options: FreshOptions): FreshUrls {
  const { renew, margin = 10, now = Date.now } = options;
  let session: Session = options;
  let stopped = false;
  let renewing: Promise<void> | undefined;
  let restUntil = 0;
  /** The URLs of the files that a playlist names, by playlist and by file. */
  const named = new Map<string, Map<string, string>>();
  const loading = new Map<string, Promise<void>>();

  const soon = () => now() / 1000 + margin;
  const isGood = (url: SignedUrl | undefined) =>
    url !== undefined &&
    url.expires > soon() &&
    (url.grant === undefined || url.grant === readSignedUrl(session.manifestUrl)?.grant);

  function read(address: string, playlist: string): void {
    const list = readSignedUrl(address);
    if (stopped || !list?.isPlaylist) return;
    const files = new Map<string, string>();
    for (const uri of urisOf(playlist, address)) {
      const signed = readSignedUrl(uri);
      if (signed !== undefined) files.set(signed.file, uri);
    }
    named.set(playlist.includes("\n#EXT-X-STREAM-INF:") ? manifest : list.file, files);
  }

  async function renewSession(): Promise<void> {
    if (renew === undefined || soon() < restUntil) return;
    renewing ??= renew()
      .then((next) => {
        session = next;
      })
      .catch(() => {
        restUntil = soon() + rest;
      })
      .finally(() => {
        renewing = undefined;
      });
    await renewing;
  }

  /** A fresh URL of a file, through the playlist that names it, and that one's, up to the manifest. */
  async function obtain(file: string): Promise<string | undefined> {
    const [list, files] = [...named].find(([, files]) => files.has(file)) ?? [];
    if (file === manifest || (list === undefined && file === readSignedUrl(session.manifestUrl)?.file)) {
      if (!isGood(readSignedUrl(session.manifestUrl))) await renewSession();
      return session.manifestUrl;
    }
    const known = files?.get(file);
    if (list === undefined || known === undefined || isGood(readSignedUrl(known))) return known;
    await reload(list);
    return named.get(list)?.get(file);
  }

  function reload(list: string): Promise<void> {
    const load = async () => {
      const address = await obtain(list);
      if (address === undefined) return;
      const response = await fetch(address);
      if (response.ok) read(address, await response.text());
    };
    const pending = loading.get(list) ?? load().finally(() => loading.delete(list));
    loading.set(list, pending);
    return pending;
  }

  async function replace(asked: string, { file, appended }: SignedUrl): Promise<string> {
    try {
      if (Date.parse(session.sessionExpiresAt) / 1000 < soon()) await renewSession();
      const fresh = await obtain(file);
      return fresh === undefined ? asked : fresh + appended;
    } catch {
      // The server's answer to the old URL tells the player more than we could.
      return asked;
    }
  }

  return {
    read,
    url(asked) {
      const signed = readSignedUrl(asked);
      if (stopped || signed === undefined) return asked;
      const ending = renew !== undefined && Date.parse(session.sessionExpiresAt) / 1000 < soon();
      return isGood(signed) && !ending ? asked : replace(asked, signed);
    },
    stop() {
      stopped = true;
      named.clear();
    },
  };
}
