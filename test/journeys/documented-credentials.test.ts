import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { promisify } from "node:util";
import { calculateJwkThumbprint } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { devClient } from "../../cli/lib/dev-environment.ts";
import { requestTokens, signedUp } from "../cluster/device.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { newHolder, proofOf } from "../unit/auth/proofs.ts";
import { audience, issuerName, newPair, token } from "../unit/auth/tokens.ts";

const run = promisify(execFile);
const address = "https://api.example.com";

/** The commands at the top of docs/identity-providers/credentials.md. */
const [definition = "", ...commands] = (
  /^# Credentials\n[\s\S]*?```sh\n([\s\S]*?)```/.exec(
    readFileSync("docs/identity-providers/credentials.md", "utf8"),
  )?.[1] ?? ""
)
  .split("\n")
  .filter((line) => /^(start|curl)/.test(line));

let provider: Server;
let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let environment: Readonly<Record<string, string>>;

beforeAll(async () => {
  const exp = Math.floor(Date.now() / 1000) + 900;
  provider = createServer((_, response) => {
    const claims = { active: true, sub: "viewer-2", aud: "stagedoor", scope: "stream:play", assets: "*", exp };
    response.setHeader("Content-Type", "application/json").end(JSON.stringify(claims));
  });
  await new Promise<void>((done) => provider.listen(0, "127.0.0.1", done));
  const listener = provider.address();
  const port = typeof listener === "object" ? listener?.port : undefined;
  const [pair, holder] = [await newPair("ES256"), await newHolder()];
  const introspection = { url: `http://127.0.0.1:${port}/`, clientId: "stagedoor", clientSecret: "kept from the log" };
  cluster = await startTestCluster({
    STAGEDOOR_ISSUERS: JSON.stringify([
      { issuer: issuerName, audience, algorithms: ["ES256"], jwks: { keys: [pair.jwk] } },
      { issuer: "https://login.example.net", audience: "stagedoor", tokenPrefix: "opq_", introspection },
    ]),
  });
  const { apiUrl } = cluster.addresses;
  const device = await signedUp(apiUrl);
  const claims = { assets: "*", exp };
  const boundToken = await token(pair, { ...claims, cnf: { jkt: await calculateJwkThumbprint(holder.jwk) } });
  const iat = Math.floor(Date.now() / 1000);
  environment = {
    JWT: await token(pair, claims),
    OPAQUE: "opq_c2F5cyBub3RoaW5n",
    SESSION: device.bearer(),
    COOKIE: [...device.jar].map(([name, value]) => `${name}=${value}`).join("; "),
    BOUND: boundToken,
    PROOF: await proofOf(holder, boundToken, { htu: `${apiUrl}/stream/start`, iat }),
    REFRESH: (await requestTokens(apiUrl, device)).refresh,
  };
});
afterAll(async () => {
  await cluster.stop();
  provider.close();
});

describe("the commands of docs/identity-providers/credentials.md", () => {
  it("are six, after one definition", () => {
    expect(definition).toMatch(/^start\(\) \{ curl /);
    expect(commands).toHaveLength(6);
  });

  it.each(commands)("run as documented: %s", async (command) => {
    const { apiUrl } = cluster.addresses;
    const localized = (text: string) =>
      text.replaceAll(address, apiUrl).replace("film-42", "vod-ts").replace("my-app", devClient.clientId);
    const script = `${localized(definition)}\n${localized(command)}`;
    const { stdout } = await run("bash", ["-c", script], { env: { ...process.env, ...environment } });
    const body: Readonly<Record<string, unknown>> = JSON.parse(stdout);
    const member = command.startsWith("start") ? "manifestUrl" : "refresh_token";
    expect(Object.keys(body)).toContain(member);
  });
});
