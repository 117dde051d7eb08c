import { createReadStream, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join, normalize } from "node:path";
import { projectRoot } from "../cli/lib/project.ts";
import { contentTypeOf } from "../src/origin/file-response.ts";
import { contentRange, parseRange, resolveRange } from "../src/origin/ranges.ts";
import type { Files } from "./films.ts";

const mediaFolder = join(projectRoot, "fixtures/media");

/** Serves the same streams without protection, for comparison. */
export async function serveUnprotected(files: Files): Promise<{ readonly port: number; stop(): void }> {
  const server: Server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname).slice(1);
    const bytes = files.get(path);
    const size = bytes?.length ?? statSync(join(mediaFolder, path), { throwIfNoEntry: false })?.size;
    response.setHeader("Access-Control-Allow-Origin", "*");
    if (size === undefined) {
      response.writeHead(404).end();
      return;
    }
    const range = parseRange(request.headers.range);
    const whole = { offset: 0, length: size };
    const part = range === undefined ? whole : resolveRange(range, size);
    if (part === undefined) {
      response.writeHead(416, { "Content-Range": `bytes */${size}` }).end();
      return;
    }
    const end = part.offset + part.length;
    response.setHeader("Content-Type", contentTypeOf(path, undefined) ?? "application/octet-stream");
    response.setHeader("Content-Length", part.length);
    response.setHeader("Accept-Ranges", "bytes");
    response.setHeader("Cache-Control", "no-store");
    if (range !== undefined) response.setHeader("Content-Range", contentRange(part, size));
    response.writeHead(range === undefined ? 200 : 206);
    if (bytes !== undefined) response.end(bytes.subarray(part.offset, end));
    else createReadStream(join(mediaFolder, path), { start: part.offset, end: end - 1 }).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    port: address.port,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
