import { type Refusal, refusal } from "../base/refusal.ts";
import { ok, type Result } from "../base/result.ts";
import { seconds } from "../base/seconds.ts";
import { Assembly } from "./assembly.ts";
import { type PlaylistContext, placeOf } from "./compile.ts";
import { isOwnHost, readHost } from "./host.ts";
import { type JsonValue, jsonValues } from "./json-strings.ts";
import { type Place, resolve } from "./reference.ts";
import { purposeOf, type UriRole } from "./tags.ts";
import type { PlaylistTemplate } from "./template.ts";

/**
 * What a string of a document is: a URI in some role, the host of a pathway clone, or the name of a parameter that
 * players add to its URLs. All other strings keep their bytes.
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

/** Members that are arrays: a player could walk an object as if it were one. */
const lists: ReadonlySet<string> = new Set(["ASSETS", "PATHWAY-CLONES", "PATHWAY-PRIORITY"]);

/** Names of our own parameters: a player that sets one of these would overwrite the signature. */
const ownParameters: ReadonlySet<string> = new Set(["list", "seg", "key", "file", "tpl"]);

/** More URIs than this are refused: each is signed again for each viewer. */
const mostUris = 5000;

/** Whether a text that a playlist leads to is JSON, and not a playlist: its first character is `{`. */
export function isJsonDocument(text: string): boolean {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (at < text.length && " \t\r\n".includes(text.charAt(at))) at++;
  return text.charCodeAt(at) === 0x7b;
}

/**
 * Compiles a JSON document with URIs as {@link compilePlaylist} compiles a playlist: an asset list or a steering manifest.
 * All its bytes stay, except the URIs of the asset, which become holes. Each is written as a whole URL: hls.js parses
 * PER-VARIANT-URIS without a base, and an asset list's URIs are absolute by the draft.
 *
 * Refuses `playlist_invalid` (JSON that is neither, that has a member of another type where a URI belongs, or that has two
 * readings), `uri_foreign` (a URI that the asset does not allow, or a clone's HOST that is not the media host: players send
 * the grant to that host, so `allowedHosts` does not suffice) and `playlist_too_large`.
 */
export function compileJsonDocument(text: string, context: PlaylistContext): Result<PlaylistTemplate, Refusal> {
  const place = placeOf(context);
  if (!place.ok) return place;
  const values = text.isWellFormed() ? jsonValues(text) : undefined;
  if (values === undefined) return refusal("playlist_invalid", "the document is not JSON in UTF-8 with one reading");
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

/** The pattern that a value's path matches: its path, or the same with `?` for the last name, which may be any. */
function patternOf({ path }: JsonValue, meanings: ReadonlyMap<string, Meaning>): string {
  const exact = path.join("/");
  return meanings.has(exact) ? exact : [...path.slice(0, -1), "?"].join("/");
}

function rewrite(value: JsonValue, meaning: Meaning, assembly: Assembly, place: Place): Refusal | undefined {
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

/** Players replace the host name and keep the port, or replace both. */
function hostFault(host: string, mediaHost: string): Refusal | undefined {
  const own = isOwnHost(readHost(host, undefined), mediaHost) || host.toLowerCase() === mediaHost.replace(/:\d+$/, "");
  return own ? undefined : refusal("uri_foreign", "a pathway clone leads to a host that is not the media host").refusal;
}

function templateOf(assembly: Assembly, { fileLifetime }: PlaylistContext): PlaylistTemplate {
  const none = seconds(0);
  const lasting = { lifetime: fileLifetime, carried: false, minimum: fileLifetime, grid: none };
  return {
    kind: "document",
    live: false,
    literals: assembly.literals,
    holes: assembly.holes,
    targets: assembly.urls.map((url) => ({ ...url, ...lasting })),
    variables: new Map(),
    traits: { version: undefined, independentSegments: false, bandwidth: undefined },
    reloads: { canBlock: false, canSkip: false, nextSegment: 0, nextPart: 0, targetDuration: none },
  };
}
