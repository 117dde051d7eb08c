import { type UnixMilliseconds, unixMilliseconds } from "../base/milliseconds.ts";
import type { Position } from "./delivery-directives.ts";

/**
 * The places of a playlist that an origin has just not waited for, whatever it said: with each goes all that lies ahead of
 * it. Who makes places up has the origin asked for few of them; and the place before all those is asked for as ever.
 */
export class RefusedReloads {
  readonly #length: number;
  #refused: { readonly least: Position; readonly until: UnixMilliseconds }[] = [];

  /** `length` is how long a place is not asked for again, in milliseconds. */
  constructor(length: number) {
    this.#length = length;
  }

  add(least: Position, now: UnixMilliseconds): void {
    // Of those that are ahead of this one, all end sooner.
    this.#refused = this.#refused.filter((one) => one.until > now && isBefore(one.least, least));
    this.#refused.push({ least, until: unixMilliseconds(now + this.#length) });
  }

  has(least: Position, now: UnixMilliseconds): boolean {
    return this.#refused.some((one) => one.until > now && !isBefore(least, one.least));
  }
}

/** A whole segment comes behind all of its parts. */
function isBefore(one: Position, other: Position): boolean {
  if (one.segment !== other.segment) return one.segment < other.segment;
  return (one.part ?? Number.POSITIVE_INFINITY) < (other.part ?? Number.POSITIVE_INFINITY);
}
