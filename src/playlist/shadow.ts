import type { Refusal } from "../base/refusal.ts";
import type { Line } from "./lines.ts";
import { type Place, resolve } from "./reference.ts";
import { type UriRole, uriAttributes } from "./tags.ts";
import { substitute } from "./variables.ts";

/**
 * Some players look for tags anywhere in a line, even in a comment, and take what follows an odd EXTINF for a URI (hls.js
 * does both). Such a URI is no URI by the specification, so it keeps its bytes, and a player that fetches it from the
 * media host gets a 403. What must not happen is that it leads to another host: that is refused like a plain one.
 */
export function shadowFault(
  text: string,
  line: Line,
  place: Place,
  variables: ReadonlyMap<string, string>,
): Refusal | undefined {
  if (line.kind === "blank") return undefined;
  if (line.kind === "tag" && line.name === "#EXTINF") {
    const rest = behindDuration(text, line.value, line.end);
    const fault = rest === undefined ? undefined : foreign(rest, "segment", place, variables);
    if (fault !== undefined) return fault;
  }
  const inside = text.slice(line.start + 1, line.end);
  if (!inside.includes("#EXT-X-")) return undefined;
  for (const [tag, roles] of uriAttributes) {
    const found = inside.indexOf(`${tag}:`);
    if (found < 0) continue;
    for (const [attribute, role] of roles) {
      const fault = foreignValue(inside, found + tag.length + 1, attribute, role, place, variables);
      if (fault !== undefined) return fault;
    }
  }
  return undefined;
}

function foreignValue(
  text: string,
  from: number,
  attribute: string,
  role: UriRole,
  place: Place,
  variables: ReadonlyMap<string, string>,
): Refusal | undefined {
  const opening = `${attribute}=`;
  for (let at = text.indexOf(opening, from); at >= 0; at = text.indexOf(opening, from)) {
    const quoted = text.charAt(at + opening.length) === '"';
    const start = at + opening.length + (quoted ? 1 : 0);
    const close = text.indexOf(quoted ? '"' : ",", start);
    from = close < 0 ? text.length : close;
    const fault = foreign(text.slice(start, from), role, place, variables);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function foreign(
  written: string,
  role: UriRole,
  place: Place,
  variables: ReadonlyMap<string, string>,
): Refusal | undefined {
  const uri = substitute(written, variables);
  const resolved = resolve((uri.ok ? uri.value : written).trim(), role, place);
  return !resolved.ok && resolved.refusal.code === "uri_foreign" ? resolved.refusal : undefined;
}

/** What stands behind an EXTINF's number where no comma follows it, or undefined. */
function behindDuration(text: string, from: number, to: number): string | undefined {
  let i = from;
  while (i < to && " \t0123456789.".includes(text.charAt(i))) i++;
  if (i === to || text.charAt(i) === ",") return undefined;
  return text.slice(i, to);
}
