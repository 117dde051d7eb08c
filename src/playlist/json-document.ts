import { parameterOf, reservedParameters } from "../base/media-purpose.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { seconds } from "../base/time.ts";
import { type CompileRefusal, type PlaylistContext, placeOf } from "./compile.ts";
import { isOwnHost, type Place, readHost, resolve } from "./reference.ts";
import { purposeOf, type UriRole } from "./tags.ts";
import { Assembly, type PlaylistTemplate } from "./template.ts";

/**
 * The meaning of a string in a document: a URI in some role, the host of a pathway clone, or the name of a parameter
 * that players add to its URLs. All other strings keep their bytes.
 */
type Meaning = UriRole | "host" | "parameter";

/** An interstitial's asset list (X-ASSET-LIST; appendix D.2 of draft-pantos-hls-rfc8216bis-16). */
const assetList: readonly (readonly [path: string, Meaning])[] = [["ASSETS/*/URI", "any"]];

/** A steering manifest (SERVER-URI; §7.2). */
const steeringManifest: readonly (readonly [path: string, Meaning])[] = [
  ["RELOAD-URI", "steering"],
  ["PATHWAY-CLONES/*/URI-REPLACEMENT/HOST", "host"],
  ["PATHWAY-CLONES/*/URI-REPLACEMENT/PARAMS/?", "parameter"],
  ["PATHWAY-CLONES/*/URI-REPLACEMENT/PER-VARIANT-URIS/?", "playlist"],
  ["PATHWAY-CLONES/*/URI-REPLACEMENT/PER-RENDITION-URIS/?", "playlist"],
];

/** Members that must be arrays: a player could iterate over an object too. */
const lists: ReadonlySet<string> = new Set(["ASSETS", "PATHWAY-CLONES", "PATHWAY-PRIORITY"]);

/** Names of our parameters: a player that sets one would overwrite the signature. */
const ownParameters: ReadonlySet<string> = new Set([...Object.values(parameterOf), ...reservedParameters]);

/** The most URIs of a document, because each is signed per viewer. */
const mostUris = 5000;

/** Whether a text is JSON instead of a playlist: its first character is `{`. */
export function isJsonDocument(text: string): boolean {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (at < text.length && " \t\r\n".includes(text.charAt(at))) at++;
  return text.charCodeAt(at) === 0x7b;
}

/**
 * Compiles a JSON document with URIs, an asset list or a steering manifest, like {@link compilePlaylist}. All bytes
 * stay, except the asset's URIs, which become holes. Each is written as a whole URL: hls.js parses PER-VARIANT-URIS
 * without a base, and an asset list's URIs are absolute by the draft.
 *
 * `playlist_invalid`: the JSON is neither, is ambiguous, or has another type where a URI belongs. `uri_foreign`: the
 * asset does not allow a URI, or a clone's HOST is not the media host; players send the grant to that host, so
 * `allowedHosts` does not suffice.
 */
export function compileJsonDocument(text: string, context: PlaylistContext): Result<PlaylistTemplate, CompileRefusal> {
  const place = placeOf(context);
  if (!place.ok) return place;
  const values = text.isWellFormed() ? jsonValues(text) : undefined;
  if (values === undefined) return refusal("playlist_invalid", "the document is not unambiguous JSON in UTF-8");
  const meanings = meaningsOf(values);
  if (meanings === undefined)
    return refusal("playlist_invalid", "the document is neither an asset list nor a steering manifest");
  const assembly = new Assembly(text);
  for (const value of values) {
    const meaning = meanings.get(patternOf(value, meanings));
    const fault = meaning === undefined ? undefined : rewrite(value, meaning, assembly, place.value);
    if (fault !== undefined)
      return { ok: false, refusal: { ...fault, reason: `${value.path.join("/")}: ${fault.reason}` } };
  }
  if (assembly.holes.length > mostUris) return refusal("playlist_too_large", "the document has too many URIs");
  assembly.close();
  return ok(templateOf(assembly, context));
}

function meaningsOf(values: readonly JsonValue[]): ReadonlyMap<string, Meaning> | undefined {
  const members = new Set(values.filter(({ path }) => path.length === 1).map(({ path }) => path[0]));
  const isSteering = members.has("PATHWAY-PRIORITY");
  if (members.has("ASSETS") === isSteering) return undefined;
  const listed = values.every(({ path }) => path.length < 2 || path[1] === "*" || !lists.has(path[0] ?? ""));
  return listed ? new Map(isSteering ? steeringManifest : assetList) : undefined;
}

/** The pattern that a value's path matches: its path, or the same with `?` for an arbitrary last name. */
function patternOf({ path }: JsonValue, meanings: ReadonlyMap<string, Meaning>): string {
  const exact = path.join("/");
  return meanings.has(exact) ? exact : [...path.slice(0, -1), "?"].join("/");
}

function rewrite(
  value: JsonValue,
  meaning: Meaning,
  assembly: Assembly,
  place: Place,
): Refusal<"playlist_invalid" | "uri_foreign"> | undefined {
  const { string, path } = value;
  if (meaning === "parameter") {
    const taken = ownParameters.has(path.at(-1) ?? "");
    return taken ? refusal("playlist_invalid", "it would replace a parameter of the signature").refusal : undefined;
  }
  if (string === undefined) return refusal("playlist_invalid", "it is not a string").refusal;
  if (meaning === "host") return hostFault(string.value, place.mediaHost);
  if (string.value.trim() !== string.value)
    return refusal("playlist_invalid", "a URI begins or ends with a space").refusal;
  const resolved = resolve(string.value, meaning, place);
  if (!resolved.ok) return resolved.refusal;
  if (resolved.value.kind === "passing") return undefined;
  const { path: plain, query, reference } = resolved.value;
  assembly.open(string.start, string.end, reference, { purpose: purposeOf(meaning, plain), path: plain, query });
  return undefined;
}

/** Some players replace the host name and keep the port, others replace both. */
function hostFault(host: string, mediaHost: string): Refusal<"uri_foreign"> | undefined {
  const own = isOwnHost(readHost(host, undefined), mediaHost) || host.toLowerCase() === mediaHost.replace(/:\d+$/, "");
  return own ? undefined : refusal("uri_foreign", "a pathway clone leads to a host that is not the media host").refusal;
}

function templateOf(assembly: Assembly, { fileLifetime }: PlaylistContext): PlaylistTemplate {
  const none = seconds(0);
  const lasting = { lifetime: fileLifetime, reusable: false, minimum: fileLifetime, roundTo: none };
  return {
    kind: "document",
    live: false,
    literals: assembly.literals,
    leftOut: [],
    holes: assembly.holes,
    targets: assembly.urls.map((url) => ({ ...url, ...lasting })),
    variables: new Map(),
    traits: { version: undefined, independentSegments: false, bandwidth: undefined },
    reloads: { canBlock: false, canSkip: false, nextSegment: 0, nextPart: 0, targetDuration: none },
  };
}

/** A value of a JSON document. */
interface JsonValue {
  /** Member names from the root, with `*` for an element of an array: `["ASSETS", "*", "URI"]`. */
  readonly path: readonly string[];
  /** Undefined for a number, true, false or null, and for an object or array. */
  readonly string: { readonly value: string; readonly start: number; readonly end: number } | undefined;
}

/** Deeper documents are refused. Asset lists and steering manifests need no more than six levels. */
const deepest = 32;

/**
 * The values of a JSON text (RFC 8259) with their positions, so that one can be replaced and all other bytes stay.
 * `start` and `end` enclose the text between the quotation marks. Undefined for invalid JSON, for nesting deeper than
 * 32, and for duplicate members, which parsers read differently.
 */
export function jsonValues(text: string): readonly JsonValue[] | undefined {
  try {
    JSON.parse(text.charCodeAt(0) === byteOrderMark ? text.slice(1) : text);
  } catch {
    return undefined;
  }
  return new Walker(text).values();
}

const byteOrderMark = 0xfeff;
const quote = 0x22;

/** Walks a text that JSON.parse has accepted, so there are no syntax errors. */
class Walker {
  readonly #text: string;
  readonly #found: JsonValue[] = [];
  readonly #path: string[] = [];
  #at: number;
  #sound = true;

  constructor(text: string) {
    this.#text = text;
    this.#at = text.charCodeAt(0) === byteOrderMark ? 1 : 0;
  }

  values(): readonly JsonValue[] | undefined {
    this.#value();
    return this.#sound ? this.#found : undefined;
  }

  #value(): void {
    if (this.#path.length > deepest) this.#sound = false;
    if (!this.#sound) return;
    const first = this.#next();
    const path = [...this.#path];
    if (first === quote) this.#found.push({ path, string: this.#string() });
    else {
      this.#found.push({ path, string: undefined });
      if (first === 0x7b) this.#object();
      else if (first === 0x5b) this.#array();
      else while (this.#at < this.#text.length && !",]} \t\r\n".includes(this.#text.charAt(this.#at))) this.#at++;
    }
  }

  #object(): void {
    const names = new Set<string>();
    this.#at++;
    while (this.#sound && this.#next() !== 0x7d) {
      if (this.#next() === 0x2c) this.#at++;
      this.#next();
      const { value: name } = this.#string();
      if (names.has(name)) this.#sound = false;
      names.add(name);
      this.#next();
      this.#at++; // the colon
      this.#within(name);
    }
    this.#at++;
  }

  #array(): void {
    this.#at++;
    while (this.#sound && this.#next() !== 0x5d) {
      if (this.#next() === 0x2c) this.#at++;
      this.#within("*");
    }
    this.#at++;
  }

  #within(name: string): void {
    this.#path.push(name);
    this.#value();
    this.#path.pop();
  }

  #string(): { value: string; start: number; end: number } {
    const start = this.#at + 1;
    let end = start;
    while (this.#text.charCodeAt(end) !== quote) end += this.#text.charAt(end) === "\\" ? 2 : 1;
    this.#at = end + 1;
    return { value: String(JSON.parse(`"${this.#text.slice(start, end)}"`)), start, end };
  }

  /** The next character that is not white space. */
  #next(): number {
    while (" \t\r\n".includes(this.#text.charAt(this.#at)) && this.#at < this.#text.length) this.#at++;
    return this.#text.charCodeAt(this.#at);
  }
}
