import { createReadStream, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join, normalize } from "node:path";
import { projectRoot } from "../cli/lib/project.ts";
import { contentTypeOf } from "../src/origin/file-response.ts";
import type { Files } from "./films.ts";

const mediaFolder = join(projectRoot, "fixtures/media");

/** Serves the same streams without protection, for comparison. */
export async function serveUnprotected(made: Files): Promise<{ readonly port: number; stop(): void }> {
  const server: Server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname).slice(1);
    const bytes = made.get(path);
    const size = bytes?.length ?? statSync(join(mediaFolder, path), { throwIfNoEntry: false })?.size;
    response.setHeader("Access-Control-Allow-Origin", "*");
    if (size === undefined) {
      response.writeHead(404).end();
      return;
    }
    const [, first = "0", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
    const start = Number(first);
    const end = last === "" ? size - 1 : Math.min(Number(last), size - 1);
    response.setHeader("Content-Type", contentTypeOf(path, undefined) ?? "application/octet-stream");
    response.setHeader("Content-Length", end - start + 1);
    response.setHeader("Accept-Ranges", "bytes");
    response.setHeader("Cache-Control", "no-store");
    if (request.headers.range !== undefined) response.setHeader("Content-Range", `bytes ${start}-${end}/${size}`);
    response.writeHead(request.headers.range === undefined ? 200 : 206);
    if (bytes !== undefined) response.end(bytes.subarray(start, end + 1));
    else createReadStream(join(mediaFolder, path), { start, end }).pipe(response);
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
