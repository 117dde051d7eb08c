import { readBytes } from "../base/body-text.ts";
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

/** The largest file in bytes whose own response is read before it is sent, instead of asking for its first bytes. */
const readWhole = 1024 * 1024;

/** How long a decision is remembered for the other ranges of a film. */
const verdictLife = seconds(60);
const mostVerdicts = 1000;

/** A decision about one version of a file. */
interface Verdict {
  readonly version: string | undefined;
  readonly fault: string | undefined;
}

/**
 * Guards `deliver`; created once per isolate. A small file is read whole and judged by the bytes that are then sent. Of a
 * range, a large file or a HEAD, the first bytes are requested before the answer, and the answer must be of the same
 * version (entity tag, or date): a range in the middle of a playlist does not look like one.
 */
export function guardFiles({ deliver, clock, timer }: GuardPorts): GuardedFiles {
  const verdicts = new Map<string, Verdict & { readonly until: UnixSeconds }>();

  async function judgeNow(file: FileRequest, waitUntil: WaitUntil): Promise<Result<Verdict, OriginRefusal>> {
    const { ifRange: _, ifNoneMatch: __, ...plain } = file;
    const asked: FileRequest = { ...plain, method: "GET", range: `bytes=0-${headLength - 1}` };
    const deadline = startDeadline(timeoutOf(file.asset.origin), timer);
    try {
      const answer = await deliver(asked, waitUntil);
      // An empty file has no range. Some servers refuse a range that ends after a short file, such as a key.
      if (!answer.ok && "size" in answer.refusal && answer.refusal.size === 0)
        return ok({ version: undefined, fault: undefined });
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
    const found = await deliver(file, waitUntil);
    if (!found.ok || found.value.status === 304) return found;
    const length = readDecimal(found.value.headers.get("Content-Length") ?? "");
    if (file.method === "GET" && found.value.status === 200 && length !== undefined && length <= readWhole)
      return serveRead(file, found.value, length);
    for (const fresh of [false, true]) {
      const verdict = await judged(file, waitUntil, fresh).catch(() => refusal("origin_failed", "the file broke off"));
      if (!verdict.ok) return dropped(found.value, verdict);
      // A remembered decision may be about an older version.
      if (verdict.value.version !== versionOf(found.value)) continue;
      return verdict.value.fault === undefined ? found : dropped(found.value, forbidden(verdict.value.fault));
    }
    return dropped(found.value, refusal("origin_failed", "the file changes while it is read"));
  }

  async function serveRead(file: FileRequest, found: Response, length: number): Promise<Result<Response, FileRefusal>> {
    if (found.body === null) return ok(found);
    const deadline = startDeadline(timeoutOf(file.asset.origin), timer);
    try {
      const bytes = await readBytes(found.body.getReader(), length, deadline);
      if (bytes === "late") return refusal("origin_slow", "the file did not end in time");
      if (bytes === "too_large" || bytes.length !== length) return refusal("origin_failed", "the file was cut off");
      const { fault } = verdictOn(file, found, bytes);
      const { status, headers } = found;
      return fault === undefined ? ok(new Response(bytes, { status, headers })) : forbidden(fault);
    } catch {
      return refusal("origin_failed", "the file was cut off");
    } finally {
      deadline.end();
    }
  }

  return {
    serve,
    judge: async (file, waitUntil) => {
      const verdict = await judged(file, waitUntil, false).catch(() => refusal("origin_failed", "the file broke off"));
      if (!verdict.ok) return verdict;
      return verdict.value.fault === undefined ? ok(undefined) : forbidden(verdict.value.fault);
    },
  };
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
async function readHead({ body }: Response, deadline: Deadline): Promise<Result<Uint8Array, Refusal<"origin_slow">>> {
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
