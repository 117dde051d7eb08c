import type { FreshUrls } from "./fresh-urls.ts";
import { readSignedUrl } from "./signed-url.ts";

export { type FreshOptions, type FreshUrls, keepFresh, type Session } from "./fresh-urls.ts";

/** The part of Shaka Player that is used. */
interface ShakaPlayer {
  getNetworkingEngine(): {
    registerRequestFilter(filter: (type: number, request: { uris: string[] }) => Promise<void>): void;
    registerResponseFilter(
      filter: (type: number, response: { uri: string; data: ArrayBuffer | ArrayBufferView }) => void,
    ): void;
  } | null;
}

/** The part of a video.js player that is used. */
interface VideoJsPlayer {
  on(event: string, listener: () => void): void;
  tech(safety: true): unknown;
}

interface VhsRequest {
  uri?: string;
  headers?: Record<string, string>;
  beforeSend?: (xhr: XMLHttpRequest) => void;
}

interface VhsTech {
  readonly vhs?: { readonly xhr?: { onRequest(hook: (request: VhsRequest) => VhsRequest): void } };
}

/** For hls.js: a part of its configuration, `new Hls({ ...inHls(fresh) })`. */
export function inHls(fresh: FreshUrls): { xhrSetup(xhr: XMLHttpRequest, url: string): Promise<void> | undefined } {
  return {
    xhrSetup(xhr, asked) {
      const address = fresh.url(asked);
      if (typeof address === "string") {
        listen(fresh, xhr, asked, address);
        return undefined;
      }
      return address.then((address) => {
        xhr.open("GET", address, true);
        listen(fresh, xhr, asked, address);
      });
    },
  };
}

/** For Shaka Player: once, before `player.load`. */
export function inShaka(fresh: FreshUrls, player: ShakaPlayer): void {
  const engine = player.getNetworkingEngine();
  const askedFor = new Map<string, string>();
  engine?.registerRequestFilter(async (_, request) => {
    request.uris = await Promise.all(
      request.uris.map(async (asked) => {
        const address = await fresh.url(asked);
        if (address !== asked) askedFor.set(address, asked);
        return address;
      }),
    );
  });
  engine?.registerResponseFilter((_, response) => {
    const { uri } = response;
    if (readSignedUrl(uri)?.isPlaylist === true) fresh.read(uri, new TextDecoder().decode(response.data));
    response.uri = askedFor.get(uri) ?? uri;
    askedFor.delete(uri);
  });
}

/** For video.js: once, before `player.src`. */
export function inVideoJs(fresh: FreshUrls, player: VideoJsPlayer): void {
  const onRequest = (request: VhsRequest): VhsRequest => ({
    ...request,
    beforeSend(xhr) {
      request.beforeSend?.(xhr);
      divert(fresh, xhr, request);
    },
  });
  player.on("xhr-hooks-ready", () => {
    const { vhs }: VhsTech = Object(player.tech(true));
    vhs?.xhr?.onRequest(onRequest);
  });
}

/** VHS asks at once: where the fresh URL is not known yet, `send` waits for it. */
function divert(fresh: FreshUrls, xhr: XMLHttpRequest, { uri: asked = "", headers = {} }: VhsRequest): void {
  const address = fresh.url(asked);
  if (typeof address === "string") {
    listen(fresh, xhr, asked, address);
    return;
  }
  let aborted = false;
  const { send, abort } = xhr;
  xhr.abort = () => {
    aborted = true;
    abort.call(xhr);
  };
  xhr.send = (body) => {
    void address.then((address) => {
      if (aborted) return;
      xhr.open("GET", address, true);
      for (const [name, value] of Object.entries(headers)) xhr.setRequestHeader(name, value);
      listen(fresh, xhr, asked, address);
      send.call(xhr, body);
    });
  };
}

/**
 * Reads the playlist that `xhr` brings, and lets the player think that it came from where it was asked for: to it the
 * stream stays under the addresses that it began with, so that it keeps what it has loaded (hls.js takes another path for
 * another stream).
 */
function listen(fresh: FreshUrls, xhr: XMLHttpRequest, asked: string, address: string): void {
  if (address !== asked) Object.defineProperty(xhr, "responseURL", { value: asked });
  if (readSignedUrl(address)?.isPlaylist !== true) return;
  xhr.addEventListener("load", () => {
    if (xhr.status === 200) fresh.read(address, xhr.responseText);
  });
}
