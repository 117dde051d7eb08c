import { isCountry } from "../base/country.ts";
import { rfc3339, type UnixSeconds } from "../base/time.ts";
import { duration } from "../operator/explain/explanation.ts";

/** When something was, or will be, with no seconds past the first minute: `12 s ago`, `in 5 h 59 min`, `now`. */
export function awayWords(at: UnixSeconds, now: UnixSeconds): string {
  if (at === now) return "now";
  const away = Math.abs(now - at);
  const words = duration(away < 60 ? away : away - (away % 60));
  return at < now ? `${words} ago` : `in ${words}`;
}

/** For people who read a log beside it: `2026-11-21 20:00:00 UTC`. */
export function utcWords(at: UnixSeconds): string {
  return rfc3339(at).replace("T", " ").replace("Z", " UTC");
}

const names = new Intl.DisplayNames(["en"], { type: "region" });

/** A country's name; undefined for `XX` and what else is none. */
export function placeWords(country: string): string | undefined {
  return isCountry(country) ? (names.of(country) ?? country) : undefined;
}

/** `1 session`, `1,204 sessions`. */
export function countWords(count: number, one: string, many = `${one}s`): string {
  return `${numberWords(count)} ${count === 1 ? one : many}`;
}

export function numberWords(count: number): string {
  return count.toLocaleString("en");
}
