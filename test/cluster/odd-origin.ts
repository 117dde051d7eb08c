import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { projectRoot } from "../../cli/lib/project.ts";

/** The entry of {@link startOddOrigin}'s stream. */
export const oddEntry = "index.m3u8?start=20:00&auth=t/1";

/** The six segments of the fixture, each with a different form that is not canonical. */
const uris = [
  "..//ts//0.ts",
  "a;v=1/1.ts",
  "50%25%20off/2.ts",
  "a%2Fb%3b/3.ts",
  "4.ts?hdnts=exp=1900000000~acl=/live/*~hmac=0a1b",
  "hdnts=exp=1~acl=%2flive~hmac=ab/%C3%A9%2B+/5.ts?t=%c3%a9&u=a:b",
];

const low = "low;v=1//media.m3u8?hdnts=exp=1900000000~acl=/*~hmac=0a1b";

const multivariant = `#EXTM3U
#EXT-X-DEFINE:QUERYPARAM="auth"
#EXT-X-STREAM-INF:BANDWIDTH=500000,CODECS="avc1.42c00d"
${low}&a={$auth}
`;

const media = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-TARGETDURATION:4
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
${uris.map((uri) => `#EXTINF:4,\n${uri}\n`).join("")}#EXT-X-ENDLIST
`;

/**
 * The request target of each file, as a browser would request it from the origin, without the prefix; and its bytes.
 */
export function oddFiles(prefix: string): ReadonlyMap<string, Buffer> {
  const base = new URL(prefix + oddEntry, "https://origin.example");
  const lowUrl = new URL(`${low}&a=t/1`, base);
  const targetOf = ({ pathname, search }: URL) => pathname.slice(prefix.length) + search;
  return new Map([
    [targetOf(base), Buffer.from(multivariant)],
    [targetOf(lowUrl), Buffer.from(media)],
    ...uris.map(
      (uri, i) =>
        [
          targetOf(new URL(uri, lowUrl)),
          readFileSync(join(projectRoot, "fixtures/media/vod-single", `${i}.ts`)),
        ] as const,
    ),
  ]);
}

/** An HTTP server that finds its files by the exact bytes of the request line, and records each request. */
export async function startOddOrigin() {
  const prefix = "/films/42/";
  const files = oddFiles(prefix);
  const requests: string[] = [];
  const server = createServer(({ url = "", method }, response) => {
    const target = url.slice(prefix.length);
    const body = url.startsWith(prefix) ? files.get(target) : undefined;
    requests.push(target);
    if (body === undefined) return response.writeHead(404).end();
    response.writeHead(200, { ETag: '"1"', "Content-Length": body.length });
    return response.end(method === "HEAD" ? undefined : body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  return { url: `http://127.0.0.1:${port}${prefix}`, files, requests, stop: () => server.close() };
}
