import { type Finding, fault } from "../finding.ts";
import { allowsOrigin, page } from "./cors.ts";
import { withoutCors } from "./distribution.ts";
import type { Live } from "./live.ts";
import { statusText } from "./probe.ts";

/**
 * What a distribution's cache sends for a segment that was requested before: to a page of another site, to HEAD and for a
 * range. All viewers share the response, so it must not have anything of one viewer.
 */
export async function cachedSegmentFindings(url: string, about: string, { probe }: Live): Promise<Finding[]> {
  const { host, pathname } = new URL(url);
  const headers = { Origin: page };
  const cached = await probe(url, { headers });
  if (cached === "silent" || cached.status >= 300) return [];
  const grant = pathname.split("/")[1] ?? "";
  const named = [...cached.headers].flatMap(([name, value]) => (value.includes(grant) ? [name] : []));
  return [
    ...(allowsOrigin(cached) ? [] : [withoutCors(host, "a cached segment", "Access-Control-Allow-Origin")]),
    ...(named.length === 0
      ? []
      : [
          fault(
            "grant_in_cache",
            host,
            `The response to a cached segment has a viewer's grant in ${named.join(", ")}: every viewer of this segment gets it.`,
            "Find out what adds it: the origin or a function of the event viewer-response. The function passes on neither grant nor signature.",
          ),
        ]),
    ...(await methodFindings(url, about, { probe })),
  ];
}

const methods = [
  { what: "a HEAD", options: { method: "HEAD" }, status: 200 },
  { what: "a range", options: { headers: { Range: "bytes=0-1" } }, status: 206 },
];

async function methodFindings(url: string, about: string, { probe }: Pick<Live, "probe">): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const { what, options, status } of methods) {
    const response = await probe(url, options);
    if (response !== "silent" && response.status === status) continue;
    findings.push(
      fault(
        "stream_broken",
        about,
        `A request for ${what} of a segment at ${new URL(url).host} ${response === "silent" ? "gets no response within 5 s" : `gets the response ${statusText(response)} in place of ${status}`}.`,
        "Allow GET, HEAD and OPTIONS in every cache behaviour. The origin must support ranges, as S3 does.",
      ),
    );
  }
  return findings;
}
