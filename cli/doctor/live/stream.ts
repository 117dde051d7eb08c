import { parseJson } from "../../lib/files.ts";
import { type Check, type Finding, fault, notLookedAt, unique } from "../finding.ts";
import { type Answer, type Ask, told } from "./ask.ts";
import { type Live, playedAsset } from "./live.ts";

/** A stream from its start to a segment, and what caches on the way would do with its answers. */
export const streamCheck: Check<Live> = {
  name: "a stream",
  held: "it plays from its start to a segment, and no cache keeps what was signed",
  run: async (live) => {
    const refused = await refusals(live);
    if (live.apiUrl === undefined || live.token === undefined)
      return [
        ...refused,
        notLookedAt("playing a stream", "Give --api and a viewer's bearer token with --token viewer.jwt."),
      ];
    return [...refused, ...(await playStream(live, live.apiUrl, live.token))];
  },
};

async function playStream(live: Live, apiUrl: string, token: string): Promise<Finding[]> {
  const asset = playedAsset(live);
  if (asset === undefined) return [notLookedAt("playing a stream", "Name an asset of the catalog with --asset.")];
  const about = `asset ${asset.id}`;
  const authorization = { Authorization: `Bearer ${token}` };
  const started = await live.ask(`${apiUrl}/stream/start`, {
    method: "POST",
    headers: { ...authorization, "Content-Type": "application/json" },
    body: JSON.stringify({ asset: asset.id }),
  });
  const { manifestUrl, sessionId, grant } = Object(started === "silent" ? {} : parseJson(started.text));
  if (started === "silent" || started.status !== 201 || typeof manifestUrl !== "string")
    return [
      fault(
        "start_refused",
        about,
        `The API ${started === "silent" ? "does not answer a start within 5 s" : `answers ${told(started)} to a start`}.`,
        "`npx stagedoor token --inspect` says what the token is good for; --asset names another asset.",
      ),
    ];
  const found = [...cacheable("the answer to a start", apiUrl, started), ...(await follow(manifestUrl, about, live))];
  if (typeof sessionId === "string" && typeof grant === "string")
    await live.ask(`${apiUrl}/stream/${sessionId}`, {
      method: "DELETE",
      headers: { ...authorization, "CTA-Common-Access-Token": grant },
    });
  return found;
}

/** From the manifest down to the first media playlist and its first segment; each twice, since a cache shows at the second. */
async function follow(manifestUrl: string, about: string, { ask }: Live): Promise<Finding[]> {
  const found: Finding[] = [];
  let next: Next | undefined = { url: manifestUrl, kind: "playlist" };
  for (let depth = 0; next !== undefined && depth < 4; depth++) {
    const { url, kind }: Next = next;
    const answer: Answer | "silent" = await twice(url, ask);
    if (answer === "silent" || answer.status >= 300) {
      const what = answer === "silent" ? "does not come within 5 s" : `is answered ${told(answer)}`;
      const whatToDo =
        "`npx stagedoor explain` says step by step why a URL is refused; the log line of the Request-Id says the rest.";
      return [...found, fault("stream_broken", about, `A ${kind} of the stream ${what}.`, whatToDo)];
    }
    const place = new URL(url).host;
    found.push(...(kind === "playlist" ? cacheable("a playlist", place, answer) : segmentCacheable(place, answer)));
    next = kind === "playlist" ? firstUri(answer.text, url) : undefined;
  }
  return unique(found);
}

/** The second answer: what the first one put into a cache shows there. */
async function twice(url: string, ask: Ask): Promise<Answer | "silent"> {
  await ask(url);
  return ask(url);
}

interface Next {
  readonly url: string;
  readonly kind: "playlist" | "segment";
}

/** What the first line leads to that is a URI: of a multivariant playlist another playlist, of a media playlist a segment. */
function firstUri(text: string, base: string): Next | undefined {
  const line = text.split(/\r?\n/).find((candidate) => candidate !== "" && !candidate.startsWith("#"));
  if (line === undefined || !URL.canParse(line, base)) return undefined;
  return { url: new URL(line, base).href, kind: text.includes("#EXT-X-STREAM-INF") ? "playlist" : "segment" };
}

/** What a cache in front would do with refusals: the next viewer would get this one's. */
async function refusals({ apiUrl, mediaUrl, ask }: Live): Promise<Finding[]> {
  const urls = [
    ...(mediaUrl === undefined ? [] : [`${mediaUrl}/doctor/index.m3u8`, `${mediaUrl}/doctor/0.ts`]),
    ...(apiUrl === undefined ? [] : [`${apiUrl}/stream/start`]),
  ];
  const found = urls.map(async (url) => {
    const answer = await twice(url, ask);
    const { host } = new URL(url);
    if (answer === "silent") return [notLookedAt(`refusals of ${host}`, "It does not answer.")];
    return answer.status < 400 ? [] : cacheable("a refusal", host, answer);
  });
  return unique((await Promise.all(found)).flat());
}

/** What must be kept nowhere, and come from no cache. */
function cacheable(what: string, about: string, { headers }: Answer): Finding[] {
  const control = headers.get("Cache-Control") ?? "";
  return [
    ...(/\bno-store\b/i.test(control) ? [] : [mayBeKept(what, about, control)]),
    ...(cacheHit(headers) === undefined ? [] : [fromCache(what, about, cacheHit(headers) ?? "")]),
  ];
}

/** Only the viewer's own browser may cache a segment, for the lifetime of its URL. */
function segmentCacheable(about: string, { headers }: Answer): Finding[] {
  const control = headers.get("Cache-Control") ?? "";
  const served = headers.get("X-Cache") ?? headers.get("Via") ?? "";
  // CloudFront checks the signature itself, before it looks into its cache.
  if (/cloudfront/i.test(served)) return [];
  return /\b(private|no-store)\b/i.test(control) && !/\bs-maxage\b/i.test(control)
    ? []
    : [mayBeKept("a segment", about, control)];
}

function mayBeKept(what: string, about: string, control: string): Finding {
  return fault(
    "answer_cacheable",
    about,
    `The Cache-Control of ${what} is ${control === "" ? "not there" : `"${control}"`}, so a shared cache may keep it and hand it to the next viewer.`,
    "The workers send no-store, or private for a segment: find the rule in front of them that rewrites it (Browser Cache TTL, a cache rule, a transform rule).",
  );
}

function fromCache(what: string, about: string, sign: string): Finding {
  return fault(
    "answer_from_cache",
    about,
    `A cache in front of the workers answered ${what} (${sign}): what is meant for one viewer goes to others, and revocations come too late.`,
    "Take this host out of every cache rule (Cache Everything, Edge Cache TTL); the workers cache by themselves.",
  );
}

function cacheHit(headers: Headers): string | undefined {
  if (Number(headers.get("Age") ?? 0) > 0) return "Age";
  if (/^(HIT|STALE|UPDATING|REVALIDATED)$/i.test(headers.get("CF-Cache-Status") ?? "")) return "CF-Cache-Status";
  return /\bhit\b/i.test(headers.get("X-Cache") ?? "") ? "X-Cache" : undefined;
}
