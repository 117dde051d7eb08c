import { type ChildProcess, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { devKeysFile } from "../../cli/lib/dev-keys.ts";
import { freePort } from "../../cli/lib/ports.ts";
import { projectRoot } from "../../cli/lib/project.ts";
import { newSessionKey } from "../../src/keys/generate.ts";
import { rawRequest } from "../cluster/raw-request.ts";
import { runServe, type ServeRun } from "../cluster/serve.ts";
import { until, untilRefused } from "../cluster/viewer.ts";
import { walk } from "../cluster/walk.ts";

const folder = mkdtempSync(join(tmpdir(), "stagedoor-processes-"));
const configFile = join(folder, "stagedoor.config.json");
const issuer = {
  issuer: "https://id.stagedoor.test/",
  audience: "tv",
  algorithms: ["ES256"],
  jwksUri: "https://id.stagedoor.test/jwks",
};
const config = {
  version: 1,
  host: { type: "node" },
  api: { host: "api.{domain}" },
  cdns: { main: { type: "node", host: "media.{domain}" } },
  origins: { films: { type: "file", folder: "films" } },
  identity: { issuers: [issuer] },
  environments: { production: { domain: "tv.stagedoor.test" } },
  assets: [{ id: "film", origin: "films", entries: { hls: "index.m3u8" } }],
};

let ports: readonly string[] = [];
let apiUrl = "";
let mediaUrl = "";
let service: ServeRun;

beforeAll(async () => {
  mkdirSync(join(folder, "films"));
  cpSync(join(projectRoot, "fixtures/media/vod-ts"), join(folder, "films/film"), { recursive: true });
  writeFileSync(configFile, JSON.stringify(config));
  const [port, mediaPort] = [await freePort(), await freePort()];
  ports = ["--port", `${port}`, "--media-port", `${mediaPort}`];
  apiUrl = `http://localhost:${port}`;
  mediaUrl = `http://localhost:${mediaPort}`;
  service = await runServe(folder, [...ports, "--processes", "2"]);
});

afterAll(async () => {
  if (service.child.exitCode === null) await service.stop();
  rmSync(folder, { recursive: true });
});

const tokens = () => [...service.output().matchAll(/^eyJ\S+$/gm)].map(([token]) => token);
/** The lines of the log of one event. */
const events = (name: string, { output } = service) =>
  output()
    .split("\n")
    .filter((line) => line.includes(`"event":"${name}"`))
    .map((line) => JSON.parse(line));

/** A request on a connection of its own, so that any of the processes may answer it. */
async function ask(url: string, headers: Readonly<Record<string, string>> = {}) {
  const { origin, pathname, search } = new URL(url);
  return rawRequest(origin, pathname + search, { headers });
}

async function start() {
  const [token = ""] = tokens();
  const response = await fetch(`${apiUrl}/stream/start`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json", Connection: "close" },
    body: JSON.stringify({ asset: "film" }),
  });
  const body: unknown = await response.json();
  return { status: response.status, ...Object(body) };
}

async function segmentOf({ manifestUrl }: { readonly manifestUrl: string }): Promise<string> {
  const [segment = ""] = (await walk(manifestUrl)).files;
  return segment;
}

async function operator(path: string, body: object) {
  const [, credential = ""] = tokens();
  return fetch(apiUrl + path, {
    method: "POST",
    headers: { Authorization: `Bearer ${credential}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Sends SIGHUP before the service is ready. */
function reloadAtStart(text: string, child: ChildProcess): void {
  if (text.includes("Starting the service")) child.kill("SIGHUP");
}

const times = (count: number) => Array.from({ length: count }, (_, n) => n);

/** The processes that serve: those that have no other program in them. */
function children(): readonly number[] {
  const { pid } = service.child;
  const found = execFileSync("ps", ["--ppid", `${pid}`, "-o", "pid=,args="], { encoding: "utf8" });
  return found.split("\n").flatMap((line) => (/ serve /.test(line) ? [Number.parseInt(line, 10)] : []));
}

describe("npx stagedoor serve --processes 2", () => {
  it("refuses a revoked session in every process within the promise", async () => {
    const session = await start();
    const segment = await segmentOf(session);
    for (const _ of times(8)) expect((await ask(segment)).status).toBe(200);
    expect((await operator("/operator/revocations", { session: session.sessionId })).status).toBe(201);
    await untilRefused(segment, "session_revoked");
    await until(
      async () => (await Promise.all(times(16).map(() => ask(segment)))).map(({ status }) => status),
      (statuses) => statuses.every((status) => status === 403),
    );
  });

  it("shows the counts of all processes, whichever is asked", async () => {
    const started = async () => {
      const [, credential = ""] = tokens();
      const text = (await ask(`${apiUrl}/metrics`, { Authorization: `Bearer ${credential}` })).body.toString();
      return Number(/^stagedoor_started_total (\d+)$/m.exec(text)?.[1] ?? 0);
    };
    const before = await until(started, (count) => count >= 1);
    for (const _ of times(6)) expect((await start()).status).toBe(201);
    await until(
      async () => Promise.all(times(8).map(started)),
      (counts) => counts.every((count) => count === before + 6),
    );
  });

  it("reads changed keys on SIGHUP without a refused request, and signs with the new one", async () => {
    const session = await start();
    const segment = await segmentOf(session);
    const ring = JSON.parse(readFileSync(join(folder, devKeysFile), "utf8"));
    const old = ring.keys.find(({ kid }: { kid: string }) => kid === "dev-session");
    const keys = [newSessionKey("s2", randomBytes), { ...old, state: "retiring" }];
    const others = ring.keys.filter((key: object) => key !== old);
    writeFileSync(join(folder, devKeysFile), JSON.stringify({ keys: [...keys, ...others] }), { mode: 0o600 });
    const statuses: number[] = [];
    let isOver = false;
    const load = times(4).map(async () => {
      while (!isOver) statuses.push((await ask(segment)).status, (await ask(`${apiUrl}/health`)).status);
    });
    service.child.kill("SIGHUP");
    await until(
      () => events("reloaded"),
      (lines) => lines.length === 1,
    );
    isOver = true;
    await Promise.all(load);
    expect(new Set(statuses)).toEqual(new Set([200]));
    const next = await start();
    expect(await segmentOf(next)).not.toBe("");
    expect((await ask(await segmentOf(next))).status).toBe(200);
    expect((await ask(segment)).status).toBe(200);
  });

  it("continues with the old configuration if the new one is faulty, and says why in one line of the log", async () => {
    const session = await start();
    writeFileSync(configFile, JSON.stringify({ ...config, sttings: {} }));
    service.child.kill("SIGHUP");
    const [line] = await until(
      () => events("reload_refused"),
      (lines) => lines.length === 1,
    );
    expect(line).toMatchObject({
      worker: "serve",
      reason: expect.stringContaining("sttings: There is no such member"),
    });
    expect((await ask(session.manifestUrl)).status).toBe(200);
  });

  it("starts a process again that was killed, also while the file of the configuration is faulty", async () => {
    const [first = 0, second = 0] = children();
    expect([first, second]).not.toContain(0);
    process.kill(first, "SIGKILL");
    await until(children, (pids) => pids.length === 2 && !pids.includes(first));
    expect(events("process_ended")).toEqual([
      expect.objectContaining({ worker: "serve", process: first, signal: "SIGKILL" }),
    ]);
    process.kill(second, "SIGKILL");
    await until(
      async () => (await ask(`${mediaUrl}/ready`).catch(() => undefined))?.status,
      (status) => status === 200,
    );
    expect((await start()).status).toBe(201);
    writeFileSync(configFile, JSON.stringify(config));
  });

  it("gives changed keys to a process that is starting after it serves, so that no process ends", async () => {
    await until(children, (pids) => pids.length === 2);
    const [first = 0] = children();
    const answered = () => events("reloaded").length + events("reload_refused").length;
    const before = answered();
    const refused = events("reload_refused");
    process.kill(first, "SIGKILL");
    await until(children, (pids) => pids.length === 2 && !pids.includes(first), 10);
    const started = children();
    for (const count of [1, 2]) {
      service.child.kill("SIGHUP");
      await until(answered, (lines) => lines === before + count);
    }
    expect(events("reload_refused")).toEqual(refused);
    expect(events("process_failed")).toEqual([]);
    expect(children()).toEqual(started);
  });

  it("answers the requests that have arrived when a signal stops it, and exits with 0", async () => {
    const segment = await segmentOf(await start());
    const requests = times(8).map(() => ask(segment));
    await requests[0];
    const stopped = service.stop();
    for (const request of requests) expect((await request).status).toBe(200);
    expect(await stopped).toBe(0);
  });
});

describe("npx stagedoor serve", () => {
  it("reads its files again after the start if SIGHUP comes before it is ready", async () => {
    const early = await runServe(folder, ports, reloadAtStart);
    await until(
      () => events("reloaded", early),
      (lines) => lines.length === 1,
    );
    expect(await early.stop()).toBe(0);
  });
});

describe("npx stagedoor serve --role", () => {
  it("serves the API in one process and the media host in another, which share one file", async () => {
    const [api, media] = await Promise.all([
      runServe(folder, [...ports, "--role", "api", "--data", "shared.sqlite"]),
      runServe(folder, [...ports, "--role", "media", "--data", "shared.sqlite"]),
    ]);
    service = api;
    try {
      const session = await start();
      const segment = await segmentOf(session);
      expect((await ask(segment)).status).toBe(200);
      expect((await operator("/operator/revocations", { session: session.sessionId })).status).toBe(201);
      await untilRefused(segment, "session_revoked");
    } finally {
      expect(await media.stop()).toBe(0);
    }
    await expect(ask(`${mediaUrl}/health`)).rejects.toThrow("ECONNREFUSED");
    expect((await ask(`${apiUrl}/health`)).status).toBe(200);
    expect(await api.stop()).toBe(0);
  });
});
