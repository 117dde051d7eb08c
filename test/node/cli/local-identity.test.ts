import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newDevKeys } from "../../../cli/lib/dev-keys.ts";
import { folder, json } from "./command-line.ts";

const ring = join(folder(), "keys.json");
const asked: (string | undefined)[] = [];
let server: Server;
let token: (issuer?: string) => Promise<string>;

beforeAll(async () => {
  writeFileSync(ring, JSON.stringify({ keys: await newDevKeys() }), { mode: 0o600 });
  const { privateKey, publicKey } = await generateKeyPair("EdDSA");
  const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "EdDSA" };
  server = createServer({ keepAliveTimeout: 0 }, ({ url }, response) => {
    asked.push(url);
    response.setHeader("Content-Type", "application/json").end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((done) => server.listen(0, "localhost", done));
  const listening = server.address();
  const api = `http://localhost:${typeof listening === "object" ? listening?.port : 0}`;
  token = (issuer = api) =>
    new SignJWT({ scope: "stream:play", assets: "*", sid: "login-1" })
      .setProtectedHeader({ alg: "EdDSA", kid: "k1" })
      .setIssuer(issuer)
      .setAudience(issuer)
      .setSubject("ann")
      .setExpirationTime("5m")
      .sign(privateKey);
});
afterAll(() => void server.close());
beforeEach(() => {
  asked.length = 0;
});

describe("token --inspect, with a token of an API that runs on this machine", () => {
  it("asks that one's identity worker for its keys, and takes it as the API does", async () => {
    const answer = await json("token", "--inspect", await token(), "--ring", ring, "--asset", "vod-ts");
    expect(answer).toMatchObject({ verdict: "accepted", status: 201 });
    expect(asked).toEqual(["/api/auth/jwks"]);
  });

  it("asks no other host: the author of the token would choose it", async () => {
    const answer = await json("token", "--inspect", await token("https://id.example"), "--ring", ring);
    expect(answer).toMatchObject({ verdict: "refused", code: "token_invalid" });
    expect(asked).toEqual([]);
  });
});
