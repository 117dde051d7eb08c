import { after, earlier, roundUpTo, type Seconds, seconds, type UnixSeconds } from "../base/seconds.ts";
import type { PlaylistTemplate, Target } from "./template.ts";

export interface PlanOptions {
  /** No expiry lies after this: for URLs that carry no grant, the session's end. */
  readonly notAfter?: UnixSeconds | undefined;
  /** The expiries that were given before, by {@link targetKey}; looked up for carried targets alone. */
  readonly given?: ReadonlyMap<string, UnixSeconds> | undefined;
}

/**
 * When the URL of `target` expires: `now` rounded up to `step`, plus its lifetime rounded up to `step`. So all loads
 * within a step come to the same bytes.
 *
 * A target with a grid of its own is rounded up to that, so that its URL stays the same over many steps.
 *
 * A carried target keeps the expiry that was given before while it still holds for the target's `minimum`. A hint's URL
 * holds for the window and 3 target durations, a part has to hold for 3 target durations, so hint and part are one URL
 * unless the part comes a whole window after its hint. Both are counted from the rounded time, so that within a step the
 * decision cannot change; a hint and a part are given a step more, since that time jumps by a step at once.
 */
export function expiryOf(target: Target, now: UnixSeconds, step: Seconds, options: PlanOptions = {}): UnixSeconds {
  const base = roundUpTo(step, now);
  if (target.grid > step) {
    const end = roundUpTo(target.grid, after(base, target.lifetime));
    return options.notAfter === undefined ? end : earlier(end, options.notAfter);
  }
  const before = target.carried ? options.given?.get(targetKey(target)) : undefined;
  const expiry =
    before !== undefined && before >= base + target.minimum
      ? before
      : after(base, seconds(Math.ceil((target.lifetime + (mayComeAgain(target) ? step : 0)) / step) * step));
  return options.notAfter === undefined ? expiry : earlier(expiry, options.notAfter);
}

/** Whether a URL is given with more than it needs, so that it can be given again: a hint's, and a part's. */
function mayComeAgain({ carried, minimum, lifetime }: Target): boolean {
  return carried && minimum < lifetime;
}

/** The expiry of each target of a template, in the order of its targets. */
export function expiriesOf(
  template: PlaylistTemplate,
  now: UnixSeconds,
  step: Seconds,
  options: PlanOptions = {},
): UnixSeconds[] {
  return template.targets.map((target) => expiryOf(target, now, step, options));
}

/**
 * What the next version of the same playlist is planned with as `given`: the expiries of the carried targets. What has
 * left the playlist is forgotten with it.
 */
export function givenBy(template: PlaylistTemplate, expiries: readonly UnixSeconds[]): Map<string, UnixSeconds> {
  const given = new Map<string, UnixSeconds>();
  for (let i = 0; i < template.targets.length; i++) {
    const target = template.targets[i];
    const expiry = expiries[i];
    if (target?.carried && expiry !== undefined) given.set(targetKey(target), expiry);
  }
  return given;
}

/** What tells one URL from another: its path and its origin query. */
export function targetKey(target: Pick<Target, "path" | "query">): string {
  return `${target.path}?${target.query}`;
}
