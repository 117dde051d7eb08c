import { styleText } from "node:util";
import { isUnixSeconds, type Seconds, seconds, systemClock, type UnixSeconds } from "../../src/base/time.ts";
import { endMisused, type Given } from "./command.ts";

/** Rows in columns that are as wide as their widest cell, two blanks apart; no blank at a line's end. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length);
  return rows
    .map((row) =>
      row
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** A text in a colour where standard output is a terminal that wants one (it may say NO_COLOR), plain elsewhere. */
export function coloured(colour: "green" | "red" | "gray", text: string): string {
  return styleText(colour, text, { stream: process.stdout });
}

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
