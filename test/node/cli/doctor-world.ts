import type { Live } from "../../../cli/doctor/live/live.ts";
import { probeWith } from "../../../cli/doctor/live/probe.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { checkMediaRequest } from "../../../src/edge/check-media-request.ts";
import type { RingKey } from "../../../src/keys/key.ts";
import { oneShotHmac } from "../../../src/platform/node/node-crypto.ts";
import { prepareSessionKeys } from "../../../src/signing/session-keys.ts";
import { apiUrl, clouded, far, films, mediaUrl, now, originSecrets, ringKeys } from "./doctor-stage.ts";

/** A host's response to a request; undefined for the sound world's own response, "silent" for none. */
export type Override = (url: URL, init: RequestInit) => Overridden | Promise<Overridden>;
type Overridden = Response | "silent" | undefined;

const parsed = parseCatalog({ version: 1, assets: [films, far, clouded] });
if (!parsed.ok) throw new Error("the catalog is faulty");
const catalog = parsed.value;

export function problem(status: number, code: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ code }), {
    status,
    headers: {
      "Content-Type": "application/problem+json",
      "Cache-Control": "no-store",
      "Access-Control-Allow-Origin": "*",
      ...headers,
    },
  });
}

/** A deployment seen from outside. Each host answers correctly, except for `override`. */
export async function world(override: Override = () => undefined, more: Partial<Live> = {}): Promise<Live> {
  const deployed = await prepareSessionKeys({ keys: ringKeys }, oneShotHmac);
  const send: typeof fetch = async (input, init = {}) => {
    const url = new URL(String(input));
    const response = (await override(url, init)) ?? correctResponse(url, init);
    if (response === "silent") throw new TypeError("no response");
    return response;
  };
  return {
    apiUrl,
    mediaUrl,
    configured: { apiUrl, mediaUrl },
    environment: "production",
    upload: (name) => `upload ${name}`,
    ring: { keys: ringKeys },
    ringFile: "keys.json",
    catalog,
    token: "viewer-token",
    asset: undefined,
    bearer: "operator-token",
    publicBuckets: ["https://pub-1.r2.test"],
    origins: true,
    secretOf: (name) => (name === "FAR_SECRET" ? "let me in please" : undefined),
    originSecrets,
    grantIssuer: "stagedoor",
    probe: probeWith(send, 1_000),
    send,
    clock: () => now,
    ...more,
  };

  function correctResponse(url: URL, init: RequestInit): Response {
    const headers = new Headers(init.headers);
    if (url.protocol === "http:")
      return new Response(null, { status: 301, headers: { Location: `https://${url.host}/` } });
    if (url.pathname === "/health")
      return Response.json({ status: "ok" }, { headers: { Date: new Date().toUTCString() } });
    if (url.pathname === "/ready") return Response.json({ status: "ready" });
    if (url.origin === "https://origin.films.test")
      return headers.get("X-Origin-Secret") === "let me in please" ? atOrigin(url) : new Response("", { status: 403 });
    if (url.origin === clouded.cloudfront.url)
      return url.searchParams.has("Signature")
        ? new Response("<Error><HostId>1</HostId></Error>", { status: 403, headers: { Server: "AmazonS3" } })
        : new Response("<Error><Code>MissingKey</Code></Error>", { status: 403, headers: { Server: "CloudFront" } });
    if (url.origin === "https://pub-1.r2.test") return new Response("", { status: 401 });
    return url.origin === apiUrl ? api(url, init.method ?? "GET", headers) : media(url, init.method ?? "GET");
  }

  function media(url: URL, method: string): Response {
    if (method === "OPTIONS") return preflight("CMCD-Request, Range");
    const target = url.href.slice(url.origin.length);
    if (target.startsWith("/played/")) return played(target);
    const context = { keys: deployed, catalog, now, grantIssuer: "stagedoor", client: "anybody" } as const;
    const checked = checkMediaRequest(target, context);
    return checked.verdict === "passed" ? problem(404, "object_unknown") : problem(403, checked.refusal.code);
  }
}

function preflight(allowed: string): Response {
  const headers = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": allowed };
  return new Response(null, { status: 204, headers });
}

/** A long response that arrives in pieces, as over a network. */
function inPieces(text: string): Response {
  const pieces = text.match(/.{1,16384}/gs) ?? [];
  const body = new ReadableStream<string>({
    pull: (out) => {
      const piece = pieces.shift();
      if (piece === undefined) out.close();
      else out.enqueue(piece);
    },
  });
  return new Response(body.pipeThrough(new TextEncoderStream()));
}

function api({ pathname }: URL, method: string, headers: Headers): Response {
  if (method === "OPTIONS") return preflight("Authorization, Content-Type");
  if (headers.get("Authorization") === null && pathname !== "/openapi.json") return problem(401, "token_missing");
  if (pathname === "/openapi.json")
    return inPieces(JSON.stringify({ openapi: "3.1.0", info: { description: "x".repeat(100_000) } }));
  if (pathname === "/operator/keys") return Response.json({ keys: ringKeys.map(({ kid }: RingKey) => ({ kid })) });
  const session = { sessionId: "s", grant: "g", manifestUrl: `${mediaUrl}/played/index.m3u8?list=1.x` };
  return Response.json(session, { status: 201, headers: { "Cache-Control": "no-store" } });
}

/** An encrypted stream of one variant, as its origin has it. */
function atOrigin({ pathname }: URL): Response {
  if (pathname.endsWith("index.m3u8")) return new Response("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n180p/list.m3u8\n");
  if (!pathname.endsWith(".m3u8")) return new Response("…");
  const tags = '#EXT-X-KEY:METHOD=AES-128,URI="../film.key"\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:4,';
  return new Response(`#EXTM3U\n${tags}\n0.ts?v=1\n`);
}

/** A stream of one variant. */
function played(target: string): Response {
  if (target.includes(".ts")) return new Response("…", { headers: { "Cache-Control": "private, max-age=60" } });
  const text = target.includes("index.m3u8")
    ? "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n180p.m3u8?list=1.x\n"
    : "#EXTM3U\n#EXTINF:4,\n0.ts?seg=1.x\n";
  return new Response(text, { headers: { "Cache-Control": "no-store" } });
}
