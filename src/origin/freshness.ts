import { readDecimal } from "../base/encoding.ts";
import { type Seconds, seconds, type UnixSeconds } from "../base/time.ts";

/** The headers by which an origin says how long its response may be kept. They are for our cache, and not passed on. */
export const cachingHeaders = ["Cache-Control", "Age", "Expires", "Date", "Vary"] as const;

/**
 * How long a shared cache may keep a response by what its origin says (RFC 9111), counted from now: 0 if not at all,
 * undefined if the origin says nothing.
 *
 * - `no-store`, `private` and `no-cache` are 0, also where they name fields: a cache may read them so (§5.2.2.4,
 *   §5.2.2.7).
 * - `s-maxage` goes before `max-age`, and that before `Expires`. `Age` counts against all three (§4.2).
 * - A lifetime that is malformed is 0, and of several the shortest counts (§4.2.1).
 * - `Date` is used with `Expires` alone. An origin whose clock is slow would otherwise have nothing kept (§4.2.3).
 *
 * @example `Cache-Control: public, s-maxage=30` with `Age: 10` is 20.
 */
export function statedFreshness(headers: Headers, now: UnixSeconds): Seconds | undefined {
  const directives = directivesOf(headers.get("Cache-Control") ?? "");
  if (directives === undefined || ["no-store", "private", "no-cache"].some((name) => directives.has(name)))
    return seconds(0);
  const lifetime = directives.get("s-maxage") ?? directives.get("max-age") ?? untilExpires(headers, now);
  if (lifetime === undefined) return undefined;
  // An Age that is no number says nothing (§5.1).
  const age = readDecimal(headers.get("Age")?.split(",")[0]?.trim() ?? "") ?? 0;
  return seconds(Math.max(0, lifetime - age));
}

/**
 * Whether a response is valid for its own request only (RFC 9110 §12.5.5): `Vary: *`. All other fields of `Vary` are
 * the same in all our requests, because no header of a viewer is forwarded.
 */
export function variesOnEverything(headers: Headers): boolean {
  return (headers.get("Vary") ?? "").split(",").some((field) => field.trim() === "*");
}

/** The directives by name in lower case, each with the shortest time that it was given; 0 where it has none. */
function directivesOf(header: string): ReadonlyMap<string, number> | undefined {
  const members = membersOf(header);
  if (members === undefined) return undefined;
  const directives = new Map<string, number>();
  for (const member of members) {
    const equals = member.indexOf("=");
    const name = (equals < 0 ? member : member.slice(0, equals)).trim().toLowerCase();
    const time = equals < 0 ? 0 : deltaSeconds(member.slice(equals + 1).trim());
    directives.set(name, Math.min(time, directives.get(name) ?? time));
  }
  return directives;
}

/**
 * The text between the commas, except those in quotation marks; undefined if these do not end: they may hide a
 * no-store.
 */
function membersOf(header: string): readonly string[] | undefined {
  const members: string[] = [];
  let from = 0;
  let quoted = false;
  for (let i = 0; i < header.length; i++) {
    const character = header.charAt(i);
    if (character === '"') quoted = !quoted;
    else if (quoted && character === "\\") i++;
    else if (character === "," && !quoted) {
      members.push(header.slice(from, i));
      from = i + 1;
    }
  }
  return quoted ? undefined : [...members, header.slice(from)];
}

/** A number of seconds (RFC 9111 §1.2.2), also in quotation marks; 0 for anything else. A very large one has no end. */
function deltaSeconds(text: string): number {
  const digits = text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
  return readDecimal(digits) ?? (/^\d{16,}$/.test(digits) ? Number.MAX_SAFE_INTEGER : 0);
}

function untilExpires(headers: Headers, now: UnixSeconds): number | undefined {
  const expires = headers.get("Expires");
  if (expires === null) return undefined;
  const sentAt = Date.parse(headers.get("Date") ?? "");
  const until = (Date.parse(expires) - (Number.isNaN(sentAt) ? 1000 * now : sentAt)) / 1000;
  // What is no date has passed (§5.3): origins write 0 or -1.
  return until > 0 ? Math.floor(until) : 0;
}
