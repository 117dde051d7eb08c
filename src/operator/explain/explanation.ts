import { extensionOf, type OriginFile } from "../../base/alias.ts";
import { addressText } from "../../base/ip-address.ts";
import type { Refusal, RefusalCode } from "../../base/result.ts";
import { rfc3339, type UnixSeconds } from "../../base/time.ts";
import type { Binding } from "../../sessions/client-network.ts";
import type { BoundNetwork } from "../../signing/grant.ts";

/**
 * How the service handles a URL, a grant, a token or a start, and why, step by step. It contains no secret, grant,
 * signature or token.
 */
export interface Explanation {
  readonly kind: "media" | "cloudfront" | "grant" | "token" | "start";
  /** `renewed`: an expired but authentic URL, which is redirected to a fresh one. */
  readonly verdict: "served" | "renewed" | "accepted" | "refused";
  /** The refusal of the check itself. */
  readonly refusal: Refusal | undefined;
  /** The access that is granted, in words. */
  readonly grants: string | undefined;
  /** In the order of the checks. The first step that fails determines the refusal. */
  readonly steps: readonly Step[];
}

export interface Step {
  /** The thing that was checked, in a word or two. */
  readonly part: string;
  /** `info`: for information, or impossible to check because an earlier step failed. */
  readonly state: "pass" | "fail" | "info";
  readonly text: string;
  /** The code that a request would be refused with at this step. */
  readonly code: RefusalCode | undefined;
}

export function passes(part: string, text: string): Step {
  return { part, state: "pass", text, code: undefined };
}

export function info(part: string, text: string): Step {
  return { part, state: "info", text, code: undefined };
}

export function fails(part: string, code: RefusalCode, text: string): Step {
  return { part, state: "fail", text, code };
}

/** `2026-11-21T20:00:00Z (in 5 min)`. */
export function when(time: UnixSeconds, now: UnixSeconds): string {
  if (time === now) return `${rfc3339(time)} (now)`;
  return `${rfc3339(time)} (${time > now ? `in ${duration(time - now)}` : `${duration(now - time)} ago`})`;
}

/** In the two largest units: `5 h 58 min`. */
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

const maxShown = 64;
const maxName = 20;

/**
 * Untrusted text for a terminal: shortened, and printable ASCII only. Control and bidi characters could move the cursor
 * or reverse the line, and so forge a verdict.
 */
export function shown(text: string): string {
  return JSON.stringify(cut(text, maxShown)).replace(/[^\x20-\x7e]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}

/**
 * A canonical path with long segments cut: one may be a misplaced grant. What follows `~/` is not shown, wherever it
 * is: an alias may contain a secret of the origin, and in a damaged URL it need not be directly below the asset.
 */
export function shownPath(path: string): string {
  const segments = path.split("/").map((segment) => cut(segment, maxShown));
  const mark = segments.indexOf("~");
  if (mark < 0 || mark === segments.length - 1) return segments.join("/");
  const extension = extensionOf(path);
  return `${segments.slice(0, mark + 1).join("/")}/...${extension === "" ? "" : `.${extension}`}`;
}

/**
 * The names of a query's parameters. Values may be secrets of the origin. Names are cut, since a piece of a signature
 * may look like one.
 */
export function parameterNames(query: string): string {
  const names = query.split("&").map((pair) => pair.split("=", 1)[0] ?? "");
  return [...new Set(names)]
    .slice(0, 8)
    .map((name) => shown(cut(name, maxName)))
    .join(", ");
}

/** An alias's origin file. Of parameters in the path (`;token=...`) and the query it shows only the names. */
export function shownFile({ path, query }: OriginFile): string {
  const segments = path.split("/").map((segment) => {
    const equals = segment.indexOf("=");
    return cut(equals < 0 ? segment : `${segment.slice(0, equals)}=...`, maxShown);
  });
  return segments.join("/") + (query === "" ? "" : ` with the parameters ${parameterNames(query)}`);
}

/** `bound to the network 192.0.2.0/24 and to one user agent`; undefined if a grant is not bound. */
export function bindingWords({ network, userAgent }: Binding): string | undefined {
  const bound = [
    ...(network === undefined ? [] : [networkWords(network)]),
    ...(userAgent === undefined ? [] : ["one user agent"]),
  ];
  return bound.length === 0 ? undefined : `bound to ${bound.join(" and to ")}`;
}

/** `the network 192.0.2.0/24`, or `the address 2001:db8:0:0:0:0:0:1`. */
function networkWords({ family, bits, bytes }: BoundNetwork): string {
  const address = addressText(bytes, family);
  return bits === bytes.length * 8 ? `the address ${address}` : `the network ${address}/${bits}`;
}

function cut(text: string, max: number): string {
  return text.length > max ? `${text.slice(0, max / 2)}...` : text;
}
