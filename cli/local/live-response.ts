import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { LiveAnswer } from "../../fixtures/live/answer.ts";
import { contentRange, parseRange, resolveRange } from "../../src/catalog/byte-range.ts";
import { ifRangeHolds, namesEntityTag } from "../../src/catalog/entity-tag.ts";

/** Writes what the origin answers as HTTP has it: 200, 206, 304, 416, and 400 or 404 with the reason as text. */
export function writeAnswer(
  answer: Exclude<LiveAnswer, { kind: "wait" }>,
  { method, headers }: IncomingMessage,
  response: ServerResponse,
): void {
  if (answer.kind === "none") {
    response.writeHead(answer.status, { "Content-Type": "text/plain", "Cache-Control": "no-store" });
    response.end(`${answer.why}\n`);
    return;
  }
  const body = Buffer.from(answer.body);
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  const common = { ETag: etag, "Cache-Control": answer.cacheControl };
  if (namesEntityTag(headers["if-none-match"], etag)) {
    response.writeHead(304, common).end();
    return;
  }
  const ifRange = headers["if-range"];
  const asked = typeof ifRange !== "string" || ifRangeHolds(ifRange, etag, null) ? headers.range : undefined;
  const range = method === "GET" ? parseRange(asked) : undefined;
  const place = range === undefined ? { offset: 0, length: body.length } : resolveRange(range, body.length);
  if (place === undefined) {
    response.writeHead(416, { "Content-Range": `bytes */${body.length}`, "Cache-Control": "no-store" }).end();
    return;
  }
  response.writeHead(range === undefined ? 200 : 206, {
    ...common,
    "Content-Type": answer.type,
    "Content-Length": place.length,
    "Accept-Ranges": "bytes",
    ...(range === undefined ? {} : { "Content-Range": contentRange(place, body.length) }),
  });
  response.end(method === "HEAD" ? undefined : body.subarray(place.offset, place.offset + place.length));
}
