import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signDevToken } from "../../cli/lib/dev-keys.ts";
import { operatorSigningKey, signOperatorToken } from "../../cli/lib/operator-api.ts";
import { freePort } from "../../cli/lib/ports.ts";
import { seconds } from "../../src/base/time.ts";
import { runServe, type ServeRun } from "../cluster/serve.ts";
import { type Answer, answerOf, until } from "../cluster/viewer.ts";
import { urisOf } from "../cluster/walk.ts";
import { type NodeService, productionIssuer, startService } from "../conformance/node-service.ts";
import { noRedis, type RedisServer, startRedis } from "../support/redis-server.ts";

let redis: RedisServer;
/** Two machines: each has both hosts and a disk of its own. */
let first: NodeService;
let second: ServeRun;
const secondPorts = { api: 0, media: 0 };

/** As the proxy in front sends it. */
const proxied = { "X-Forwarded-Proto": "https" };

/** Loads a URL of production from one of the machines. */
function request(url: string, port: number): Promise<Response> {
  const { pathname, search } = new URL(url);
  return fetch(`http://127.0.0.1:${port}${pathname}${search}`, { headers: proxied, redirect: "manual" });
}

const load = (url: string, port: number): Promise<Answer> => answerOf(request(url, port));

function post(path: string, token: string, body: object, port = first.ports.api): Promise<Answer> {
  const headers = { ...proxied, Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  return answerOf(fetch(`http://127.0.0.1:${port}${path}`, { method: "POST", headers, body: JSON.stringify(body) }));
}

let viewers = 0;

/** A session of a new viewer that one of the machines starts, with the URL of a segment. */
async function newSession(ports = first.ports) {
  const claims = {
    subject: `viewer-${viewers++}`,
    assets: "*",
    issuer: productionIssuer,
    lifetimeSeconds: 3600,
  } as const;
  const token = await signDevToken({ keys: first.keys }, claims);
  const { body } = await post("/stream/start", token, { asset: "vod-ts" }, ports.api);
  const { sessionId, manifestUrl } = Object(body);
  let url = String(manifestUrl);
  for (;;) {
    const [next] = urisOf(await (await request(url, ports.media)).text(), url);
    if (next === undefined) throw new Error("the playlist has no URI");
    if (next.kind === "file") return { sessionId: String(sessionId), segment: next.url };
    url = next.url;
  }
}

async function revoke(sessionId: string): Promise<void> {
  const key = operatorSigningKey({ keys: first.keys });
  if (key === undefined) throw new Error("the ring has no operator key");
  const { token } = await signOperatorToken(key, { name: "ann", scopes: ["operator:revoke"], lifetime: seconds(900) });
  expect((await post("/operator/revocations", token, { session: sessionId })).status).toBe(201);
}

/** Loads a URL again and again until `stop`, and returns the statuses. */
function loading(url: string, port: number) {
  const statuses: number[] = [];
  let isStopped = false;
  const done = (async () => {
    while (!isStopped)
      statuses.push(
        await load(url, port).then(
          ({ status }) => status,
          () => 0,
        ),
      );
  })();
  return {
    statuses,
    stop: async () => {
      isStopped = true;
      await done;
      return new Set(statuses);
    },
  };
}

const startSecond = () => {
  const ports = ["--port", `${secondPorts.api}`, "--media-port", `${secondPorts.media}`];
  return runServe(first.folder, ["--env", "production", ...ports, "--data", "data/second.sqlite"]);
};

function rules() {
  it("refuses what one machine revoked on the other as well", async () => {
    const { sessionId, segment } = await newSession();
    expect((await load(segment, secondPorts.media)).status).toBe(200);
    await revoke(sessionId);
    await until(
      () => load(segment, secondPorts.media),
      ({ code }) => code === "session_revoked",
    );
  });

  it("continues every session on one machine when the other is killed", async () => {
    const { segment } = await newSession(secondPorts);
    const play = loading(segment, first.ports.media);
    await until(
      () => play.statuses.length,
      (count) => count > 50,
    );
    second.child.kill("SIGKILL");
    await until(
      () =>
        load(segment, secondPorts.media).then(
          () => "answers",
          () => "gone",
        ),
      (state) => state === "gone",
    );
    const after = play.statuses.length;
    await until(
      () => play.statuses.length,
      (count) => count > after + 50,
    );
    expect(await play.stop()).toEqual(new Set([200]));
    second = await startSecond();
    expect((await load(segment, secondPorts.media)).status).toBe(200);
  });

  it("serves no revoked session and refuses no other for good when Redis is killed and starts empty", async () => {
    const [good, bad] = [await newSession(), await newSession(secondPorts)];
    await revoke(bad.sessionId);
    const refused = ({ code }: Answer) => code === "session_revoked";
    for (const { media } of [first.ports, secondPorts]) await until(() => load(bad.segment, media), refused);
    const [play, attempts] = [loading(good.segment, secondPorts.media), loading(bad.segment, secondPorts.media)];
    await redis.kill();
    await until(
      () => play.statuses.at(-1),
      (status) => status === 503,
    );
    await redis.start();
    await until(
      () => play.statuses.at(-1),
      (status) => status === 200,
    );
    await until(() => load(bad.segment, secondPorts.media), refused);
    // 503 is the refusal that the fault forces.
    expect(await play.stop()).toEqual(new Set([200, 503]));
    expect(await attempts.stop()).toEqual(new Set([403, 503]));
    expect((await newSession(secondPorts)).segment).toContain("seg=");
  });
}

if (noRedis === undefined) {
  beforeAll(async () => {
    redis = await startRedis();
    first = await startService({ environment: "production", host: { redis: { url: redis.url } }, settings: {} });
    [secondPorts.api, secondPorts.media] = [await freePort(), await freePort()];
    second = await startSecond();
  });
  afterAll(async () => {
    if (second.child.exitCode === null) await second.stop();
    await first.stop();
    await redis.remove();
  });
  describe("a service on two machines with Redis", rules);
} else it("a service on two machines with Redis survives the loss of each part", ({ skip }) => skip(noRedis));
