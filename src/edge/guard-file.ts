import { makeRoom } from "../base/bounded-map.ts";
import { readDecimal } from "../base/encoding.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import {
  after,
  type Clock,
  type Deadline,
  seconds,
  startDeadline,
  type Timer,
  type UnixSeconds,
  type WaitUntil,
} from "../base/time.ts";
import { originIdentity } from "../catalog/asset-origin.ts";
import { contentTypeOf } from "../origin/file-response.ts";
import { type OriginRefusal, timeoutOf } from "../origin/origin.ts";
import { parseContentRange } from "../origin/ranges.ts";
import type { DeliverFile, FileRequest } from "./deliver-file.ts";
import { contentFault, headLength } from "./file-content.ts";

export interface GuardPorts {
  readonly deliver: DeliverFile;
  readonly clock: Clock;
  readonly timer: Timer;
}

export type FileRefusal = OriginRefusal | Refusal<"file_forbidden">;

/** Serves files that no playlist names, and decides by their bytes whether they may be served. */
export interface GuardedFiles {
  /** The response, or `file_forbidden` for a playlist, a key or a segment (see {@link contentFault}). */
  readonly serve: (file: FileRequest, waitUntil: WaitUntil) => Promise<Result<Response, FileRefusal>>;
  /** The decision alone, for a file that another host serves. */
  readonly judge: (file: FileRequest, waitUntil: WaitUntil) => Promise<Result<undefined, FileRefusal>>;
}

/** How long a decision is remembered for the other ranges of a film. */
const verdictLife = seconds(60);
const mostVerdicts = 1000;

/** A decision about one version of a file. */
interface Verdict {
  readonly version: string | undefined;
  readonly fault: string | undefined;
}

/**
 * Guards `deliver`; created once per isolate. A whole file is judged by the first of the bytes that are then sent, so at
 * most {@link headLength} of a request are in memory. Of a range, a HEAD, a 304 or a 416, the first bytes are requested
 * before the answer, and an answer that names a version (entity tag, or date) must be of the same one: a range in the
 * middle of a playlist does not look like one. If the origin names no version, the whole file is sent instead of a range
 * (RFC 9110 §14.2 allows it).
 */
export function guardFiles({ deliver, clock, timer }: GuardPorts): GuardedFiles {
  const verdicts = new Map<string, Verdict & { readonly until: UnixSeconds }>();

  async function judgeNow(file: FileRequest, waitUntil: WaitUntil): Promise<Result<Verdict, OriginRefusal>> {
    const { ifRange: _, ifNoneMatch: __, ...plain } = file;
    const asked: FileRequest = { ...plain, method: "GET", range: `bytes=0-${headLength - 1}` };
    const deadline = startDeadline(timeoutOf(file.asset.origin), timer);
    try {
      const ranged = await deliver(asked, waitUntil);
      // An empty file has no range.
      const empty = !ranged.ok && "size" in ranged.refusal && ranged.refusal.size === 0;
      const answer = empty ? await deliver({ ...asked, range: undefined }, waitUntil) : ranged;
      // Some servers refuse a range that ends after a short file, such as a key.
      if (!answer.ok && answer.refusal.code === "range_not_satisfiable")
        return refusal("origin_failed", "the origin refuses the range of a file's first bytes");
      if (!answer.ok) return answer;
      const head = await readHead(answer.value, deadline);
      return head.ok ? ok(verdictOn(file, answer.value, head.value)) : head;
    } finally {
      deadline.end();
    }
  }

  async function judged(
    file: FileRequest,
    waitUntil: WaitUntil,
    fresh: boolean,
  ): Promise<Result<Verdict, OriginRefusal>> {
    const key = `${originIdentity(file.asset.origin)} ${file.path}?${file.query}`;
    const known = verdicts.get(key);
    if (!fresh && known !== undefined && clock() < known.until) return ok(known);
    const verdict = await judgeNow(file, waitUntil);
    if (!verdict.ok) return verdict;
    makeRoom(verdicts, mostVerdicts);
    verdicts.set(key, { ...verdict.value, until: after(clock(), verdictLife) });
    return verdict;
  }

  async function serve(file: FileRequest, waitUntil: WaitUntil): Promise<Result<Response, FileRefusal>> {
    const asked = await deliver(file, waitUntil);
    const nameless = asked.ok && asked.value.status === 206 && versionOf(asked.value) === undefined;
    const { range: _, ifRange: __, ...whole } = file;
    const found = nameless ? await deliver(dropped(asked.value, whole), waitUntil) : asked;
    if (!found.ok) {
      if (found.refusal.code !== "range_not_satisfiable") return found;
      // It says the file's size.
      const verdict = await judge(file, waitUntil);
      return verdict.ok ? found : verdict;
    }
    if (nameless && found.value.status === 206)
      return dropped(found.value, refusal("origin_failed", "the origin sends a range instead of the whole file"));
    if (file.method === "GET" && found.value.status === 200) return serveWhole(file, found.value);
    for (const fresh of [false, true]) {
      const verdict = await judged(file, waitUntil, fresh).catch(() => refusal("origin_failed", "the file broke off"));
      if (!verdict.ok) return dropped(found.value, verdict);
      // A remembered decision may be about an older version. A 304 need not name its version.
      const version = versionOf(found.value);
      const isSame = verdict.value.version === version || (found.value.status === 304 && version === undefined);
      if (!isSame) continue;
      return verdict.value.fault === undefined ? found : dropped(found.value, forbidden(verdict.value.fault));
    }
    return dropped(found.value, refusal("origin_failed", "the file changes while it is read"));
  }

  /** A copy of the stream's beginning is read; the rest goes from the origin to the viewer as it arrives. */
  async function serveWhole(file: FileRequest, found: Response): Promise<Result<Response, FileRefusal>> {
    if (found.body === null) return ok(found);
    const { status, headers } = found;
    const [beginning, whole] = found.body.tee();
    const answer = new Response(whole, { status, headers });
    const deadline = startDeadline(timeoutOf(file.asset.origin), timer);
    try {
      const head = await readHead({ body: beginning }, deadline);
      if (!head.ok) return dropped(answer, head);
      const length = readDecimal(headers.get("Content-Length") ?? "");
      if (length !== undefined && head.value.length < Math.min(length, headLength))
        return dropped(answer, refusal("origin_failed", "the file was cut off"));
      const { fault } = verdictOn(file, found, head.value);
      return fault === undefined ? ok(answer) : dropped(answer, forbidden(fault));
    } catch {
      return dropped(answer, refusal("origin_failed", "the file was cut off"));
    } finally {
      deadline.end();
    }
  }

  async function judge(file: FileRequest, waitUntil: WaitUntil): Promise<Result<undefined, FileRefusal>> {
    const verdict = await judged(file, waitUntil, false).catch(() => refusal("origin_failed", "the file broke off"));
    if (!verdict.ok) return verdict;
    return verdict.value.fault === undefined ? ok(undefined) : forbidden(verdict.value.fault);
  }

  return { serve, judge };
}

function forbidden(fault: string) {
  return refusal("file_forbidden", `the origin's file is not served as a file: ${fault}`);
}

/** The body is not used, and would hold a connection. */
function dropped<Reason>(response: Response, reason: Reason): Reason {
  response.body?.cancel().catch(() => undefined);
  return reason;
}

function verdictOn({ path }: FileRequest, { status, headers }: Response, bytes: Uint8Array): Verdict {
  const stated = status === 206 ? parseContentRange(headers.get("Content-Range"))?.size : undefined;
  const size = stated ?? (bytes.length < headLength ? bytes.length : undefined);
  const contentType = contentTypeOf(path, headers.get("Content-Type"));
  const version = versionOf({ headers });
  return { version, fault: contentFault({ head: bytes.subarray(0, headLength), size, contentType }) };
}

function versionOf({ headers }: Pick<Response, "headers">): string | undefined {
  return headers.get("ETag")?.replace(/^W\//, "") ?? headers.get("Last-Modified") ?? undefined;
}

/** The first {@link headLength} bytes of a body, or all of it. The rest is not read. */
async function readHead(
  { body }: Pick<Response, "body">,
  deadline: Deadline,
): Promise<Result<Uint8Array, Refusal<"origin_slow">>> {
  if (body === null) return ok(new Uint8Array(0));
  const reader = body.getReader();
  const head = new Uint8Array(headLength);
  let length = 0;
  try {
    while (length < headLength) {
      const chunk = await deadline.before(reader.read());
      if (chunk === "late") return refusal("origin_slow", "the file did not begin in time");
      if (chunk.done) break;
      const part = chunk.value.subarray(0, headLength - length);
      head.set(part, length);
      length += part.length;
    }
    return ok(head.subarray(0, length));
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
