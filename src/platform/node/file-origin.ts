import { constants } from "node:fs";
import * as disk from "node:fs/promises";
import { join, relative } from "node:path";
import { ok, type Refused, type Result, refusal } from "../../base/result.ts";
import { systemClock } from "../../base/time.ts";
import { contentTypeOf, type FileFacts, fileResponse, notModified } from "../../origin/file-response.ts";
import type { Origin, OriginRefusal, OriginRequest } from "../../origin/origin.ts";
import { namesEntityTag, parseRange, rangeRefusal, resolveRange } from "../../origin/ranges.ts";

/** The part of node:fs/promises that is used here, so that tests can change files between two calls. */
export type Disk = Pick<typeof disk, "realpath" | "open" | "readlink" | "stat">;

/** The bytes of one read: what a slow viewer keeps in memory. */
const chunkSize = 128 * 1024;

/** Those of a second. */
const nanoseconds = 1_000_000_000n;

/** After how many seconds a file's second is over, also by the clock of its file system. */
const settled = 2n;

/** A FIFO would block the open, and a terminal become the process's own. The last name is already resolved. */
const openFlags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/** The errors of names that lead to no file: also a loop of links, a socket, and a file in place of a folder. */
const missing: ReadonlySet<string> = new Set(["ENOENT", "ENOTDIR", "ELOOP", "ENAMETOOLONG", "ENXIO", "EISDIR"]);

/**
 * The files below folders of this machine. An asset names a root, and `roots` has its folder; the file's name is the decoded path
 * below the asset's own, and a query is ignored. A name that begins with a dot is never served.
 *
 * A symbolic link may lead to another place within the root, and never out of it. The check is repeated on the opened file, so a
 * file or folder that is replaced by a link meanwhile is not served. Refusals name no folder of the machine.
 */
export function fileOrigin(roots: ReadonlyMap<string, string>, files: Disk = disk): Origin {
  return async (request) => {
    const { asset } = request;
    if (asset.origin.type !== "file") return refusal("internal_error", `${asset.id}: its origin is no folder`);
    const { root, path } = asset.origin;
    const folder = roots.get(root);
    if (folder === undefined)
      return refusal(
        "configuration_invalid",
        `${asset.id}: stagedoor.config.json has no origin ${root} of the type file`,
      );
    const below = decoded(request.path);
    if (below === undefined || !isPlain(path + below)) return unknown(request, "the path cannot be the name of a file");
    const opened = await openBelow(folder, path + below, request, files);
    return opened.ok ? respond(opened.value, request) : opened;
  };
}

interface OpenFile {
  readonly handle: disk.FileHandle;
  readonly facts: FileFacts;
}

/** Opens a regular file that is, after all links, below the folder. */
async function openBelow(
  folder: string,
  name: string,
  request: OriginRequest,
  files: Disk,
): Promise<Result<OpenFile, OriginRefusal>> {
  let root: string;
  try {
    root = await files.realpath(folder);
  } catch (error) {
    return refusal("origin_failed", `${request.asset.id}: the folder of its root cannot be read (${codeOf(error)})`);
  }
  let handle: disk.FileHandle | undefined;
  let opened: Result<OpenFile, OriginRefusal>;
  try {
    const resolved = await files.realpath(join(root, name));
    if (!isBelow(root, resolved)) return unknown(request, "a symbolic link leads out of the root");
    handle = await files.open(resolved, openFlags);
    opened = await checkOpened(handle, resolved, root, request, files);
  } catch (error) {
    const code = codeOf(error);
    opened = missing.has(code)
      ? unknown(request, "the folder has no such file")
      : refusal("origin_failed", `${request.asset.id}: the file cannot be read (${code})`);
  }
  if (!opened.ok) await handle?.close();
  return opened;
}

async function checkOpened(
  handle: disk.FileHandle,
  resolved: string,
  root: string,
  request: OriginRequest,
  files: Disk,
): Promise<Result<OpenFile, OriginRefusal>> {
  const stat = await handle.stat({ bigint: true });
  if (!stat.isFile()) return unknown(request, "it is no regular file");
  const location = await locationOf(handle, stat, resolved, files);
  if (location === undefined || !isBelow(root, location))
    return unknown(request, "the file was replaced while it was opened");
  const { size, mtimeNs, mtime } = stat;
  const facts = {
    contentType: contentTypeOf(request.path, undefined),
    size: Number(size),
    etag: entityTag(size, mtimeNs),
    lastModified: mtime.toUTCString(),
  };
  return ok({ handle, facts });
}

/**
 * The entity tag that nginx gives the file, in whole seconds, so that both have one; also copies that keep the time (rsync -a, cp -p).
 * While the second may not be over, another version of the same size could get the same tag: until then it has nanoseconds.
 */
function entityTag(size: bigint, changedAt: bigint): string {
  const second = changedAt / nanoseconds;
  const mayChange = BigInt(systemClock()) < second + settled;
  return `"${(mayChange ? changedAt : second).toString(16)}-${size.toString(16)}"`;
}

/**
 * Where an opened file is. Linux says so for the descriptor itself. Elsewhere its name is resolved again: undefined if that is
 * another file by now.
 */
async function locationOf(
  handle: disk.FileHandle,
  { dev, ino }: { readonly dev: bigint; readonly ino: bigint },
  resolved: string,
  files: Disk,
): Promise<string | undefined> {
  if (process.platform === "linux") return files.readlink(`/proc/self/fd/${handle.fd}`);
  const location = await files.realpath(resolved);
  const named = await files.stat(location, { bigint: true });
  return named.dev === dev && named.ino === ino ? location : undefined;
}

/** Takes over the file: it is closed as soon as the response needs no more of it. */
async function respond({ handle, facts }: OpenFile, request: OriginRequest): Promise<Result<Response, OriginRefusal>> {
  const { method, ifNoneMatch } = request;
  if (namesEntityTag(ifNoneMatch, facts.etag)) {
    await handle.close();
    return ok(notModified(facts));
  }
  const asked = method === "GET" ? parseRange(request.range) : undefined;
  const range = asked && resolveRange(asked, facts.size);
  if (asked !== undefined && range === undefined) {
    await handle.close();
    return rangeRefusal(facts.size);
  }
  const { offset, length } = range ?? { offset: 0, length: facts.size };
  if (method === "HEAD" || length === 0) {
    await handle.close();
    return ok(fileResponse(facts, range, null));
  }
  return ok(fileResponse(facts, range, bytesOf(handle, offset, length)));
}

/** A part of a file, read as it is needed. A file that becomes shorter breaks the response off, so that nobody keeps it. */
function bytesOf(handle: disk.FileHandle, offset: number, length: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let at = offset;
  const end = offset + length;
  return new ReadableStream(
    {
      pull: async (controller) => {
        try {
          const buffer = new Uint8Array(Math.min(chunkSize, end - at));
          const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
          if (bytesRead === 0) throw new Error("the file became shorter while it was read");
          at += bytesRead;
          controller.enqueue(buffer.subarray(0, bytesRead));
          if (at < end) return;
          controller.close();
        } catch (error) {
          controller.error(error);
        }
        await handle.close();
      },
      cancel: () => handle.close(),
    },
    { highWaterMark: 0 },
  );
}

function unknown({ asset }: OriginRequest, why: string): Refused<OriginRefusal> {
  return refusal("object_unknown", `${asset.id}: ${why}`);
}

/** Undefined for a path that is not UTF-8. */
function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** Whether every name of a path is one that may be served: not empty, not `..`, not hidden, and without a separator in it. */
function isPlain(path: string): boolean {
  return path.split("/").every((name) => name !== "" && !name.startsWith(".") && !/[\\\0]/.test(name));
}

/** Whether a resolved file is below a resolved folder, in folders that are not hidden. */
function isBelow(folder: string, file: string): boolean {
  return isPlain(relative(folder, file));
}

/** The code of an error of the operating system. Its message has the path. */
function codeOf(error: unknown): string {
  const code: unknown = Object(error).code;
  return typeof code === "string" ? code : "unknown error";
}
