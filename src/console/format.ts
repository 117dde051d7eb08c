import { isCountry } from "../base/country.ts";
import { rfc3339, type UnixSeconds } from "../base/time.ts";
import { duration } from "../operator/explain/explanation.ts";

/** `12 s ago`, `in 5 h 59 min`, `now`; without seconds from one minute on. */
export function relativeTime(at: UnixSeconds, now: UnixSeconds): string {
  if (at === now) return "now";
  const away = Math.abs(now - at);
  const words = duration(away < 60 ? away : away - (away % 60));
  return at < now ? `${words} ago` : `in ${words}`;
}

/** `2026-11-21 20:00:00 UTC`, as in a log. */
export function utcTime(at: UnixSeconds): string {
  return rfc3339(at).replace("T", " ").replace("Z", " UTC");
}

const names = new Intl.DisplayNames(["en"], { type: "region" });

/** Undefined for `XX` and other codes without a country. */
export function countryName(country: string): string | undefined {
  return isCountry(country) ? (names.of(country) ?? country) : undefined;
}
