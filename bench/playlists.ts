/** The two measured playlists: a film of two hours, and the window of a live stream. */
export type Playlist = "vod1200" | "live6";

export function playlistNamed(name: Playlist): string {
  return name === "vod1200" ? vodPlaylist(1200) : livePlaylist(6);
}

export function isPlaylist(name: string | undefined): name is Playlist {
  return name === "vod1200" || name === "live6";
}

/** A film with segments of six seconds, as a packager writes it. */
function vodPlaylist(segments: number): string {
  const head = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:6", "#EXT-X-MEDIA-SEQUENCE:0"];
  return playlist([...head, "#EXT-X-PLAYLIST-TYPE:VOD", ...segmentLines(0, segments), "#EXT-X-ENDLIST"]);
}

/** The last segments of a live stream, each with its time of day. */
function livePlaylist(segments: number): string {
  const first = 482_913;
  const head = ["#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:6", `#EXT-X-MEDIA-SEQUENCE:${first}`];
  return playlist([...head, ...segmentLines(first, segments, Date.UTC(2026, 10, 21, 20))]);
}

function segmentLines(first: number, count: number, begins?: number): string[] {
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    if (begins !== undefined) lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(begins + i * 6000).toISOString()}`);
    lines.push("#EXTINF:6.000000,", `seg-${String(first + i).padStart(5, "0")}.ts`);
  }
  return lines;
}

function playlist(lines: readonly string[]): string {
  return `${lines.join("\n")}\n`;
}
