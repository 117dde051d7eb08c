import type { Progress } from "../playlist/progress.ts";
import type { DirectPorts } from "./direct-playlists.ts";
import type { PlaylistSource } from "./playlist-source.ts";
import { PlaylistView } from "./playlist-view.ts";

/**
 * One playlist of an origin for everybody, whatever delivery directives they ask for it with: about one request to the
 * origin a version, and one for each part or segment that somebody waits for. Delta updates are texts of their own, each
 * form of them one; with and without, what is waited for is shared.
 */
export function sharePlaylist(ports: DirectPorts): PlaylistSource {
  /** How far the playlist has come, by whichever text of it was seen last. */
  const reached = (): Progress | undefined => {
    const seen = [whole, deltas.YES, deltas.v2].flatMap(({ latest }) => latest ?? []);
    return seen.toSorted((a, b) => b.checkedAt - a.checkedAt)[0]?.progress;
  };
  const whole = new PlaylistView(ports, reached);
  const deltas = { YES: new PlaylistView(ports, reached), v2: new PlaylistView(ports, reached) };
  return (question) => {
    const { skip } = question.directives;
    return (skip === undefined ? whole : deltas[skip]).ask(question);
  };
}
