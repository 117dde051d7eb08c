import { ok, type Refusal, type Result } from "../../../src/base/result.ts";
import { seconds } from "../../../src/base/time.ts";
import { type Asset, entryFile } from "../../../src/catalog/asset.ts";
import type { HttpAssetOrigin } from "../../../src/catalog/asset-origin.ts";
import { httpOrigin, type OriginFetch } from "../../../src/origin/http-origin.ts";
import { type Finding, fault, warning } from "../finding.ts";
import type { Live } from "./live.ts";
import { type Probe, type ProbeOptions, type ProbeResponse, readStart, statusText, timeoutMs } from "./probe.ts";

/**
 * The start of a file, read by the workers' own origin adapter: with the secret, and following redirects only on the
 * origin's own host. `path` may have a query. The refusal is the adapter's.
 */
export async function readFromOrigin(
  asset: Asset,
  origin: HttpAssetOrigin,
  path: string,
  { send, secretOf, originSecrets, clock }: Live,
): Promise<Result<string, Refusal>> {
  const withTimeout = { ...asset, origin: { ...origin, timeout: seconds(timeoutMs / 1000) } };
  // The adapter's own timeout covers only the headers.
  const fetchWithTimeout: OriginFetch = (url, init) =>
    send(url, { ...init, signal: AbortSignal.any([init.signal, AbortSignal.timeout(2 * timeoutMs)]) });
  const request = { asset: withTimeout, ...entryFile({ entry: path }), method: "GET" } as const;
  const response = await httpOrigin({ fetch: fetchWithTimeout, secretOf, originSecrets, clock })(request);
  return response.ok ? ok(await readStart(response.value).catch(() => "")) : response;
}

/**
 * One file of each kind that players load from this origin: the playlist of a rendition, its first segment, init segment
 * and key. Files on other hosts are left out.
 */
export async function filesOf(
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
  const playlist = { kind: "playlist", url: rendition } as const;
  return [playlist, ...(read.ok ? mediaFiles(read.value, rendition, origin.url) : [])];
}

function mediaFiles(text: string, base: string, prefix: string): readonly OriginFile[] {
  if (!text.trimStart().startsWith("#EXTM3U")) return [];
  const files: readonly (readonly [OriginFile["kind"], string | undefined])[] = [
    ["segment", firstLine(text, base) ?? firstUriOf("#EXT-X-PART:", text, base)],
    ["init segment", firstUriOf("#EXT-X-MAP:", text, base)],
    ["key", firstUriOf("#EXT-X-KEY:", text, base)],
  ];
  return files.flatMap(([kind, url]) => (url?.startsWith(prefix) === true ? [{ kind, url }] : []));
}

/** The first line that is a URI, resolved. */
function firstLine(text: string, base: string): string | undefined {
  const line = text.split(/\r?\n/).find((candidate) => candidate.trim() !== "" && !candidate.startsWith("#"));
  return resolved(line?.trim(), base);
}

function firstUriOf(tag: string, text: string, base: string): string | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.startsWith(tag));
  const [uri] = lines.flatMap((line) => /[:,]URI="([^"]+)"/.exec(line)?.[1] ?? []);
  return resolved(uri, base);
}

/** Undefined if the URI contains a variable (EXT-X-DEFINE). */
function resolved(uri: string | undefined, base: string): string | undefined {
  if (uri === undefined || uri.includes("{$") || !URL.canParse(uri, base)) return undefined;
  const url = new URL(uri, base);
  url.hash = "";
  return url.href;
}

interface OriginFile {
  readonly kind: "entry" | "playlist" | "segment" | "init segment" | "key";
  readonly url: string;
}

/** Requests that some servers answer although they refuse a plain GET. */
const attempts: readonly (readonly [name: string, query: string, options: ProbeOptions])[] = [
  ["a plain GET", "", {}],
  ["a GET with a query", "x=1", {}],
  ["a GET of a range", "", { headers: { Range: "bytes=0-15" } }],
  ["a HEAD", "", { method: "HEAD" }],
];

/** Tries to get a file without the origin's secret. There is no finding if the origin refuses every attempt. */
export async function openFileFindings({ id }: Asset, { kind, url }: OriginFile, { probe }: Live): Promise<Finding[]> {
  const about = `asset ${id}`;
  const { host } = new URL(url);
  const unclear: string[] = [];
  for (const [name, query, options] of attempts) {
    const { verdict, result } = await attempt(withQuery(url, query), options, probe);
    if (verdict === "served")
      return [
        fault(
          "origin_open",
          about,
          `Its origin ${host} answers ${result} to ${name} of its ${kind} without any secret: anyone who knows the URL can download every file without Stagedoor.`,
          "Close the origin: no public access to the bucket, no policy for Principal *, and a server that requires the secret for every method, range and kind of file.",
        ),
      ];
    if (verdict === "unclear") unclear.push(`${name} ${result}`);
  }
  if (unclear.length === 0) return [];
  return [
    warning(
      "origin_unclear",
      about,
      `Its origin ${host} neither serves nor refuses its ${kind} without the secret: ${unclear.join(", ")}.`,
      "Make the origin answer 401, 403 or 404 to requests without the secret, and run this command again.",
    ),
  ];
}

interface Attempt {
  readonly verdict: "served" | "refused" | "unclear";
  readonly result: string;
}

/** A 4xx is a refusal, except those that mean "try again". Content counts as served even after a redirect. */
async function attempt(url: string, options: ProbeOptions, probe: Probe): Promise<Attempt> {
  const response = await probe(url, options);
  if (response === "silent") return { verdict: "unclear", result: "is not answered within 5 s" };
  const { status } = response;
  if (isContent(response)) return { verdict: "served", result: statusText(response) };
  if (status >= 300 && status < 400) {
    const target = await probe(url, { ...options, follow: true });
    if (target !== "silent" && isContent(target) && !isHtml(target))
      return { verdict: "served", result: statusText(target) };
    return { verdict: "unclear", result: `is answered ${statusText(response)}, a redirect` };
  }
  if (status >= 400 && status < 500 && !retryStatuses.has(status))
    return { verdict: "refused", result: statusText(response) };
  return { verdict: "unclear", result: `is answered ${statusText(response)}` };
}

const retryStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

export function isContent({ status }: ProbeResponse): boolean {
  return status === 200 || status === 206;
}

/** A redirect that ends at an HTML page leads to a sign-in, not to the file. */
function isHtml({ headers }: ProbeResponse): boolean {
  return headers.get("Content-Type")?.startsWith("text/html") === true;
}

function withQuery(url: string, query: string): string {
  return query === "" ? url : `${url}${url.includes("?") ? "&" : "?"}${query}`;
}

/** Whether an origin lists its files publicly. A listing names the files of all assets. `seen`: the URLs tried before. */
export async function listingFindings(
  { id }: Asset,
  base: string,
  seen: Set<string>,
  { probe }: Live,
): Promise<Finding[]> {
  const { origin, host, pathname } = new URL(base);
  const bucket = `${origin}/${pathname.split("/")[1] ?? ""}/`;
  const folders = [`${origin}/`, `${origin}/?list-type=2`, bucket, `${bucket}?list-type=2`, base];
  for (const folder of new Set(folders)) {
    if (seen.has(folder)) continue;
    seen.add(folder);
    const response = await probe(folder, { follow: true });
    if (response !== "silent" && isListing(response))
      return [
        fault(
          "origin_lists",
          `asset ${id}`,
          `${host} lists its files publicly, at ${new URL(folder).pathname}.`,
          "Forbid listing: no public s3:ListBucket, no directory index.",
        ),
      ];
  }
  return [];
}

export function isListing({ status, text }: ProbeResponse): boolean {
  if (status !== 200) return false;
  return /<(ListBucketResult|EnumerationResults)\b/.test(text) || /<title>\s*(Index of|Directory listing)/i.test(text);
}
