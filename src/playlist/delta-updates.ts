import { attributeList } from "./attributes.ts";

const offers: ReadonlySet<string> = new Set(["CAN-SKIP-UNTIL", "CAN-SKIP-DATERANGES"]);

/** What stands from `start` to `end` is to become `written`. */
interface Change {
  readonly start: number;
  readonly end: number;
  readonly written: string;
}

/**
 * What to write over an EXT-X-SERVER-CONTROL, whose attribute list stands in `text` from `from` to `to`, so that it offers
 * no delta updates (RFC 8216bis §4.4.3.8). Other attributes keep their bytes. A list that nothing would be left of, or that
 * has no one reading, makes the line a comment: without the tag a server offers nothing. Undefined where nothing is to do.
 */
export function withoutDeltaUpdates(text: string, from: number, to: number): Change | undefined {
  const list = attributeList(text, from, to);
  if (list.ok && !list.value.some(({ name }) => offers.has(name))) return undefined;
  const others = list.ok ? list.value.filter(({ name }) => !offers.has(name)) : [];
  const start = text.lastIndexOf("#", from);
  if (others.length === 0) return { start, end: to, written: "# no delta updates" };
  const written = others.map(({ name, start, end, quoted }) => {
    const value = text.slice(start, end);
    return `${name}=${quoted ? `"${value}"` : value}`;
  });
  return { start: from, end: to, written: written.join(",") };
}
