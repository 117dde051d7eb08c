/** A viewer's URL in the four sections that CloudFront compares ("Values that you specify…", Wildcard characters). */
export type UrlSections = {
  readonly scheme: string;
  readonly host: string;
  /** From its first slash on, as it came over the wire. */
  readonly path: string;
  /** Without the question mark; undefined where the URL has none. */
  readonly query: string | undefined;
};

/** What a resource may begin with; `http*` matches what `*` does. */
const schemes = ["http", "https", "*", "http*"];

const anyNumber = -1;
const exactlyOne = -2;
const queryBegins = -3;

/**
 * Whether the Resource of a custom policy covers a URL ("Values that you specify in the policy statement for a signed URL
 * that uses a custom policy").
 *
 * - `*` matches any number of characters and `?` one, both within a section alone: an asterisk in the path reaches over
 *   slashes, but not into the query.
 * - An asterisk at the end of the path also covers any query; one at the end of the host any path and query.
 * - The question mark that begins a query is not escaped in a Resource, so a `?` matches that one too. `\?` matches only
 *   that one.
 * - Without a scheme the Resource begins with `*`, and any scheme matches. `*` alone matches every URL.
 *
 * Characters are compared as they stand: nothing is decoded, and case counts.
 */
export function resourceCovers(resource: string, url: UrlSections): boolean {
  if (resource === "*") return true;
  const schemeEnd = resource.indexOf("://");
  if (schemeEnd < 0 && !resource.startsWith("*")) return false;
  const scheme = schemeEnd < 0 ? "*" : resource.slice(0, schemeEnd);
  if (!schemes.includes(scheme) || !matches(pattern(scheme), url.scheme, -1)) return false;
  const rest = schemeEnd < 0 ? resource : resource.slice(schemeEnd + 3);
  const slash = rest.indexOf("/");
  const host = slash < 0 ? rest : rest.slice(0, slash);
  const path = slash >= 0 ? rest.slice(slash) : host.endsWith("*") ? "/*" : "/";
  if (!matches(pattern(host), url.host, -1)) return false;
  return url.query === undefined
    ? matches(pattern(path), url.path, -1)
    : matches(pattern(path), `${url.path}?${url.query}`, url.path.length);
}

function pattern(text: string): readonly number[] {
  const tokens: number[] = [];
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    if (character === "*") tokens.push(anyNumber);
    else if (character === "?") tokens.push(exactlyOne);
    else if (character === "\\" && text.charAt(i + 1) === "?") {
      tokens.push(queryBegins);
      i++;
    } else tokens.push(text.charCodeAt(i));
  }
  return tokens;
}

/**
 * Follows all ways through the pattern at once, so it takes one step a token and character however many asterisks there
 * are. `border` is where the text's query begins, or -1: only the pattern's last asterisk reaches over it.
 */
function matches(tokens: readonly number[], text: string, border: number): boolean {
  let here = new Uint8Array(tokens.length + 1);
  let next = new Uint8Array(tokens.length + 1);
  here[0] = 1;
  passOver(anyNumber, tokens, here);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    next.fill(0);
    for (let i = 0; i < tokens.length; i++) {
      if (here[i] === 0) continue;
      const token = tokens[i];
      if (token === anyNumber) {
        if (at !== border || i === tokens.length - 1) next[i] = 1;
      } else if (token === code || token === exactlyOne || (token === queryBegins && at === border)) next[i + 1] = 1;
    }
    passOver(anyNumber, tokens, next);
    [here, next] = [next, here];
  }
  // A URL without a query is as one with an empty query: `hello*` stands for `hello*\?*`, and matches both.
  if (border < 0) {
    passOver(queryBegins, tokens, here);
    passOver(anyNumber, tokens, here);
  }
  return here[tokens.length] === 1;
}

/** Marks what can be reached without a character, where `token` may match nothing. */
function passOver(token: number, tokens: readonly number[], reached: Uint8Array): void {
  for (let i = 0; i < tokens.length; i++) if (reached[i] === 1 && tokens[i] === token) reached[i + 1] = 1;
}
