import type { Asset } from "../../../src/catalog/asset.ts";
import { parseJson } from "../../lib/files.ts";
import { type Check, type Finding, fault, notChecked, unique } from "../finding.ts";
import { cachedSegmentFindings } from "./cached-segment.ts";
import { type Live, playedAssets } from "./live.ts";
import { type Probe, type ProbeResponse, statusText } from "./probe.ts";

/** Plays a stream from its start to a segment, and checks that no shared cache stores its responses. */
export const streamCheck: Check<Live> = {
  name: "a stream",
  passed: "it plays from its start to a segment, and no cache stores signed responses",
  run: async (live) => {
    const refusals = await refusalFindings(live);
    const { apiUrl, token } = live;
    if (apiUrl === undefined || token === undefined)
      return [
        ...refusals,
        notChecked("playing a stream", "Give --api and a viewer's bearer token with --token viewer.jwt."),
      ];
    const assets = playedAssets(live);
    if (assets.length === 0)
      return [...refusals, notChecked("playing a stream", "Name an asset of the catalog with --asset <id>.")];
    const findings: Finding[] = [];
    // One after another: a viewer may run one stream only.
    for (const asset of assets) findings.push(...(await playStream(asset, live, apiUrl, token)));
    return unique([...refusals, ...findings]);
  },
};

async function playStream(asset: Asset, live: Live, apiUrl: string, token: string): Promise<Finding[]> {
  const about = `asset ${asset.id}`;
  const authorization = { Authorization: `Bearer ${token}` };
  const start = await live.probe(`${apiUrl}/stream/start`, {
    method: "POST",
    headers: { ...authorization, "Content-Type": "application/json" },
    body: JSON.stringify({ asset: asset.id }),
  });
  const { manifestUrl, sessionId, grant } = Object(start === "silent" ? {} : parseJson(start.text));
  if (start === "silent" || start.status !== 201 || typeof manifestUrl !== "string")
    return [
      fault(
        "start_refused",
        about,
        `The API ${start === "silent" ? "does not respond to a start within 5 s" : `responds to a start with ${statusText(start)}`}.`,
        "`npx stagedoor token --inspect -` shows what the token allows. --asset plays another asset.",
      ),
    ];
  const findings = [
    ...cacheFindings("the response to a start", apiUrl, start),
    ...(await followStream(manifestUrl, asset, live)),
  ];
  if (typeof sessionId === "string" && typeof grant === "string")
    await live.probe(`${apiUrl}/stream/${sessionId}`, {
      method: "DELETE",
      headers: { ...authorization, "CTA-Common-Access-Token": grant },
    });
  return findings;
}

/** Loads the manifest, the first media playlist and its first segment. */
async function followStream(manifestUrl: string, { id, cdn }: Asset, live: Live): Promise<Finding[]> {
  const { probe } = live;
  const about = `asset ${id}`;
  const findings: Finding[] = [];
  let next: StreamFile | undefined = { url: manifestUrl, kind: "playlist" };
  for (let depth = 0; next !== undefined && depth < 4; depth++) {
    const { url, kind }: StreamFile = next;
    const response: ProbeResponse | "silent" = await secondResponse(url, probe);
    if (response === "silent" || response.status >= 300) {
      const result =
        response === "silent" ? "gets no response within 5 s" : `gets the response ${statusText(response)}`;
      const whatToDo =
        "`npx stagedoor explain` shows step by step why a URL is refused; the worker's log has a line with the Request-Id.";
      return [...findings, fault("stream_broken", about, `A request for a ${kind} of the stream ${result}.`, whatToDo)];
    }
    const { host } = new URL(url);
    findings.push(
      ...(kind === "playlist" ? cacheFindings("a playlist", host, response) : segmentCacheFindings(host, response)),
    );
    if (cdn === "cloudfront" && kind === "segment") findings.push(...(await cachedSegmentFindings(url, about, live)));
    next = kind === "playlist" ? firstUri(response.text, url) : undefined;
  }
  return unique(findings);
}

/** The response to the second of two requests: if a cache stored the first response, it answers the second request. */
async function secondResponse(url: string, probe: Probe): Promise<ProbeResponse | "silent"> {
  await probe(url);
  return probe(url);
}

interface StreamFile {
  readonly url: string;
  readonly kind: "playlist" | "segment";
}

/** The first URI line: in a multivariant playlist it is a playlist, in a media playlist a segment. */
function firstUri(text: string, base: string): StreamFile | undefined {
  const line = text.split(/\r?\n/).find((candidate) => candidate !== "" && !candidate.startsWith("#"));
  if (line === undefined || !URL.canParse(line, base)) return undefined;
  return { url: new URL(line, base).href, kind: text.includes("#EXT-X-STREAM-INF") ? "playlist" : "segment" };
}

/** Checks that no cache stores refusals: it would send one viewer's refusal to another. */
async function refusalFindings({ apiUrl, mediaUrl, probe }: Live): Promise<Finding[]> {
  const urls = [
    ...(mediaUrl === undefined ? [] : [`${mediaUrl}/doctor/index.m3u8`, `${mediaUrl}/doctor/0.ts`]),
    ...(apiUrl === undefined ? [] : [`${apiUrl}/stream/start`]),
  ];
  const findings = urls.map(async (url) => {
    const response = await secondResponse(url, probe);
    const { host } = new URL(url);
    if (response === "silent") return [notChecked(`refusals of ${host}`, "It does not answer.")];
    return response.status < 400 ? [] : cacheFindings("a refusal", host, response);
  });
  return unique((await Promise.all(findings)).flat());
}

/** Playlists, refusals and responses to starts must not be stored, and must not come from a cache. */
function cacheFindings(response: string, about: string, { headers }: ProbeResponse): Finding[] {
  const cacheControl = headers.get("Cache-Control") ?? "";
  const header = cacheHitHeader(headers);
  return [
    ...(/\bno-store\b/i.test(cacheControl) ? [] : [cacheable(response, about, cacheControl)]),
    ...(header === undefined ? [] : [fromCache(response, about, header)]),
  ];
}

/** Only the viewer's own browser may cache a segment, for the lifetime of its URL. */
function segmentCacheFindings(about: string, { headers }: ProbeResponse): Finding[] {
  const cacheControl = headers.get("Cache-Control") ?? "";
  const server = headers.get("X-Cache") ?? headers.get("Via") ?? "";
  // CloudFront checks the signature before it looks into its cache.
  if (/cloudfront/i.test(server)) return [];
  return /\b(private|no-store)\b/i.test(cacheControl) && !/\bs-maxage\b/i.test(cacheControl)
    ? []
    : [cacheable("a segment", about, cacheControl)];
}

function cacheable(response: string, about: string, cacheControl: string): Finding {
  return fault(
    "answer_cacheable",
    about,
    `The Cache-Control of ${response} is ${cacheControl === "" ? "missing" : `"${cacheControl}"`}, so a shared cache may store it and send it to other viewers.`,
    "The workers send no-store, or private for a segment. Find the rule that changes this header (Browser Cache TTL, a cache rule, a transform rule).",
  );
}

function fromCache(response: string, about: string, header: string): Finding {
  return fault(
    "answer_from_cache",
    about,
    `A cache in front of the workers sent ${response} (see the header ${header}): one viewer's responses reach others, and revocations take effect late.`,
    "Remove this host from every cache rule (Cache Everything, Edge Cache TTL): the workers do their own caching.",
  );
}

function cacheHitHeader(headers: Headers): string | undefined {
  if (Number(headers.get("Age") ?? 0) > 0) return "Age";
  if (/^(HIT|STALE|UPDATING|REVALIDATED)$/i.test(headers.get("CF-Cache-Status") ?? "")) return "CF-Cache-Status";
  return /\bhit\b/i.test(headers.get("X-Cache") ?? "") ? "X-Cache" : undefined;
}
