import { ok, type Refusal, type Result } from "../../../src/base/result.ts";
import { seconds } from "../../../src/base/time.ts";
import { type Asset, entryFile } from "../../../src/catalog/asset.ts";
import type { HttpAssetOrigin } from "../../../src/catalog/asset-origin.ts";
import { httpOrigin, type OriginFetch } from "../../../src/origin/http-origin.ts";
import { type Finding, fault, warning } from "../finding.ts";
import { type Answer, type Ask, deadlineMs, type Question, startOf, told } from "./ask.ts";
import type { Live } from "./live.ts";

/**
 * The start of a file as the workers ask for it: with their secret, and redirects on the origin's own host alone. `path` may
 * hold a query. Refused as the workers' own adapter refuses.
 */
export async function readFromOrigin(
  asset: Asset,
  origin: HttpAssetOrigin,
  path: string,
  { send, secretOf, originSecrets, clock }: Live,
): Promise<Result<string, Refusal>> {
  const withDeadline = { ...asset, origin: { ...origin, timeout: seconds(deadlineMs / 1000) } };
  // The adapter's own deadline ends with the headers.
  const bounded: OriginFetch = (url, init) =>
    send(url, { ...init, signal: AbortSignal.any([init.signal, AbortSignal.timeout(2 * deadlineMs)]) });
  const request = { asset: withDeadline, ...entryFile({ entry: path }), method: "GET" } as const;
  const answered = await httpOrigin({ fetch: bounded, secretOf, originSecrets, clock })(request);
  if (!answered.ok) return answered;
  return ok(await startOf(answered.value).catch(() => ""));
}

/**
 * One file of each kind that players ask this origin for: the playlist of a rendition, its first segment, what that begins
 * with and its key. Of files on other hosts none.
 */
export async function filesBehind(
  asset: Asset,
  origin: HttpAssetOrigin,
  entry: string,
  live: Live,
): Promise<readonly OriginFile[]> {
  const url = origin.url + asset.entry;
  if (!entry.includes("#EXT-X-STREAM-INF:")) return mediaFiles(entry, url, origin.url);
  const rendition = firstLine(entry, url);
  if (rendition === undefined || !rendition.startsWith(origin.url)) return [];
  const read = await readFromOrigin(asset, origin, rendition.slice(origin.url.length), live);
  const playlist = { what: "playlist", url: rendition } as const;
  return [playlist, ...(read.ok ? mediaFiles(read.value, rendition, origin.url) : [])];
}

function mediaFiles(text: string, base: string, prefix: string): readonly OriginFile[] {
  if (!text.trimStart().startsWith("#EXTM3U")) return [];
  const found: readonly (readonly [OriginFile["what"], string | undefined])[] = [
    ["segment", firstLine(text, base) ?? inTag("#EXT-X-PART:", text, base)],
    ["init segment", inTag("#EXT-X-MAP:", text, base)],
    ["key", inTag("#EXT-X-KEY:", text, base)],
  ];
  return found.flatMap(([what, url]) => (url?.startsWith(prefix) === true ? [{ what, url }] : []));
}

/** The first line that is a URI, resolved. */
function firstLine(text: string, base: string): string | undefined {
  const line = text.split(/\r?\n/).find((candidate) => candidate.trim() !== "" && !candidate.startsWith("#"));
  return resolved(line?.trim(), base);
}

function inTag(tag: string, text: string, base: string): string | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.startsWith(tag));
  const [uri] = lines.flatMap((line) => /[:,]URI="([^"]+)"/.exec(line)?.[1] ?? []);
  return resolved(uri, base);
}

/** None where it contains a variable (EXT-X-DEFINE). */
function resolved(uri: string | undefined, base: string): string | undefined {
  if (uri === undefined || uri.includes("{$") || !URL.canParse(uri, base)) return undefined;
  const url = new URL(uri, base);
  url.hash = "";
  return url.href;
}

/** A file of an origin: what it is, and its whole URL. */
interface OriginFile {
  readonly what: "entry" | "playlist" | "segment" | "init segment" | "key";
  readonly url: string;
}

/** The ways in which a server that refuses the plain request has been seen to answer all the same. */
const tricks: readonly (readonly [what: string, query: string, question: Question])[] = [
  ["a plain GET", "", {}],
  ["a GET with a query", "x=1", {}],
  ["a GET of a range", "", { headers: { Range: "bytes=0-15" } }],
  ["a HEAD", "", { method: "HEAD" }],
];

/** Tries to get a file without the origin's secret. Nothing is found where every answer is a refusal. */
export async function openFile({ id }: Asset, { what, url }: OriginFile, { ask }: Live): Promise<Finding[]> {
  const about = `asset ${id}`;
  const { host } = new URL(url);
  const unclear: string[] = [];
  for (const [how, query, question] of tricks) {
    const got = await judge(withQuery(url, query), question, ask);
    if (got.verdict === "given")
      return [
        fault(
          "origin_open",
          about,
          `Its origin ${host} answers ${got.said} to ${how} of its ${what} without any secret: who learns its address takes every file past Stagedoor.`,
          "Close it: no public access to the bucket, no policy for Principal *, and a server that asks every method, range and kind of file for the secret.",
        ),
      ];
    if (got.verdict === "unclear") unclear.push(`${how} ${got.said}`);
  }
  if (unclear.length === 0) return [];
  return [
    warning(
      "origin_unclear",
      about,
      `It cannot be judged whether its origin ${host} keeps its ${what} from who has no secret: ${unclear.join(", ")}.`,
      "Let the origin refuse who has no secret by 401, 403 or 404, and run this again.",
    ),
  ];
}

type Judged = { readonly verdict: "given" | "refused" | "unclear"; readonly said: string };

/** 4xx is a refusal, except those that ask to retry; content is content wherever a redirect leads. */
async function judge(url: string, question: Question, ask: Ask): Promise<Judged> {
  const answer = await ask(url, question);
  if (answer === "silent") return { verdict: "unclear", said: "is not answered within 5 s" };
  const { status } = answer;
  if (isContent(answer)) return { verdict: "given", said: told(answer) };
  if (status >= 300 && status < 400) {
    const led = await ask(url, { ...question, follow: true });
    if (led !== "silent" && isContent(led) && !isPage(led)) return { verdict: "given", said: told(led) };
    return { verdict: "unclear", said: `is answered ${told(answer)}, a redirect` };
  }
  if (status >= 400 && status < 500 && !again.has(status)) return { verdict: "refused", said: told(answer) };
  return { verdict: "unclear", said: `is answered ${told(answer)}` };
}

const again: ReadonlySet<number> = new Set([408, 425, 429]);

function isContent({ status }: Answer): boolean {
  return status === 200 || status === 206;
}

/** What a redirect to a sign-in leads to. */
function isPage({ headers }: Answer): boolean {
  return headers.get("Content-Type")?.startsWith("text/html") === true;
}

function withQuery(url: string, query: string): string {
  return query === "" ? url : `${url}${url.includes("?") ? "&" : "?"}${query}`;
}

/** A listing names the files of everything else there, too. */
export async function lists({ id }: Asset, base: string, seen: Set<string>, { ask }: Live): Promise<Finding[]> {
  const { origin } = new URL(base);
  const bucket = `${origin}/${new URL(base).pathname.split("/")[1] ?? ""}/`;
  const places = [`${origin}/`, `${origin}/?list-type=2`, bucket, `${bucket}?list-type=2`, base];
  for (const place of new Set(places)) {
    if (seen.has(place)) continue;
    seen.add(place);
    const answer = await ask(place, { follow: true });
    if (answer !== "silent" && isListing(answer))
      return [
        fault(
          "origin_lists",
          `asset ${id}`,
          `${new URL(base).host} lists what it has to everybody, at ${new URL(place).pathname}.`,
          "Forbid listing: no s3:ListBucket for everybody, no index of folders.",
        ),
      ];
  }
  return [];
}

export function isListing({ status, text }: Answer): boolean {
  if (status !== 200) return false;
  return /<(ListBucketResult|EnumerationResults)\b/.test(text) || /<title>\s*(Index of|Directory listing)/i.test(text);
}
