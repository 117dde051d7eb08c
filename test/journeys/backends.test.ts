import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { credentialKeyOf, signCredential } from "../../cli/lib/ring-credential.ts";
import { seconds } from "../../src/base/time.ts";
import { keepSecrets } from "../cluster/kept-logs.ts";
import { operatorOf } from "../cluster/operator.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { answerOf, get, sessionOf, untilRefused, untilStartRefused, urlsOf } from "../cluster/viewer.ts";

const run = promisify(execFile);
const page = readFileSync("docs/backends.md", "utf8");
const blocks = (language: string) =>
  [...page.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, "g"))].map(([, text = ""]) => text);

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let credential: string;
let folder: string;
beforeAll(async () => {
  cluster = await startTestCluster({});
  credential = await newCredential();
  folder = mkdtempSync(join(tmpdir(), "stagedoor-backends-"));
});
afterAll(async () => {
  await cluster.stop();
  rmSync(folder, { recursive: true });
});

async function newCredential() {
  const key = credentialKeyOf({ keys: cluster.addresses.keys }, "backend");
  if (key === undefined) throw new Error("the ring has no backend key");
  const claims = { issuer: "stagedoor-backend", name: "web", scope: "stream:play", lifetime: seconds(900) };
  const { token } = await signCredential(key, { ...claims, more: { assets: "*", rate: 600 } });
  keepSecrets([], { token });
  return token;
}

function send(method: string, path: string, token: string, body?: object, headers: Record<string, string> = {}) {
  return answerOf(
    fetch(cluster.addresses.apiUrl + path, {
      method,
      headers: { Authorization: `Bearer ${token}`, ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  );
}

const start = async (subject: string, token = credential) =>
  sessionOf(await send("POST", "/stream/start", token, { asset: "vod-ts", viewer: { subject } }));

describe("docs/backends.md", () => {
  it("has curl commands that start, show, renew and end a stream", async () => {
    const [first = "", second = ""] = blocks("sh");
    const environment = { ...process.env, API: cluster.addresses.apiUrl, STAGEDOOR_CREDENTIAL: credential };
    const bash = async (script: string) => {
      const { stdout } = await run("bash", ["-ec", script.replaceAll("film-42", "vod-ts")], { env: environment });
      return stdout;
    };
    const startCommand = first.slice(first.indexOf("curl "));
    expect(Object.keys(JSON.parse(await bash(startCommand)))).toContain("manifestUrl");
    const [assignment, ...commands] = second.trim().split("\n");
    expect(commands).toHaveLength(3);
    const shown = commands.map((command) => `${command.replace(/ +#.*$/, "")}; echo`).join("\n");
    const lines = (await bash(`${assignment}\n${shown}`)).split("\n");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ asset: "vod-ts", state: "running" });
    expect(Object.keys(JSON.parse(lines[1] ?? ""))).toContain("manifestUrl");
    expect(lines[2]).toBe("");
  });

  it("has JavaScript that starts and ends a stream, and throws what a refusal says", async () => {
    const file = join(folder, "backend.mjs");
    writeFileSync(file, blocks("js").join("\n"));
    process.env.STAGEDOOR_CREDENTIAL = credential;
    const { startStream, endStream } = await import(/* @vite-ignore */ pathToFileURL(file).href);
    const { apiUrl } = cluster.addresses;
    const user = { id: "user ü/17" };
    const request = { ip: "192.0.2.7", userAgent: "Firefox/1" };
    const { sessionId, manifestUrl } = await startStream(apiUrl, user, "vod-ts", request);
    expect((await get(manifestUrl)).status).toBe(200);
    await endStream(apiUrl, user, sessionId);
    await untilRefused(manifestUrl, "session_revoked");
    await expect(startStream(apiUrl, user, "nothing", request)).rejects.toThrow("asset_unknown");
    await expect(startStream(apiUrl, user, "vod-ts", { ip: "nowhere" })).rejects.toThrow("viewer.address: ");
    delete process.env.STAGEDOOR_CREDENTIAL;
  });
});

describe("a session that a backend started", () => {
  it("plays, and ends at the edge for good when its credential is revoked, while another credential's goes on", async () => {
    const leaked = await newCredential();
    const [mine, other] = [await start("ann", leaked), await start("bob")];
    const [urls, otherUrls] = [await urlsOf(mine), await urlsOf(other)];
    for (const url of [urls.segment, otherUrls.segment]) expect((await get(url)).status).toBe(200);
    const operator = await operatorOf(cluster.addresses, "ann");
    const { jti } = JSON.parse(Buffer.from(leaked.split(".")[1] ?? "", "base64url").toString());
    const revoked = await send("POST", "/operator/revocations", operator.token, {
      token: { issuer: "stagedoor-backend", jti },
    });
    expect(revoked.status).toBe(201);
    for (const url of [urls.manifest, urls.playlist, urls.segment]) await untilRefused(url, "session_revoked");
    expect((await get(otherUrls.segment)).status).toBe(200);
    // The API knows the log as of at most two seconds ago.
    const again = () => send("POST", "/stream/start", leaked, { asset: "vod-ts", viewer: { subject: "ann" } });
    expect((await untilStartRefused(again, "token_revoked")).status).toBe(401);
  });

  it("ends at the edge when the key of its credential is revoked, which is not a session key", async () => {
    const session = await start("eve");
    const { segment } = await urlsOf(session);
    const operator = await operatorOf(cluster.addresses, "ann", ["operator:keys"]);
    const body = { key: "dev-backend" };
    const revoked = await send("POST", "/operator/revocations", operator.token, body);
    expect([revoked.status, Object(revoked.body).known]).toEqual([201, undefined]);
    await untilRefused(segment, "session_revoked");
    expect((await send("POST", "/operator/revocations", operator.token, { ...body, lift: true })).status).toBe(201);
  });
});
