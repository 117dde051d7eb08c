import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../cli/lib/ports.ts";
import { projectRoot } from "../../cli/lib/project.ts";
import { keepSecrets } from "../cluster/kept-logs.ts";
import { nodeDeployment } from "../cluster/node-deployment.ts";
import { rawRequest } from "../cluster/raw-request.ts";
import { runServe, type ServeRun } from "../cluster/serve.ts";
import { until, untilRefused } from "../cluster/viewer.ts";
import { walk } from "../cluster/walk.ts";
import { stagedoorProcess } from "../node/cli/command-line.ts";

const folder = mkdtempSync(join(tmpdir(), "stagedoor-node-"));
const config = {
  ...nodeDeployment,
  assets: [
    { id: "film", title: "Film", origin: "films", entries: { hls: "index.m3u8" } },
    {
      id: "home",
      title: "At home",
      origin: "films",
      entries: { hls: "index.m3u8" },
      binding: { network: "exact" },
    },
  ],
};

const webhookSecret = `whsec_${Buffer.alloc(32, 9).toString("base64")}`;
const received: { readonly headers: IncomingHttpHeaders; readonly text: string }[] = [];
const receiver = createServer(async (request, response) => {
  let text = "";
  for await (const chunk of request) text += chunk;
  received.push({ headers: request.headers, text });
  response.writeHead(204).end();
});

let ports: readonly string[] = [];
let apiUrl = "";
let mediaUrl = "";
let service: ServeRun;

const serve = (...words: readonly string[]) => runServe(folder, [...ports, ...words]);

const tokensOf = ({ output }: ServeRun) => [...output().matchAll(/^eyJ\S+$/gm)].map(([token]) => token);

async function start(asset = "film", headers: Readonly<Record<string, string>> = {}) {
  const [token = ""] = tokensOf(service);
  const response = await fetch(`${apiUrl}/stream/start`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", ...headers },
    body: JSON.stringify({ asset }),
  });
  const body: unknown = await response.json();
  return { status: response.status, body, ...Object(body) };
}

beforeAll(async () => {
  mkdirSync(join(folder, "films"));
  for (const name of ["film", "home", "again"])
    cpSync(join(projectRoot, "fixtures/media/vod-ts"), join(folder, "films", name), { recursive: true });
  const hookPort = await freePort();
  await new Promise<void>((ready) => receiver.listen(hookPort, "127.0.0.1", ready));
  const webhooks = {
    host: { type: "node", privateOrigins: [`127.0.0.1:${hookPort}`] },
    settings: { STAGEDOOR_WEBHOOKS: [{ url: `http://127.0.0.1:${hookPort}/hooks`, events: ["session.started"] }] },
  };
  writeFileSync(join(folder, "stagedoor.config.json"), JSON.stringify({ ...config, ...webhooks }));
  keepSecrets([], { webhookSecret });
  for (const environment of ["development", "production"])
    writeFileSync(join(folder, `secrets-${environment}.env`), `STAGEDOOR_WEBHOOK_SECRET=${webhookSecret}\n`, {
      mode: 0o600,
    });
  const [port, mediaPort] = [await freePort(), await freePort()];
  ports = ["--port", `${port}`, "--media-port", `${mediaPort}`];
  apiUrl = `http://localhost:${port}`;
  mediaUrl = `http://localhost:${mediaPort}`;
  service = await serve();
});

afterAll(async () => {
  if (service.child.exitCode === null) await service.stop();
  receiver.close();
  rmSync(folder, { recursive: true });
});

describe("the service on Node", () => {
  it("serves every playlist and file of a film from a folder, each only with its signature", async () => {
    const { status, manifestUrl } = await start();
    expect(status).toBe(201);
    const { playlists, files } = await walk(manifestUrl);
    expect(playlists.size).toBeGreaterThan(2);
    for (const url of [...files]) expect(await statusOf(url)).toBe(200);
    const [segment = ""] = files;
    expect(await statusOf(segment, { headers: { Range: "bytes=0-99" } })).toBe(206);
    expect(await statusOf(segment.replace(/.$/, (last) => (last === "A" ? "Q" : "A")))).toBe(403);
    expect(await statusOf(segment.split("?")[0] ?? "")).toBe(403);
  });

  it("sends the events of sessions to webhooks, signed and only those that are asked for", async () => {
    const { sessionId, grant } = await start();
    const own = () => received.find(({ text }) => text.includes(sessionId));
    const { headers, text } = (await until(
      async () => own(),
      (found) => found !== undefined,
    )) ?? { headers: {}, text: "" };
    const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
    expect(new Webhook(webhookSecret).verify(text, sent)).toMatchObject({
      type: "session.started",
      data: { asset: "film" },
    });
    expect(text).not.toContain(grant);
    expect(received.every((one) => one.text.includes("session.started"))).toBe(true);
  });

  it("keeps its database from other users of the machine, with the files that SQLite adds", () => {
    const data = join(folder, "data");
    const modes = readdirSync(data).map((name) => [name, statSync(join(data, name)).mode & 0o777]);
    expect(Object.fromEntries(modes)).toEqual({
      "development.sqlite": 0o600,
      "development.sqlite-shm": 0o600,
      "development.sqlite-wal": 0o600,
    });
  });

  it("checks the path of the request line, and no other spelling of it", async () => {
    const { manifestUrl } = await start();
    const [segment = ""] = (await walk(manifestUrl)).files;
    const { pathname, search } = new URL(segment);
    expect((await rawRequest(mediaUrl, pathname + search)).status).toBe(200);
    const folders = pathname.slice(0, pathname.lastIndexOf("/"));
    const name = pathname.slice(pathname.lastIndexOf("/"));
    for (const path of [`${folders}/.${name}`, `${folders}/../180p${name}`, `${folders}/${name}`, `/x/..${pathname}`])
      expect([path, (await rawRequest(mediaUrl, path + search)).status]).toEqual([path, expect.toSatisfy(isRefused)]);
    expect((await rawRequest(mediaUrl, segment)).status).toSatisfy(isRefused);
  });

  it("believes X-Forwarded-For of a trusted proxy, and CF-Connecting-IP of nobody", async () => {
    const from = { "X-Forwarded-For": "203.0.113.7" };
    const { manifestUrl } = await start("home", from);
    expect(await statusOf(manifestUrl, { headers: from })).toBe(200);
    expect(await statusOf(manifestUrl)).toBe(403);
    expect(await statusOf(manifestUrl, { headers: { "CF-Connecting-IP": "203.0.113.7" } })).toBe(403);
    // A client of the proxy wrote the first address, and the proxy the second.
    const invented = { "X-Forwarded-For": "203.0.113.7, 198.51.100.1" };
    expect(await statusOf(manifestUrl, { headers: invented })).toBe(403);
  });

  it("ends a revoked session within the promise, and does so after a restart as well", async () => {
    const { manifestUrl, sessionId } = await start();
    const other = await start();
    const [segment = ""] = (await walk(manifestUrl)).files;
    expect(await statusOf(segment)).toBe(200);
    const [, operator = ""] = tokensOf(service);
    const revoked = await fetch(`${apiUrl}/operator/revocations`, {
      method: "POST",
      headers: { Authorization: `Bearer ${operator}`, "Content-Type": "application/json" },
      body: JSON.stringify({ session: sessionId }),
    });
    expect(revoked.status).toBe(201);
    await untilRefused(segment, "session_revoked");
    expect(await service.stop()).toBe(0);
    service = await serve();
    await untilRefused(segment, "session_revoked");
    expect(await statusOf(other.manifestUrl)).toBe(200);
  });

  it("answers the operators' commands, and stores what they change", async () => {
    const [, operator = ""] = tokensOf(service);
    const asset = { id: "again", origin: { type: "file", root: "films", path: "again/" }, entry: "index.m3u8" };
    const put = (body: object) =>
      fetch(`${apiUrl}/operator/assets/again`, {
        method: "PUT",
        headers: { Authorization: `Bearer ${operator}`, "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
    expect((await put({ ...asset, origin: { ...asset.origin, root: "etc" } })).status).toBe(400);
    expect((await put(asset)).status).toBe(200);
    await until(
      async () => (await start("again")).status,
      (status) => status === 201,
    );
  });

  it("is reached over HTTPS only, outside of development: through a proxy", async () => {
    expect(await service.stop()).toBe(0);
    const ring = join(folder, "keys-production.json");
    expect(await stagedoorProcess("keys", "new", "--purpose", "session", "--ring", ring)).toMatchObject({ exit: 0 });
    service = await serve("--env", "production");
    expect(service.output()).toContain("https://media.tv.stagedoor.test");
    expect(service.output()).not.toContain("eyJ");
    for (const url of [apiUrl, mediaUrl])
      for (const path of ["/health", "/ready"]) expect(await statusOf(url + path)).toBe(200);
    expect(await statusOf(`${mediaUrl}/film/0.ts`)).toBe(403);
    expect(await statusOf(`${apiUrl}/console`)).toBe(403);
    const secure = await fetch(`${mediaUrl}/health`, { headers: { "X-Forwarded-Proto": "https" } });
    expect([secure.status, secure.headers.get("Strict-Transport-Security")]).toEqual([200, expect.any(String)]);
  });
});

/** The status of a response that was read to its end: the server waits for responses before it stops. */
async function statusOf(url: string, init?: RequestInit): Promise<number> {
  const response = await fetch(url, init);
  await response.arrayBuffer();
  return response.status;
}

const isRefused = (status: number) => status >= 400 && status < 500;
