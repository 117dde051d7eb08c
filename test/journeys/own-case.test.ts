import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { projectRoot } from "../../cli/lib/project.ts";
import { freePlace, runStart } from "../cluster/run-start.ts";
import { until } from "../cluster/viewer.ts";
import { urisOf } from "../cluster/walk.ts";
import { stagedoorProcess } from "../node/cli/command-line.ts";

const media = join(projectRoot, "fixtures/media/vod-single");
const folder = mkdtempSync(join(tmpdir(), "stagedoor-own-"));
const secret = "open-sesame-open-sesame";
const issuer = "https://login.own.example";

let origin: Server;
let host = "";
const decisions: string[] = [];
let deny = false;

/** An origin that requires a secret header, an origin for everybody, and a service that decides about starts. */
beforeAll(async () => {
  origin = createServer((request, response) => {
    const path = (request.url ?? "").replace(/\?.*/, "");
    if (path === "/decide") {
      request.setEncoding("utf8").on("data", (text) => decisions.push(text));
      request.on("end", () => {
        response.setHeader("Content-Type", "application/json");
        response.end(JSON.stringify({ allow: !deny }));
      });
      return;
    }
    if (path.startsWith("/secret/") && request.headers["x-own"] !== secret) {
      response.writeHead(403).end();
      return;
    }
    const [, file = ""] = /^\/(?:secret|open)\/([\w.]+)$/.exec(path) ?? [];
    try {
      response.end(readFileSync(join(media, file)));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => origin.listen(0, "127.0.0.1", resolve));
  const bound = origin.address();
  host = bound !== null && typeof bound === "object" ? `127.0.0.1:${bound.port}` : "";
});

afterAll(() => {
  origin.closeAllConnections();
  origin.close();
  rmSync(folder, { recursive: true });
});

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** The options for an issuer, a catalog, a secret and a service of one's own, and a token of that issuer. */
async function ownCase() {
  const { publicKey, privateKey } = await generateKeyPair("ES256");
  const jwk = { ...(await exportJWK(publicKey)), kid: "own-1", alg: "ES256", use: "sig" };
  const issuers = [{ issuer, audience: "own-films", algorithms: ["ES256"], jwks: { keys: [jwk] } }];
  const auth = { type: "header", name: "X-Own", secret: "OWN_SECRET" };
  const asset = { id: "own-film", origin: { type: "http", url: `http://${host}/secret/`, auth }, entry: "index.m3u8" };
  const token = await new SignJWT({ scope: "stream:play", assets: "*" })
    .setProtectedHeader({ alg: "ES256", kid: "own-1", typ: "at+jwt" })
    .setIssuer(issuer)
    .setAudience("own-films")
    .setSubject("ann")
    .setIssuedAt()
    .setExpirationTime("1h")
    .sign(privateKey);
  const options = [
    ...["--issuers", file("issuers.json", JSON.stringify(issuers))],
    ...["--catalog", file("catalog.json", JSON.stringify({ version: 1, assets: [asset] }))],
    ...["--secrets", file("secrets.env", `OWN_SECRET=${secret}\n`)],
    ...["--entitlement-url", `http://${host}/decide`],
  ];
  const environment = {
    STAGEDOOR_ORIGIN_SECRETS: JSON.stringify({ OWN_SECRET: { use: "header", header: "X-Own", hosts: [host] } }),
    STAGEDOOR_ENTITLEMENT_CACHE: "0",
  };
  return { token, options, environment };
}

function startStream(apiUrl: string, asset: string, token: string): Promise<Response> {
  const headers = { Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  return fetch(`${apiUrl}/stream/start`, { method: "POST", headers, body: JSON.stringify({ asset }) });
}

async function idsAt(apiUrl: string): Promise<readonly string[]> {
  const { streams } = Object(await (await fetch(`${apiUrl}/demo.json`)).json());
  return streams.map(({ id }: { readonly id: string }) => id);
}

const ready = (output: string) => output.includes("Ready after") || output.includes("is invalid");

describe("npm start with a case of one's own", () => {
  it("plays a film of an own origin with a secret, for a token of an own issuer, if an own service allows it", async () => {
    const { token, options, environment } = await ownCase();
    const { args, apiUrl } = await freePlace(join(folder, "state-of-own-film"));
    const run = runStart([...args, ...options], environment);
    await until(run.output, ready);
    const started = await startStream(apiUrl, "own-film", token);
    expect([started.status, run.output()]).toEqual([201, expect.not.stringContaining(secret)]);
    const { manifestUrl } = Object(await started.json());
    const playlist = await (await fetch(manifestUrl)).text();
    const [segment] = urisOf(playlist, manifestUrl);
    expect((await fetch(segment?.url ?? "")).status).toBe(200);
    expect(decisions.join("")).toContain("own-film");
    deny = true;
    expect(Object(await (await startStream(apiUrl, "own-film", token)).json()).code).toBe("entitlement_refused");
    deny = false;
    expect(await idsAt(apiUrl)).toEqual(expect.arrayContaining(["own-film", "vod-ts"]));
  });

  it("keeps an asset that was added while it ran, after a check that its entry loads", async () => {
    const id = "own-added";
    const first = await freePlace(join(folder, "state-of-added-film"));
    const before = runStart(first.args);
    await until(before.output, ready);
    const add = (...words: string[]) =>
      stagedoorProcess("assets", "add", id, "--api", first.apiUrl, "--replace", ...words);
    const missing = await add("--origin", `http://${host}/open/`, "--entry", "none.m3u8");
    expect([missing.exit, missing.stdout + missing.stderr]).toEqual([
      1,
      expect.stringContaining("own-added: the origin answered 404"),
    ]);
    const unread = await add("--origin", `r2:MEDIA/no-such-film/`);
    expect([unread.exit, unread.stdout + unread.stderr]).toEqual([1, expect.stringContaining("404 object_unknown")]);
    const added = await add("--origin", `http://${host}/open/`);
    expect([added.exit, added.stdout + added.stderr]).toEqual([0, expect.stringContaining("Its entry loads.")]);
    before.child.kill("SIGINT");
    expect(await before.ended).toBe(0);
    const second = await freePlace(join(folder, "state-of-added-film"));
    const after = runStart(second.args);
    await until(after.output, ready);
    expect(after.output()).toContain(id);
    expect(await idsAt(second.apiUrl)).toContain(id);
    expect((await stagedoorProcess("assets", "remove", id, "--api", second.apiUrl)).exit).toBe(0);
    await expect.poll(() => idsAt(second.apiUrl)).not.toContain(id);
  });
});
