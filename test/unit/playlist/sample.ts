import { type Seconds, seconds, type UnixSeconds, unixSeconds } from "../../../src/base/time.ts";
import { compilePlaylist, type PlaylistContext } from "../../../src/playlist/compile.ts";
import { expiriesOf } from "../../../src/playlist/expiry-plan.ts";
import { fillPlaylist, renderShared } from "../../../src/playlist/render.ts";
import type { PlaylistTemplate, Target } from "../../../src/playlist/template.ts";

export const now: UnixSeconds = unixSeconds(1_795_000_020); // a whole number of steps
export const step: Seconds = seconds(30);

/** A playlist of an asset in a bucket, one directory below the asset's prefix. */
export const bucket: PlaylistContext = {
  prefix: "/film/",
  path: "/film/360p/index.m3u8",
  query: "",
  originHost: undefined,
  originPath: "/film/",
  mediaHost: "media.example",
  allowedHosts: new Set(["ads.example", "ads.example:8443"]),
  allowedSchemes: new Set(),
  imported: undefined,
  pauseAllowance: seconds(300),
  fileLifetime: seconds(21_600),
};

/** The same at an HTTP origin, where the prefix maps to another path. */
export const server: PlaylistContext = { ...bucket, originHost: "origin.example", originPath: "/films/42/" };

const parameters = { playlist: "list", segment: "seg", key: "key", file: "file" };

/** The signature of the tests: the purpose's parameter and a mark that no playlist contains by itself. */
export function mark(target: Target): { readonly query: string } {
  return { query: `${parameters[target.purpose]}=SIGNED` };
}

/** The rewritten playlist, or the code of its refusal. */
export function rewrite(text: string, context: PlaylistContext = bucket): string {
  const compiled = compilePlaylist(text, context);
  return compiled.ok ? render(compiled.value) : compiled.refusal.code;
}

export function render(template: PlaylistTemplate): string {
  return fillPlaylist(renderShared(template, expiriesOf(template, now, step), mark), mark);
}

export function compiled(text: string, context: PlaylistContext = bucket): PlaylistTemplate {
  const result = compilePlaylist(text, context);
  if (!result.ok) throw new Error(`${result.refusal.code}: ${result.refusal.reason}`);
  return result.value;
}

/** A media playlist around some lines. */
export function media(...lines: string[]): string {
  return ["#EXTM3U", "#EXT-X-TARGETDURATION:6", ...lines, ""].join("\n");
}

/** A media playlist with one segment, whose URI line is `uri`. */
export function segment(uri: string): string {
  return media("#EXTINF:6,", uri, "#EXT-X-ENDLIST");
}

/** The rewritten URI line of {@link segment}, or the code of the refusal. */
export function rewriteUri(uri: string, context: PlaylistContext = bucket): string {
  const lines = rewrite(segment(uri), context).split("\n");
  return lines[3] ?? lines[0] ?? "";
}

/** A multivariant playlist around some lines. */
export function multivariant(...lines: string[]): string {
  return ["#EXTM3U", "#EXT-X-STREAM-INF:BANDWIDTH=1", "360p/index.m3u8", ...lines, ""].join("\n");
}
