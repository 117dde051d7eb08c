import type { UnixSeconds } from "../base/seconds.ts";
import type { SharedPlaylist } from "../playlist/render.ts";
import type { PlaylistTemplate } from "../playlist/template.ts";

/**
 * A playlist as all viewers of a step share it; its bytes too, once somebody made them, where no hole is left. They are
 * a Blob, since a response takes one over as it is and copies anything else for every viewer.
 */
export interface RenderedPlaylist {
  readonly shared: SharedPlaylist;
  bytes?: Blob;
}

/** What was rendered of one version of a playlist lately, by step and key. */
interface VersionRenderings {
  get(step: string): RenderedPlaylist | undefined;
  put(step: string, rendered: RenderedPlaylist): void;
}

/** What an isolate keeps of what it rendered. */
export interface Renderings {
  /** Of one version: they go when its template goes. */
  of(template: PlaylistTemplate): VersionRenderings;
  /** The expiries that go on to the next version of a playlist (see `givenBy`), by its name without delivery directives. */
  given(name: string): ReadonlyMap<string, UnixSeconds> | undefined;
  give(name: string, expiries: ReadonlyMap<string, UnixSeconds>): void;
}

/** Of a version: the step that is on, the one before it for requests on their way, and as many of another key. */
const keptSteps = 4;
const keptNames = 2_000;

export function renderings(): Renderings {
  const versions = new WeakMap<PlaylistTemplate, Map<string, RenderedPlaylist>>();
  const given = new Map<string, ReadonlyMap<string, UnixSeconds>>();
  return {
    of(template) {
      const steps = versions.get(template) ?? new Map<string, RenderedPlaylist>();
      versions.set(template, steps);
      return { get: (step) => steps.get(step), put: (step, rendered) => keep(steps, step, rendered, keptSteps) };
    },
    given: (name) => given.get(name),
    give(name, expiries) {
      if (expiries.size > 0) keep(given, name, expiries, keptNames);
      else given.delete(name);
    },
  };
}

/** Sets a value and lets the oldest go beyond `most`. */
function keep<Value>(map: Map<string, Value>, key: string, value: Value, most: number): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= most) break;
    map.delete(oldest);
  }
}
