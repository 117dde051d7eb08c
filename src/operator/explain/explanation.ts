import { extensionOf, type OriginFile } from "../../base/alias.ts";
import type { Refusal, RefusalCode } from "../../base/result.ts";
import { rfc3339, type UnixSeconds } from "../../base/time.ts";
import type { BoundNetwork } from "../../signing/grant-claims.ts";

/**
 * What the service does with a URL, a grant, a token or a start, and why, step by step. It holds no secret, grant, signature or
 * token.
 */
export interface Explanation {
  readonly kind: "media" | "cloudfront" | "grant" | "token" | "start";
  /** `renewed`: an authentic URL that has ended, and is answered with a redirect to a fresh one. */
  readonly verdict: "served" | "renewed" | "accepted" | "refused";
  /** Why not, where it is refused: what the check itself said. */
  readonly refusal: Refusal | undefined;
  /** What is granted, in words; undefined where nothing is. */
  readonly grants: string | undefined;
  /** In the order of the check: the first step that fails is the one that the refusal names. */
  readonly steps: readonly Step[];
}

export interface Step {
  /** What was looked at, in a word or two. */
  readonly part: string;
  /** `told`: said for information, or not to be judged since something before it does not hold. */
  readonly state: "holds" | "fails" | "told";
  readonly text: string;
  /** What a request that fails here is refused with. */
  readonly code: RefusalCode | undefined;
}

export function holds(part: string, text: string): Step {
  return { part, state: "holds", text, code: undefined };
}

export function told(part: string, text: string): Step {
  return { part, state: "told", text, code: undefined };
}

export function fails(part: string, code: RefusalCode, text: string): Step {
  return { part, state: "fails", text, code };
}

/** A point in time for people: `2026-11-21T20:00:00Z (in 5 min)`. */
export function when(time: UnixSeconds, now: UnixSeconds): string {
  if (time === now) return `${rfc3339(time)} (now)`;
  return `${rfc3339(time)} (${time > now ? `in ${duration(time - now)}` : `${duration(now - time)} ago`})`;
}

/** A length of time in its two largest units: `5 h 58 min`. */
export function duration(seconds: number): string {
  const units = [
    [86_400, "d"],
    [3_600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const;
  const largest = units.findIndex(([size]) => seconds >= size);
  const parts: string[] = [];
  let left = seconds;
  for (const [size, name] of units.slice(largest < 0 ? 3 : largest).slice(0, 2)) {
    const count = Math.floor(left / size);
    left -= count * size;
    if (count > 0) parts.push(`${count} ${name}`);
  }
  return parts.join(" ") || "0 s";
}

const longestShown = 64;
const longestName = 20;

/**
 * A stranger's text for a terminal: short, and in printable ASCII alone. What else it holds could move the cursor or
 * turn the line around, and so write a verdict of its own.
 */
export function shown(text: string): string {
  return JSON.stringify(cut(text, longestShown)).replace(/[^\x20-\x7e]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/**
 * A canonical path. A grant that a change has pushed into it is cut, and so is an alias, which may hold a secret of the
 * origin.
 */
export function shownPath(path: string): string {
  const [, asset, mark] = path.split("/", 3);
  if (mark === "~") {
    const extension = extensionOf(path);
    return `/${cut(asset ?? "", longestShown)}/~/...${extension === "" ? "" : `.${extension}`}`;
  }
  return path
    .split("/")
    .map((segment) => cut(segment, longestShown))
    .join("/");
}

/** The names of a query's parameters. A value may be a secret of the origin, so none is shown; a part of a signature may pass for a name. */
export function parameterNames(query: string): string {
  const names = query.split("&").map((pair) => pair.split("=", 1)[0] ?? "");
  return [...new Set(names)]
    .slice(0, 8)
    .map((name) => shown(cut(name, longestName)))
    .join(", ");
}

/** What an alias stands for. Of what looks like a parameter, in the path or in the query, it shows the name alone. */
export function shownFile({ path, query }: OriginFile): string {
  const segments = path.split("/").map((segment) => {
    const equals = segment.indexOf("=");
    return cut(equals < 0 ? segment : `${segment.slice(0, equals)}=...`, longestShown);
  });
  return segments.join("/") + (query === "" ? "" : ` with the parameters ${parameterNames(query)}`);
}

/** `the network 192.0.2.0/24`, or `the address 2001:db8:0:0:0:0:0:1`. */
export function networkWords({ family, bits, bytes }: BoundNetwork): string {
  const groups: string[] = [];
  for (let i = 0; i < bytes.length; i += 2) groups.push((((bytes[i] ?? 0) << 8) | (bytes[i + 1] ?? 0)).toString(16));
  const address = family === 4 ? bytes.join(".") : groups.join(":");
  return bits === bytes.length * 8 ? `the address ${address}` : `the network ${address}/${bits}`;
}

function cut(text: string, longest: number): string {
  return text.length > longest ? `${text.slice(0, longest / 2)}...` : text;
}
