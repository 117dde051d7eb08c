import { isUnixSeconds, type UnixSeconds } from "./seconds.ts";

const dateTime =
  /^(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.\d{1,9})?(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/**
 * The point in time that a text of RFC 3339 §5.6 names, such as `2026-12-01T20:00:00+01:00`; a fraction of a second is cut
 * off. Undefined for anything else, among it a time without an offset, which means another one at every reader's, a day
 * that the month does not have, a leap second, and what lies outside 1970 to 9999.
 */
export function readRfc3339(text: string): UnixSeconds | undefined {
  const found = dateTime.exec(text);
  if (found === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = found.slice(1, 7).map(Number);
  const local = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // Date carries the 30th of February over into March.
  if (local.getUTCFullYear() !== year || local.getUTCMonth() !== month - 1 || local.getUTCDate() !== day)
    return undefined;
  const [, , , , , , , sign, hours = "0", minutes = "0"] = found;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60 * (sign === "-" ? -1 : 1);
  const time = local.getTime() / 1000 - offset;
  return isUnixSeconds(time) ? time : undefined;
}
