/** Strings, structural characters, and the values in between. */
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

interface Span {
  readonly start: number;
  readonly end: number;
}

interface AssetList {
  /** The text between the brackets. */
  readonly inside: Span;
  readonly items: readonly Span[];
}

/**
 * A catalog's text with an asset in place of the one at `index`, or appended if `index` is undefined. All other bytes
 * stay, so a catalog under version control shows one change. `text` must be valid JSON with a list `assets`.
 */
export function withAsset(text: string, index: number | undefined, asset: unknown): string {
  const { inside, items } = assetList(text);
  const replaced = index === undefined ? undefined : items[index];
  if (replaced !== undefined) return splice(text, replaced, written(asset, indentAt(text, replaced.start)));
  const last = items.at(-1);
  if (last !== undefined) {
    const indent = indentAt(text, last.start);
    const between = indent === undefined ? ", " : `,\n${indent}`;
    return splice(text, { start: last.end, end: last.end }, between + written(asset, indent));
  }
  if (!text.includes("\n")) return splice(text, inside, written(asset, undefined));
  const outer = /^\s*/.exec(text.slice(text.lastIndexOf("\n", inside.start) + 1))?.[0] ?? "";
  return splice(text, inside, `\n${outer}  ${written(asset, `${outer}  `)}\n${outer}`);
}

/** A catalog's text without the asset at `index`. All other bytes stay. */
export function withoutAsset(text: string, index: number): string {
  const { inside, items } = assetList(text);
  const [before, own, behind] = [items[index - 1], items[index], items[index + 1]];
  if (own === undefined) return text;
  if (behind !== undefined) return splice(text, { start: own.start, end: behind.start }, "");
  return splice(text, before === undefined ? inside : { start: before.end, end: own.end }, "");
}

function splice(text: string, { start, end }: Span, by: string): string {
  return text.slice(0, start) + by + text.slice(end);
}

/** The indentation of a token that is first in its line; undefined for others. */
function indentAt(text: string, start: number): string | undefined {
  const line = text.lastIndexOf("\n", start);
  const before = text.slice(line + 1, start);
  return line >= 0 && /^\s*$/.test(before) ? before : undefined;
}

function written(asset: unknown, indent: string | undefined): string {
  return indent === undefined ? JSON.stringify(asset) : JSON.stringify(asset, null, 2).replaceAll("\n", `\n${indent}`);
}

/** The position of the assets in the text. Of two members with that name the last counts, as for `JSON.parse`. */
function assetList(text: string): AssetList {
  let found: AssetList = { inside: { start: 0, end: 0 }, items: [] };
  let open: { readonly start: number; readonly items: Span[] } | undefined;
  let item: Span | undefined;
  let depth = 0;
  let name = "";
  let last = "";
  for (const { 0: token, index: at } of text.matchAll(tokens)) {
    if (token === "}" || token === "]") depth--;
    if (open === undefined) {
      if (depth === 1 && token === ":") name = JSON.parse(last);
      if (depth === 1 && token === "[" && name === "assets") open = { start: at + 1, items: [] };
    } else if (depth > 2 || (depth === 2 && token !== ",")) {
      item = { start: item?.start ?? at, end: at + token.length };
    } else {
      if (item !== undefined) open.items.push(item);
      item = undefined;
      if (depth === 1) {
        found = { inside: { start: open.start, end: at }, items: open.items };
        open = undefined;
      }
    }
    if (token === "{" || token === "[") depth++;
    last = token;
  }
  return found;
}
