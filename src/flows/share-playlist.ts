import type { DirectPorts } from "./direct-playlists.ts";
import type { PlaylistSource } from "./playlist-source.ts";
import { PlaylistView } from "./playlist-view.ts";

/**
 * One playlist of an origin for everybody, whatever delivery directives they ask for it with: about one request to the
 * origin a version, and one for each part or segment that somebody waits for. Delta updates are texts of their own, each
 * form of them one; with and without, what is waited for is shared.
 */
export function sharePlaylist(ports: DirectPorts): PlaylistSource {
  const whole = new PlaylistView(ports);
  const deltas = { YES: new PlaylistView(ports), v2: new PlaylistView(ports) };
  return (question) => {
    const { skip } = question.directives;
    return (skip === undefined ? whole : deltas[skip]).ask(question);
  };
}
