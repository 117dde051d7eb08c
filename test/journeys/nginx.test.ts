import { createHmac } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../cli/lib/ports.ts";
import { projectRoot } from "../../cli/lib/project.ts";
import { parseKeyRing } from "../../src/keys/ring.ts";
import { verifierKeys } from "../../src/verifier/verifier-keys.ts";
import { type Nginx, nginxMissing, startNginx } from "../cluster/nginx.ts";
import { nodeDeployment } from "../cluster/node-deployment.ts";
import { type NodeService, startNodeService } from "../cluster/node-service.ts";
import { rawRequest } from "../cluster/raw-request.ts";
import { secretsIn } from "../cluster/secrets.ts";
import { get, until, untilRefused } from "../cluster/viewer.ts";
import { walk } from "../cluster/walk.ts";
import { runFile } from "../node/cli/command-line.ts";

const folder = mkdtempSync(join(tmpdir(), "stagedoor-nginx-"));
const films = join(folder, "films");
const remotePort = await freePort();
const config = {
  ...nodeDeployment,
  host: {
    ...{ type: "node", privateOrigins: [`127.0.0.1:${remotePort}`] },
    placeHeaders: { country: "X-Client-Country", region: "X-Client-Region" },
  },
  origins: {
    films: { type: "file", folder: "films" },
    remote: { type: "http", url: `http://127.0.0.1:${remotePort}/` },
  },
  assets: [
    { id: "film", origin: "films", entries: { hls: "index.m3u8" }, players: { except: ["Old/*"] } },
    { id: "bound", origin: "films", entries: { hls: "index.m3u8" }, segmentSignature: "session" },
    { id: "odd", origin: "films", entries: { hls: "index.m3u8" } },
    { id: "far", origin: "remote", path: "film/", entries: { hls: "index.m3u8" } },
  ],
};

/** Names that need an alias or an escape, and symbolic links to a file below the root and to one outside. */
const oddNames = ["a;v=1.ts", "b%20c.ts", "inside.ts", "outside.ts", "folder.ts"];

let service: NodeService;
let nginx: Nginx;
let ports = { port: 0, mediaPort: 0 };

function writeFilms(): void {
  mkdirSync(join(films, "odd"), { recursive: true });
  for (const name of ["film", "bound"])
    cpSync(join(projectRoot, "fixtures/media/vod-ts"), join(films, name), { recursive: true });
  const segments = oddNames.map((name) => `#EXTINF:2,\n${name}\n`).join("");
  writeFileSync(
    join(films, "odd/index.m3u8"),
    `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n${segments}#EXT-X-ENDLIST\n`,
  );
  for (const name of ["a;v=1.ts", "b c.ts"]) cpSync(join(films, "film/360p/0.ts"), join(films, "odd", name));
  mkdirSync(join(films, "odd/folder.ts"));
  writeFileSync(join(folder, "outside.ts"), "of the machine");
  symlinkSync("../film/360p/0.ts", join(films, "odd/inside.ts"));
  symlinkSync(join(folder, "outside.ts"), join(films, "odd/outside.ts"));
}

/** Requests to the HTTP origin, by path. */
const asked = new Map<string, number>();

/** An origin whose headers nginx must neither obey nor pass on. */
const remote = createServer((request, response) => {
  const path = request.url ?? "/";
  asked.set(path, (asked.get(path) ?? 0) + 1);
  const file = join(films, path);
  if (path === "/film/360p/1.ts") response.writeHead(302, { Location: "/film/360p/2.ts" }).end();
  else if (!existsSync(file)) response.writeHead(404).end("the origin's own page");
  else {
    const body = readFileSync(file);
    const headers = { "Set-Cookie": "a=b", "X-Accel-Redirect": "/film/secret", "Content-Type": "video/mp2t" };
    response.writeHead(200, { ...headers, "Content-Length": body.length }).end(body);
  }
});

beforeAll(async () => {
  if (nginxMissing !== undefined) return;
  // nginx's processes run as another user, who has to reach the films.
  chmodSync(folder, 0o755);
  writeFilms();
  await new Promise<void>((resolve) => remote.listen(remotePort, "127.0.0.1", resolve));
  writeFileSync(join(folder, "stagedoor.config.json"), JSON.stringify(config));
  ports = { port: await freePort(), mediaPort: await freePort() };
  service = await startNodeService(folder, ports);
  // As a database of places would, by a header of the tests.
  const places = join(folder, "places.conf");
  writeFileSync(
    places,
    "proxy_set_header X-Client-Country $http_x_test;\nproxy_set_header X-Client-Region $http_x_in;\n",
  );
  nginx = await startNginx(folder, {
    port: await freePort(),
    mediaPort: ports.mediaPort,
    words: ["--places", places],
  });
});

afterAll(async () => {
  await nginx?.stop();
  await service?.stop();
  remote.close();
  rmSync(folder, { recursive: true });
});

/** A session's URLs, all through nginx. */
async function start(asset = "film") {
  const { sessionId, manifestUrl } = await service.start(asset);
  const manifest = manifestUrl.replace(`http://localhost:${ports.mediaPort}`, nginx.url);
  const { playlists, files } = await walk(manifest);
  const segment = [...files].find((url) => new URL(url).pathname.endsWith("/360p/0.ts")) ?? "";
  return { sessionId, manifest, playlists, files: [...files], segment };
}

/** A segment's URL with another expiry, signed with the ring's key. */
async function signedAt(segment: string, expiry: number): Promise<string> {
  const ring = parseKeyRing(JSON.parse(readFileSync(join(folder, ".stagedoor/keys.json"), "utf8")));
  const [key] = ring.ok ? await verifierKeys(ring.value) : [];
  const url = new URL(segment);
  const path = url.pathname.slice(url.pathname.indexOf("/", 1));
  const mac = createHmac("sha256", Buffer.from(key?.shared.segment ?? "", "base64url"));
  const signature = mac.update(`segment\n\n${path}\n\n${expiry}`).digest().subarray(0, 16).toString("base64url");
  url.search = `?seg=${expiry}.${signature}`;
  return url.href;
}

const changed = (url: string) => url.replace(/.$/, (last) => (last === "A" ? "Q" : "A"));

describe.skipIf(nginxMissing !== undefined)("nginx as the edge", () => {
  it("serves every file of a stream from the disk, with the headers of the other edges", async () => {
    const { files, playlists, segment } = await start();
    expect(playlists.size).toBeGreaterThan(2);
    for (const url of files) expect((await get(url)).status).toBe(200);
    const own = await rawRequest(nginx.url, pathOf(segment));
    const plain = await rawRequest(`http://localhost:${ports.mediaPort}`, pathOf(segment));
    expect(own.body.equals(plain.body)).toBe(true);
    const compared = [
      ...["content-type", "content-length", "access-control-allow-origin", "access-control-expose-headers"],
      ...["cross-origin-resource-policy", "content-security-policy", "x-content-type-options", "referrer-policy"],
    ];
    for (const name of compared) expect([name, own.headers[name]]).toEqual([name, plain.headers[name]]);
    expect(own.headers["cache-control"]).toMatch(/^private, max-age=\d+$/);
    // nginx's own form: the file did not come from the service.
    expect(own.headers.etag).toMatch(/^"[0-9a-f]{8}-[0-9a-f]+"$/);
  });

  it("answers HEAD, one range, a range beyond the end and a known entity tag", async () => {
    const path = pathOf((await start()).segment);
    const request = (headers: Readonly<Record<string, string>>, method = "GET") =>
      rawRequest(nginx.url, path, { method, headers });
    const whole = await request({});
    const head = await request({}, "HEAD");
    expect([head.status, head.body.length, head.headers["content-length"]]).toEqual([200, 0, `${whole.body.length}`]);
    const part = await request({ Range: "bytes=10-19" });
    expect([part.status, part.headers["content-range"]]).toEqual([206, `bytes 10-19/${whole.body.length}`]);
    expect(part.body.equals(whole.body.subarray(10, 20))).toBe(true);
    const beyond = await request({ Range: "bytes=99999999-" });
    expect([beyond.status, beyond.headers["content-range"]]).toEqual([416, `bytes */${whole.body.length}`]);
    expect(beyond.headers["stagedoor-refusal"]).toBe("range_not_satisfiable");
    expect((await request({ "If-None-Match": String(whole.headers.etag) })).status).toBe(304);
  });

  it("refuses with the statuses, codes and problem documents of the service itself", async () => {
    const { segment, manifest } = await start();
    const [path = "", query = ""] = pathOf(segment).split("?");
    const at = path.lastIndexOf("/");
    const withName = (name: string) => `${path.slice(0, at)}${name}?${query}`;
    const targets = [
      ...[changed(`${path}?${query}`), path, changed(pathOf(manifest)), "/", "/film/360p/0.ts"],
      ...[`${path.replace(/.{3}\//, "AAA/")}?${query}`, pathOf(await signedAt(segment, 1_700_000_000)).slice(0, -1)],
      ...["//0.ts", "/./0.ts", "/../360p/0.ts", "/%2e/0.ts", "%2f0.ts", "%2F0.ts", "/%30.ts"].map(withName),
      ...["/0.ts;a", "/1.ts", "/0.ts%00", "/0.ts%zz"].map(withName),
    ];
    for (const target of targets) {
      const own = await rawRequest(nginx.url, target);
      const plain = await rawRequest(`http://localhost:${ports.mediaPort}`, target);
      expect([target, own.status, own.body.toString()]).toEqual([target, plain.status, plain.body.toString()]);
      for (const name of ["content-type", "cache-control", "stagedoor-refusal", "access-control-allow-origin"])
        expect([name, own.headers[name]]).toEqual([name, plain.headers[name]]);
      expect(own.headers["request-id"]).toMatch(/^[0-9a-f]{16}$/);
    }
    // Node's own parser refuses it without a document.
    const backslash = await rawRequest(nginx.url, withName("\\0.ts"));
    expect([backslash.status, backslash.headers["stagedoor-refusal"]]).toEqual([400, "path_invalid"]);
    for (const method of ["POST", "PUT", "DELETE", "TRACE"]) {
      const { status, headers } = await rawRequest(nginx.url, pathOf(segment), { method });
      expect([method, status, headers.allow]).toEqual([method, 405, "GET, HEAD, OPTIONS"]);
    }
    const preflight = {
      "Access-Control-Request-Method": "GET",
      "Access-Control-Request-Headers": "range, cmcd-object",
    };
    const allowed = await rawRequest(nginx.url, pathOf(segment), { method: "OPTIONS", headers: preflight });
    expect([allowed.status, allowed.headers["access-control-allow-headers"]]).toEqual([204, "range, cmcd-object"]);
    expect((await get(`${nginx.url}/stagedoor-admission`)).status).toBe(403);
  });

  it("answers an authentic URL that has expired with 307 to a fresh one", async () => {
    const { segment } = await start();
    const expired = await signedAt(segment, 1_795_000_000);
    const redirect = await fetch(expired, { redirect: "manual" });
    expect([redirect.status, redirect.headers.get("Cache-Control")]).toEqual([307, "no-store"]);
    expect(redirect.headers.get("Access-Control-Allow-Origin")).toBe("*");
    expect(redirect.headers.get("Location")).toMatch(/^\.\/0\.ts\?seg=\d+\.[\w-]{22}$/);
    expect((await get(new URL(redirect.headers.get("Location") ?? "", expired).href)).status).toBe(200);
    expect((await fetch(expired, { headers: { Range: "bytes=0-9" } })).status).toBe(206);
  });

  const outcomeOf = async (url: string, headers: Readonly<Record<string, string>>) => {
    const response = await fetch(url, { headers, redirect: "manual" });
    await response.body?.cancel();
    return response.headers.get("Stagedoor-Refusal") ?? response.status;
  };
  const untilOutcome = (url: string, headers: Readonly<Record<string, string>>, expected: string | number) =>
    until(
      () => outcomeOf(url, headers),
      (outcome) => outcome === expected,
    );

  it("checks the asset's conditions for playlists and renewals, and not for URLs that have not expired", async () => {
    const { manifest, segment } = await start();
    for (const [player, outcome] of [
      ["New/1", undefined],
      ["Old/1", "player_refused"],
    ] as const) {
      const headers = { "User-Agent": player };
      expect([await outcomeOf(manifest, headers), await outcomeOf(segment, headers)]).toEqual([outcome ?? 200, 200]);
      await untilOutcome(await signedAt(segment, 1_795_000_000), headers, outcome ?? 307);
    }
  });

  it("refuses a running session where its asset is blacked out, and nobody else", async () => {
    const { segment, manifest } = await start("bound");
    const [berlin, paris] = [{ "X-Test": "DE", "X-In": "BE" }, { "X-Test": "FR" }];
    expect(await outcomeOf(segment, berlin)).toBe(200);
    expect(await service.revoke({ blackout: { asset: "bound", places: ["DE-BE"] } })).toBe(201);
    await untilOutcome(segment, berlin, "place_not_allowed");
    // A country without a region, and what a client says itself.
    for (const headers of [berlin, { "X-Test": "DE" }, { "X-Client-Country": "FR" }])
      expect(await outcomeOf(manifest, headers)).toBe("place_not_allowed");
    expect(await outcomeOf(manifest, paris)).toBe(200);
    expect(await service.revoke({ blackout: { asset: "bound" }, lift: true })).toBe(201);
    await untilOutcome(segment, berlin, 200);
  });

  it("refuses a revoked session, also for URLs that would be renewed", async () => {
    const { segment, sessionId } = await start();
    const expired = await signedAt(segment, 1_795_000_000);
    expect((await get(segment)).status).toBe(200);
    expect(await service.revoke({ session: sessionId })).toBe(201);
    await untilRefused(segment, "session_revoked");
    expect((await get(expired)).code).toBe("session_revoked");
  });

  it("accepts segments that are bound to their session in that session only", async () => {
    const [own, other] = [await start("bound"), await start("bound")];
    expect((await get(own.segment)).status).toBe(200);
    const [, grant = ""] = new URL(other.segment).pathname.split("/");
    const copied = own.segment.replace(/\/2D3R[^/]+/, `/${grant}`);
    expect((await get(copied)).code).toBe("signature_invalid");
    expect((await get(await signedAt(own.segment, 4_000_000_000))).code).toBe("signature_invalid");
  });

  it("decodes aliases and escapes, follows no symbolic link out of the root, and serves no folder", async () => {
    const { files } = await start("odd");
    const plain = readFileSync(join(films, "film/360p/0.ts"));
    const answers = await Promise.all(files.map((url) => rawRequest(nginx.url, pathOf(url))));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 404, 404]);
    for (const { body } of answers.slice(0, 3)) expect(body.equals(plain)).toBe(true);
    for (const { headers } of answers.slice(3)) expect(headers["stagedoor-refusal"]).toBe("object_unknown");
  });

  it("serves files of an HTTP origin from its cache, without the origin's headers, and follows no redirect itself", async () => {
    const { files } = await start("far");
    const bytesOf = (name: string) => readFileSync(join(films, "film/360p", name));
    const urlOf = (name: string) => pathOf(files.find((url) => new URL(url).pathname.endsWith(`/360p/${name}`)) ?? "");
    for (const _ of [1, 2]) {
      const { status, headers, body } = await rawRequest(nginx.url, urlOf("0.ts"));
      expect([status, headers["set-cookie"], headers["content-type"]]).toEqual([200, undefined, "video/mp2t"]);
      expect(headers["cache-control"]).toMatch(/^private, max-age=/);
      expect(body.equals(bytesOf("0.ts"))).toBe(true);
    }
    expect(asked.get("/film/360p/0.ts")).toBe(1);
    const part = await rawRequest(nginx.url, urlOf("0.ts"), { headers: { Range: "bytes=1-3" } });
    expect([part.status, part.body.equals(bytesOf("0.ts").subarray(1, 4))]).toEqual([206, true]);
    expect((await rawRequest(nginx.url, urlOf("1.ts"))).body.equals(bytesOf("2.ts"))).toBe(true);
    rmSync(join(films, "film/180p/5.ts"));
    const missing = await get(files.find((url) => new URL(url).pathname.endsWith("/180p/5.ts")) ?? "");
    expect([missing.status, missing.code]).toEqual([404, "object_unknown"]);
  });

  it("serves an asset that an operator adds, without a reload", async () => {
    cpSync(join(films, "film"), join(films, "again"), { recursive: true });
    const asset = { id: "again", origin: { type: "file", root: "films", path: "again/" }, entry: "index.m3u8" };
    const put = await fetch(`${service.apiUrl}/operator/assets/again`, {
      method: "PUT",
      headers: { Authorization: `Bearer ${service.tokens[1]}`, "Content-Type": "application/json" },
      body: JSON.stringify(asset),
    });
    expect(put.status).toBe(200);
    const session = await until(
      () => start("again").catch(() => undefined),
      (started) => started !== undefined,
      500,
    );
    expect((await get(session?.segment ?? "")).status).toBe(200);
  });

  it("refuses no request while its keys are replaced and it is reloaded", async () => {
    const { segment } = await start();
    const ring = join(folder, ".stagedoor/keys.json");
    let isPlaying = true;
    const refused: number[] = [];
    const playing = Array.from({ length: 4 }, async () => {
      while (isPlaying) {
        // A connection for each request: nginx may close an idle one at any time, and most of all at a reload.
        const { status } = await rawRequest(nginx.url, pathOf(segment));
        if (status !== 200) refused.push(status);
      }
    });
    const words = [join(projectRoot, "cli/stagedoor.ts"), "keys", "new", "--purpose", "session", "--ring", ring];
    const before = readFileSync(join(folder, "nginx/stagedoor-keys.js"), "utf8");
    expect(await runFile(process.execPath, words, folder, process.env)).toMatchObject({ exit: 0 });
    await nginx.reload();
    const kids = (text: string) => text.match(/"kid"/g)?.length;
    expect([kids(before), kids(readFileSync(join(folder, "nginx/stagedoor-keys.js"), "utf8"))]).toEqual([1, 2]);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    isPlaying = false;
    await Promise.all(playing);
    expect(refused).toEqual([]);
  });

  it("keeps its keys from other users", () => {
    expect(statSync(join(folder, "nginx")).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, "nginx/stagedoor-keys.js")).mode & 0o777).toBe(0o600);
  });

  it("writes neither grants nor signatures into its access log", async () => {
    const { segment } = await start();
    await get(segment);
    const { access } = await until(nginx.logs, ({ access: text }) => text.includes('"/film/360p/0.ts"'));
    expect(access.split("\n").flatMap((line) => secretsIn(line))).toEqual([]);
    expect(access).toContain('"path":"/odd/~/[…].ts"');
  });

  it("refuses files and playlists with problem documents while the service is down", async () => {
    const { segment, manifest } = await start();
    expect((await get(segment)).status).toBe(200);
    await service.stop("SIGKILL");
    const refusals = await until(
      () => Promise.all([segment, manifest].map((url) => get(url))),
      (answers) => answers.every(({ status }) => status !== 200),
    );
    expect(refusals.map(({ status, code }) => [status, code])).toEqual([
      [503, "store_unavailable"],
      [503, "store_unavailable"],
    ]);
    const { error } = nginx.logs();
    expect(secretsIn(error)).toContain("a grant");
    const program = join(projectRoot, "cli/stagedoor.ts");
    const kept = join(folder, "error.log");
    writeFileSync(kept, error);
    const words = [program, "nginx-log", "--file", kept];
    const { stdout } = await runFile(process.execPath, words, folder, process.env);
    expect(stdout.split("\n").flatMap((line) => secretsIn(line))).toEqual([]);
    expect(stdout).toMatch(/connect\(\) failed .*"GET \/\[…\]\/film\/360p\/0\.ts\?\[…\]"/);
  });
});

function pathOf(url: string): string {
  const { pathname, search } = new URL(url);
  return pathname + search;
}
