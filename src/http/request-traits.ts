import Bowser from "bowser";
import { makeRoom } from "../base/bounded-map.ts";
import type { RequestTraits } from "../metrics/gathered.ts";
import { placeOf } from "./request.ts";

/**
 * Players that send a User-Agent of their own, with the name of their family: browsers' parsers do not know them. The first
 * match counts.
 */
const players: readonly (readonly [family: string, form: RegExp])[] = [
  ["AVPlayer", /AppleCoreMedia|AVFoundation/],
  ["ExoPlayer", /ExoPlayer|AndroidXMedia3/],
  ["Roku", /\bRoku\b/],
  ["Chromecast", /\bCrKey\b/],
  ["Tizen", /\bTizen\b/],
  ["webOS", /\bWeb0S\b|\bwebOS\b/],
  ["PlayStation", /PlayStation/],
  ["VLC", /\bVLC\b|LibVLC/],
  ["Kodi", /\bKodi\b/],
  ["mpv", /\bmpv\b|libmpv/],
  ["ffmpeg", /\bLavf\//],
  ["GStreamer", /GStreamer/],
  ["Shaka", /ShakaPackager|ShakaPlayer/],
  ["curl", /^curl\//],
  ["bot", /\bbot\b|crawler|spider|preview/i],
];

/** Longer ones are cut: a parser's time grows with the text. */
const longestUserAgent = 512;

/** Families are from a closed list: this one's names, and the parser's for browsers. */
const families = new Map<string, string>();
const mostKept = 1_000;

/**
 * The family of the player that sent a User-Agent: `AVPlayer`, `ExoPlayer`, `Chrome`; `other` if nobody knows it, `none`
 * without the header. Any client can send any text, so it is for figures and never for a decision.
 */
export function playerFamily(userAgent: string | null): string {
  const text = (userAgent ?? "").slice(0, longestUserAgent);
  if (text === "") return "none";
  const known = families.get(text);
  if (known !== undefined) return known;
  const found = players.find(([, form]) => form.test(text))?.[0] ?? browserIn(text);
  makeRoom(families, mostKept);
  families.set(text, found);
  return found;
}

/** What the parser calls a browser; a name that it cut out of the text itself is not from a closed list. */
function browserIn(text: string): string {
  const { name = "" } = Bowser.parse(text).browser;
  return browserNames.has(name) ? name : "other";
}

const browserNames: ReadonlySet<string> = new Set(Object.values(Bowser.BROWSER_MAP));

/** What is known of a request without checking anything. The asset is added by its service. */
export function traitsOf(
  request: Request,
  { development, edgeSecrets = [] }: { readonly development: boolean; readonly edgeSecrets?: readonly string[] },
): RequestTraits {
  const { country, asn } = placeOf(request, development, edgeSecrets);
  return {
    player: playerFamily(request.headers.get("User-Agent")),
    ...(country !== undefined && { country }),
    ...(asn !== undefined && { asn }),
  };
}
