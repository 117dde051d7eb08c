import { styleText } from "node:util";
import { isUnixSeconds, rfc3339, type Seconds, seconds, systemClock, type UnixSeconds } from "../../src/base/time.ts";
import { assetIdSchema } from "../../src/catalog/asset.ts";
import { idForm } from "../../src/sessions/identifiers.ts";
import { type Args, endInvalid, endMisused, shownWord } from "./command.ts";

/** Formats rows as aligned columns, two spaces apart, without trailing spaces. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Colours a text if standard output is a terminal and NO_COLOR is not set. */
export function coloured(colour: "green" | "red" | "gray", text: string): string {
  return styleText(colour, text, { stream: process.stdout });
}

/** A heading: bold if standard output is a terminal and NO_COLOR is not set. */
export function bold(text: string): string {
  return styleText("bold", text, { stream: process.stdout });
}

const unitSeconds: Readonly<Record<string, number>> = { "": 1, s: 1, m: 60, h: 3600, d: 86_400 };

/** The duration in an option: `900`, `900s`, `15m`, `8h`, `2d`. */
export function readDuration(option: string, text: string): Seconds {
  const [, digits = "", unit = ""] = /^(\d{1,9})([smhd]?)$/.exec(text) ?? [];
  const value = Number(digits) * (unitSeconds[unit] ?? 0);
  return value >= 1 && isUnixSeconds(value)
    ? seconds(value)
    : endInvalid(option, text, "a duration of at least one second, such as 900, 15m, 8h or 2d");
}

/** The time in an option: `now`, `+8h` from now, Unix seconds, or RFC 3339. */
export function readTime(option: string, text: string): UnixSeconds {
  const time = timeOf(option, text);
  return isUnixSeconds(time)
    ? time
    : endInvalid(option, text, "a time, such as now, +8h, 1795000000 or 2026-11-18T11:06:40Z");
}

/** The time in an option, which must be in the future. */
export function readFuture(option: string, text: string): UnixSeconds {
  const time = readTime(option, text);
  const now = systemClock();
  return time > now
    ? time
    : endInvalid(
        option,
        text,
        `later than now (${rfc3339(now)}), such as +8h, ${now + 28_800} or 2027-01-01T00:00:00Z`,
      );
}

/** The session id in --session. */
export function readSessionId(text: string): string {
  return idForm.test(text)
    ? text
    : endMisused(
        `--session must be a session's id, 22 characters of A-Z a-z 0-9 - _, not ${shownWord(text)}: a start returns it as sessionId, and \`npx stagedoor sessions\` lists those that run.`,
      );
}

/** The validity of a key in `--nbf` and `--exp`. */
export function readWindow(args: Args): {
  readonly nbf: UnixSeconds | undefined;
  readonly exp: UnixSeconds | undefined;
} {
  const [from, to] = [args.value("nbf"), args.value("exp")];
  const nbf = from === undefined ? undefined : readTime("nbf", from);
  const exp = to === undefined ? undefined : readTime("exp", to);
  if (nbf !== undefined && exp !== undefined && exp <= nbf)
    endMisused(`--exp must be later than --nbf: ${rfc3339(exp)} is not later than ${rfc3339(nbf)}.`);
  if (to !== undefined) readFuture("exp", to);
  return { nbf, exp };
}

function timeOf(option: string, text: string): number {
  if (text === "now") return systemClock();
  if (text.startsWith("+")) return systemClock() + readDuration(option, text.slice(1));
  if (/^\d{1,12}$/.test(text)) return Number(text);
  const form = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
  return form.test(text) ? Math.floor(Date.parse(text) / 1000) : Number.NaN;
}

/** Ids of assets separated by commas, or `*` for all. */
export function readAssetIds(text: string): readonly string[] | "*" {
  if (text === "*") return "*";
  const ids = text.split(",");
  return ids.every((id) => assetIdSchema.safeParse(id).success)
    ? ids
    : endInvalid("assets", text, "ids of assets separated by commas, such as vod-ts,vod-aes, or * for all");
}

/** Scopes separated by single spaces (RFC 6749 §3.3). */
export function readScope(text: string): string {
  return /^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(text)
    ? text
    : endInvalid("scope", text, "scopes separated by single spaces, such as stream:play");
}
