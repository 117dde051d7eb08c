import { ok, type Refusal, type Result, refusal, refuse } from "../base/result.ts";
import { type Attribute, attributeList, attributeText } from "./attributes.ts";
import type { Use } from "./expiry-plan.ts";
import { emptiesGroup, type LeftOut, leftOutReason, optionalTags } from "./left-out.ts";
import { endsLinesWithCr, type Line, lineEnd, linesOf } from "./lines.ts";
import type { PlaylistKind } from "./playlist-kind.ts";
import { doubtfulList, isReadOtherwise } from "./readings.ts";
import { type Place, resolve } from "./reference.ts";
import { brokenTagFault, longLineFault, shadowFault } from "./shadow.ts";
import { purposeOf, type UriRole, uriAttributes } from "./tags.ts";
import { Assembly } from "./template.ts";
import { Traits } from "./traits.ts";
import { define, substitute, type VariableSources, withValue } from "./variables.ts";

export interface ScanContext extends Place, VariableSources {
  /** Whether the playlist may still offer delta updates. */
  readonly deltaUpdates: boolean;
}

type ScanRefusal = Refusal<"playlist_invalid" | "playlist_too_large" | "uri_foreign">;

/** The URIs of a playlist, cut out of its text, and their uses. */
export interface Scan {
  readonly assembly: Assembly;
  readonly uses: readonly Use[];
  /** Per use: the index of its URL in the assembly. */
  readonly targets: readonly number[];
  readonly variables: ReadonlyMap<string, string>;
  readonly traits: Traits;
  readonly leftOut: readonly LeftOut[];
}

/** More URIs are refused: such a playlist is broken, and a worker's memory is limited. */
const mostUris = 130_000;

/** The most characters that variables may add to a playlist. */
const mostSubstituted = 8 * 1024 * 1024;

/**
 * Scans a playlist's lines once and opens a hole for each URI of the asset. In addition to the refusals of
 * {@link resolve}: `playlist_invalid` for a tag with an ambiguous URI that cannot be omitted, an invalid EXT-X-DEFINE,
 * or an undefined variable in a URI; `playlist_too_large` for too many URIs or too long variables.
 */
export function scan(text: string, kind: PlaylistKind, context: ScanContext): Result<Scan, ScanRefusal> {
  const scanner = new Scanner(text, kind, context);
  let number = 0;
  for (const line of linesOf(text)) {
    number++;
    const fault = scanner.read(line);
    if (fault !== undefined) return { ok: false, refusal: { ...fault, reason: `line ${number}: ${fault.reason}` } };
  }
  const longLine = longLineFault(text, context);
  if (longLine !== undefined) return { ok: false, refusal: longLine };
  const scanned = scanner.finish();
  if (scanned.leftOut.length > 0 && emptiesGroup(text, scanned.leftOut))
    return refusal("playlist_invalid", `a variant's group would be empty: ${leftOutReason(scanned.leftOut)}`);
  return ok(scanned);
}

class Scanner {
  readonly #text: string;
  /** The role of URI lines, even stray ones: players load them like their neighbours. */
  readonly #lineRole: UriRole;
  readonly #context: ScanContext;
  readonly #assembly: Assembly;
  readonly #uses: Use[] = [];
  readonly #targets: number[] = [];
  readonly #variables = new Map<string, string>();
  readonly #traits = new Traits();
  /** The current KEYs by KEYFORMAT (RFC 8216bis §4.4.4.4), and the current MAP. */
  readonly #keys = new Map<string, Use[]>();
  #maps: Use[] = [];
  #keyFormat = "";
  #segments = 0;
  /** Whether the next segment has parts so far. */
  #begun = false;
  #substituted = 0;
  /** At any position: players also replace variables in URIs before the tag. */
  readonly #definesVariables: boolean;
  readonly #withCr: boolean;
  readonly #leftOut: LeftOut[] = [];

  constructor(text: string, kind: PlaylistKind, context: ScanContext) {
    this.#text = text;
    this.#lineRole = kind === "multivariant" ? "playlist" : "segment";
    this.#context = context;
    this.#withCr = endsLinesWithCr(text);
    this.#definesVariables = text.includes("#EXT-X-DEFINE");
    this.#assembly = new Assembly(text);
  }

  read(line: Line): ScanRefusal | undefined {
    const shadow = shadowFault(this.#text, line, this.#context);
    if (shadow !== undefined) return shadow;
    if (line.kind === "uri") return this.#uriLine(line.start, line.end);
    return line.kind === "tag" ? this.#tag(line) : undefined;
  }

  finish(): Scan {
    for (const uses of this.#keys.values()) this.#end(uses);
    this.#end(this.#maps);
    this.#assembly.close();
    return {
      assembly: this.#assembly,
      uses: this.#uses,
      targets: this.#targets,
      variables: this.#variables,
      traits: this.#traits,
      leftOut: this.#leftOut,
    };
  }

  #uriLine(start: number, end: number): ScanRefusal | undefined {
    const fault = this.#uri(start, end, this.#lineRole, true);
    this.#traits.segment();
    this.#segments++;
    this.#begun = false;
    return fault;
  }

  #tag(line: Line & { readonly kind: "tag" }): ScanRefusal | undefined {
    const { name, value: from, end: to } = line;
    this.#traits.tag(name, this.#text, from, to);
    if (name === "#EXT-X-DEFINE") {
      const defined = define(this.#text, from, to, this.#variables, this.#context);
      if (!defined.ok) return refusal("playlist_invalid", defined.refusal).refusal;
      const written = this.#context.queryInUrl ? undefined : withValue(this.#text, from, to, this.#variables);
      if (written !== undefined) this.#assembly.replace(from, to, written);
      return undefined;
    }
    if (name === "#EXT-X-SERVER-CONTROL" && !this.#context.deltaUpdates) {
      const change = withoutDeltaUpdates(this.#text, from, to);
      if (change !== undefined) this.#assembly.replace(change.start, change.end, change.written);
    }
    const roles = uriAttributes.get(name);
    if (roles === undefined) return undefined;
    const list = this.#attributesOf(line, roles);
    if (!list.ok) return this.#leaveOut(line, list.refusal);
    const broken = brokenTagFault(this.#text, [from, to], list.value, roles, this.#context);
    if (broken !== undefined) return broken;
    const second = this.#secondUriFault(name, roles, list.value);
    if (second !== undefined) return this.#leaveOut(line, second);
    if (name === "#EXT-X-KEY") this.#endKeys(list.value);
    if (name === "#EXT-X-MAP") {
      this.#end(this.#maps);
      this.#maps = [];
    }
    if (name === "#EXT-X-PART") this.#begun = true;
    for (const attribute of list.value) {
      const role = roles.get(attribute.name);
      if (role === undefined) continue;
      const fault = this.#attribute(attribute, this.#roleIn(name, role, list.value));
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  /**
   * Why a rendition with two attributes of one name cannot be protected, where one of them cannot: players differ in
   * which they take, so it is left out. `URI="a.m3u8",URI="https://evil.example/b.m3u8"` leads hls.js to the second.
   */
  #secondUriFault(tag: string, roles: ReadonlyMap<string, UriRole>, list: readonly Attribute[]): string | undefined {
    if (!optionalTags.has(tag)) return undefined;
    const uris = list.filter(({ name }) => roles.has(name));
    if (new Set(uris.map(({ name }) => name)).size === uris.length) return undefined;
    for (const { name, start, end } of uris) {
      const uri = substitute(this.#text.slice(start, end), this.#variables);
      const role = roles.get(name);
      if (!uri.ok) return uri.refusal;
      const resolved = role === undefined ? undefined : resolve(uri.value, role, this.#context);
      if (resolved?.ok === false)
        return `it has two of an attribute, and one cannot be protected: ${resolved.refusal.reason}`;
    }
    return undefined;
  }

  /** The attributes of a tag with a URI, if all players agree, or why they do not. */
  #attributesOf(
    { name, value, end }: Line & { readonly kind: "tag" },
    roles: ReadonlyMap<string, UriRole>,
  ): Result<readonly Attribute[], string> {
    const list = attributeList(this.#text, value, end);
    if (!list.ok) {
      const doubtful = doubtfulList(this.#text, [value, end], roles, !optionalTags.has(name));
      return doubtful.ok ? doubtful : refuse(`${list.refusal}, and ${doubtful.refusal}`);
    }
    return isReadOtherwise(this.#text, [value, end], list.value, roles)
      ? refuse("players find different URIs in its attribute list")
      : list;
  }

  /** Omits an ambiguous rendition with its line. For any other tag, refuses the playlist. */
  #leaveOut({ name, start, end }: Line & { readonly kind: "tag" }, why: string): ScanRefusal | undefined {
    const reason = `${name.slice(1)}: ${why}`;
    if (!optionalTags.has(name)) return refusal("playlist_invalid", reason).refusal;
    this.#leftOut.push({ start, reason });
    const next = lineEnd(this.#text, end, this.#withCr);
    this.#assembly.replace(start, Math.min(next + 1, this.#text.length), "");
    return undefined;
  }

  #roleIn(tag: string, role: UriRole, list: readonly Attribute[]): UriRole {
    if (tag !== "#EXT-X-PRELOAD-HINT") return role;
    return attributeText(this.#text, list, "TYPE") === "MAP" ? "map-hint" : role;
  }

  #attribute({ start, end, quoted }: Attribute, role: UriRole): ScanRefusal | undefined {
    if (start === end) return undefined;
    if (!quoted && this.#text.charCodeAt(start) === 0x27)
      return refusal("playlist_invalid", "a URI is in single quotes").refusal;
    if (this.#text.slice(start, end).trim().length !== end - start)
      return refusal("playlist_invalid", "a URI begins or ends with an unusual space").refusal;
    return this.#uri(start, end, role, quoted);
  }

  /** `free`: commas and variables are allowed in the URI. In an unquoted value they would be ambiguous. */
  #uri(start: number, end: number, role: UriRole, free: boolean): ScanRefusal | undefined {
    const written = this.#text.slice(start, end);
    const uri = substitute(written, this.#variables);
    if (!uri.ok) return refusal("playlist_invalid", uri.refusal).refusal;
    const changed = uri.value !== written;
    if (changed) this.#substituted += uri.value.length;
    if (this.#substituted > mostSubstituted || this.#uses.length >= mostUris)
      return refusal("playlist_too_large", "it has too many or too long URIs").refusal;
    // Players trim more than blanks, like String.trim: a variable could add another host after such a space.
    if (changed && uri.value.trim() !== uri.value)
      return refusal("playlist_invalid", "a variable adds a space around a URI").refusal;
    const resolved = resolve(uri.value, role, this.#context);
    if (!resolved.ok) return resolved.refusal;
    // Shaka decodes %7B before it replaces variables: `%7B$a%7D/0.ts` would lead to another host there.
    const leaving = resolved.value.kind === "own" ? resolved.value.reference : uri.value;
    if (this.#definesVariables && /(?:\{|%7B)\$\w+(?:\}|%7D)/.test(leaving))
      return refusal("playlist_invalid", "a URI contains text that some players take for a variable").refusal;
    if (!free && (changed || (resolved.value.kind === "own" && resolved.value.reference.includes(","))))
      return refusal("playlist_invalid", "a URI without quotes contains a variable or a comma").refusal;
    if (resolved.value.kind === "passing") {
      if (!changed) return undefined;
      if (!isPlainUri(uri.value))
        return refusal("playlist_invalid", "a variable adds a character that is not allowed in a URI").refusal;
      this.#assembly.replace(start, end, uri.value);
      return undefined;
    }
    const { path, query, reference } = resolved.value;
    const target = this.#assembly.open(start, end, reference, { purpose: purposeOf(role, path), path, query });
    this.#use(role, target);
    return undefined;
  }

  #use(role: UriRole, target: number): void {
    const use: Use = { role, segment: this.#segments, until: this.#segments };
    this.#uses.push(use);
    this.#targets.push(target);
    if (role === "map") this.#maps.push(use);
    if (role === "key") this.#keys.get(this.#keyFormat)?.push(use);
  }

  /** A KEY replaces the previous one of its KEYFORMAT; METHOD=NONE ends all. */
  #endKeys(list: readonly Attribute[]): void {
    const format = attributeText(this.#text, list, "KEYFORMAT") ?? "identity";
    const none = attributeText(this.#text, list, "METHOD") === "NONE";
    for (const uses of none ? this.#keys.values() : [this.#keys.get(format) ?? []]) this.#end(uses);
    if (none) this.#keys.clear();
    else this.#keys.set(format, []);
    this.#keyFormat = format;
  }

  #end(uses: readonly Use[]): void {
    for (const use of uses) use.until = this.#segments + (this.#begun ? 1 : 0);
  }
}

/** Printable ASCII without characters that end a quoted value or are invalid in a URI (RFC 3986 appendix A). */
function isPlainUri(uri: string): boolean {
  for (let i = 0; i < uri.length; i++) {
    const code = uri.charCodeAt(i);
    if (code <= 0x20 || code > 0x7e || '"<>\\^`{|}'.includes(uri.charAt(i))) return false;
  }
  return true;
}

const offers: ReadonlySet<string> = new Set(["CAN-SKIP-UNTIL", "CAN-SKIP-DATERANGES"]);

/** Replaces the text from `start` to `end` by `written`. */
interface Change {
  readonly start: number;
  readonly end: number;
  readonly written: string;
}

/**
 * Removes the offer of delta updates (RFC 8216bis §4.4.3.8) from an EXT-X-SERVER-CONTROL whose attribute list is in
 * `text` from `from` to `to`. Other attributes keep their bytes. A list that would be empty or is ambiguous turns the
 * line into a comment: without the tag a server offers nothing. Undefined if there is nothing to change.
 */
function withoutDeltaUpdates(text: string, from: number, to: number): Change | undefined {
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
