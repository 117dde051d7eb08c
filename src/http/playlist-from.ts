/** What a playlist was made from: what the manifest worker had at hand, or what it asked for first. */
export type PlaylistFrom = "memory" | "origin";

/** From the manifest worker to the edge, and no further. */
const header = "Stagedoor-Playlist-From";

export function tellPlaylistFrom(response: Response, from: PlaylistFrom): void {
  response.headers.set(header, from);
}

/** What the manifest worker says, and its answer without that: viewers have no use for it. */
export function takePlaylistFrom(answered: Response): {
  readonly from: PlaylistFrom | undefined;
  readonly response: Response;
} {
  const from = answered.headers.get(header);
  const response = new Response(answered.body, answered);
  response.headers.delete(header);
  return { from: from === "memory" || from === "origin" ? from : undefined, response };
}
