import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { contentTypeOf } from "./file-response.ts";
import { cachingHeaders } from "./freshness.ts";
import { type OriginRequest, originHeaders, pickHeaders } from "./origin.ts";
import { parseContentRange, rangeRefusal } from "./ranges.ts";

const passedOn = [...originHeaders, ...cachingHeaders];

/**
 * The content codings that fetch decodes in workerd and in Node alike, although the request accepts none; in workerd only
 * in this spelling. Of any other coding, the bytes are not those of the file.
 */
const decodedCodings: ReadonlySet<string> = new Set(["gzip", "br"]);

/**
 * Converts an HTTP server's final response: 200, 206 and 304 with the few headers that are passed on, or a refusal. The
 * body is not read. `origin_failed`: the response is encoded in a way that not every runtime decodes.
 */
export async function readOriginResponse(
  response: Response,
  request: OriginRequest,
): Promise<Result<Response, Refusal<"object_unknown" | "range_not_satisfiable" | "origin_failed">>> {
  const { status } = response;
  const passes =
    status === 200 ||
    (status === 206 && request.range !== undefined && isPart(response)) ||
    (status === 304 && request.ifNoneMatch !== undefined);
  if (!passes) return refuseResponse(response, request);
  const coding = codingOf(response);
  if (status !== 304 && coding !== undefined && !decodedCodings.has(coding)) {
    await response.body?.cancel();
    return refusal("origin_failed", unreadable(request.asset.id, coding));
  }
  const headers = pickHeaders(response.headers, passedOn);
  if (status !== 304) headers.set("Content-Type", contentTypeOf(request.path, response.headers.get("Content-Type")));
  if (coding !== undefined) {
    // fetch decodes the body, so its length and positions differ from the origin's.
    if (status === 206) return refuseResponse(response, request);
    headers.delete("Content-Length");
    headers.delete("Accept-Ranges");
  }
  const body = request.method === "HEAD" || status === 304 ? null : response.body;
  if (body === null) await response.body?.cancel();
  return ok(new Response(body, { status, headers }));
}

/** Whether a 206 states its range. It need not state the whole file's length. */
function isPart({ headers }: Response): boolean {
  return parseContentRange(headers.get("Content-Range"))?.range !== undefined;
}

/** The Content-Encoding (RFC 9110 §8.4), if the response has one. */
function codingOf({ headers }: Response): string | undefined {
  const coding = headers.get("Content-Encoding")?.trim() ?? "";
  return coding === "" || coding.toLowerCase() === "identity" ? undefined : coding;
}

function unreadable(id: string, coding: string): string {
  const name = /^[\w, -]{1,40}$/.test(coding) ? coding : "a malformed name";
  return `${id}: the origin compresses the file (Content-Encoding: ${name}) although the request accepts no compression, and of compressions only gzip and br are decoded: turn it off for these files`;
}

async function refuseResponse(
  response: Response,
  request: OriginRequest,
): Promise<Result<never, Refusal<"object_unknown" | "range_not_satisfiable" | "origin_failed">>> {
  const { status } = response;
  const { id } = request.asset;
  if (status === 403 && (await meansMissing(response, request)))
    return refusal("object_unknown", `${id}: the origin answered 403, as it does for a missing file`);
  if (!response.bodyUsed) await response.body?.cancel();
  if (status === 404 || status === 410) return refusal("object_unknown", `${id}: the origin answered ${status}`);
  if (status === 416) return rangeRefusal(parseContentRange(response.headers.get("Content-Range"))?.size);
  return refusal("origin_failed", `${id}: the origin answered ${status}`);
}

const longestError = 4096;

/**
 * Whether a 403 means a missing file. S3 hides a missing object behind 403 AccessDenied if the caller may not list the
 * bucket. Any other 403 (wrong signature, key or secret header) is a configuration error, which viewers must not see as
 * 404, unless the asset says that its origin answers 403 for missing files. A response to HEAD has no body to
 * distinguish them, so it counts as missing, the more common case.
 */
async function meansMissing(response: Response, { asset, method }: OriginRequest): Promise<boolean> {
  if (asset.origin.type !== "http") return false;
  if (asset.origin.missingIs === 403) return true;
  if (asset.origin.auth?.type !== "sigv4") return false;
  if (method === "HEAD") return true;
  if (Number(response.headers.get("Content-Length") ?? 0) > longestError) return false;
  return (await textStart(response)).includes("<Code>AccessDenied</Code>");
}

async function textStart(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (reader !== undefined && text.length < longestError) {
    const { done, value } = await reader.read();
    if (done) return text;
    text += decoder.decode(value, { stream: true });
  }
  await reader?.cancel();
  return text;
}
