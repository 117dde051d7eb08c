import { isUnixSeconds, type Seconds, seconds, systemClock, type UnixSeconds } from "../../src/base/seconds.ts";
import type { Given } from "./command.ts";
import { endMisused } from "./outcome.ts";

const unitSeconds: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** A length of time as an option gives it: `900`, `900s`, `15m`, `8h`, `2d`. */
export function readDuration(option: string, text: string): Seconds {
  const [, digits = "", unit = ""] = /^(\d{1,9})([smhd]?)$/.exec(text) ?? [];
  const value = Number(digits) * (unitSeconds[unit] ?? 0);
  return value >= 1 && isUnixSeconds(value)
    ? seconds(value)
    : endMisused(`--${option} takes a length of time of at least a second, such as 900, 15m, 8h or 2d.`);
}

/** A point in time as an option gives it: `now`, `+8h` from now, Unix seconds, or RFC 3339. */
export function readTime(option: string, text: string): UnixSeconds {
  const time = timeOf(option, text);
  return isUnixSeconds(time)
    ? time
    : endMisused(`--${option} takes a time, such as now, +8h, 1795000000 or 2026-11-18T11:06:40Z.`);
}

/** A key's window as `--nbf` and `--exp` give it. */
export function readWindow(given: Given): {
  readonly nbf: UnixSeconds | undefined;
  readonly exp: UnixSeconds | undefined;
} {
  const [nbf, exp] = ["nbf", "exp"].map((option) => {
    const text = given.one(option);
    return text === undefined ? undefined : readTime(option, text);
  });
  if (nbf !== undefined && exp !== undefined && exp <= nbf) endMisused("--exp has to come after --nbf.");
  return { nbf, exp };
}

function timeOf(option: string, text: string): number {
  if (text === "now") return systemClock();
  if (text.startsWith("+")) return systemClock() + readDuration(option, text.slice(1));
  if (/^\d{1,12}$/.test(text)) return Number(text);
  const rfc3339 = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
  return rfc3339.test(text) ? Math.floor(Date.parse(text) / 1000) : Number.NaN;
}
