import { writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newDevKeys } from "../../../cli/lib/dev-keys.ts";
import { folder, json } from "./command-line.ts";

const ring = join(folder(), "keys.json");
const requests: (string | undefined)[] = [];
let server: Server;
let token: (issuer?: string) => Promise<string>;

beforeAll(async () => {
  writeFileSync(ring, JSON.stringify({ keys: await newDevKeys() }), { mode: 0o600 });
  const { privateKey, publicKey } = await generateKeyPair("EdDSA");
  const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "EdDSA" };
  server = createServer({ keepAliveTimeout: 0 }, ({ url }, response) => {
    requests.push(url);
    response.setHeader("Content-Type", "application/json").end(JSON.stringify({ keys: [jwk] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "localhost", resolve));
  const address = server.address();
  const api = `http://localhost:${typeof address === "object" ? address?.port : 0}`;
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
  requests.length = 0;
});

describe("token --inspect with a token of a local API", () => {
  it("loads the keys of its identity worker, and accepts the token as the API does", async () => {
    const result = await json("token", "--inspect", await token(), "--ring", ring, "--asset", "vod-ts");
    expect(result).toMatchObject({ verdict: "accepted", status: 201 });
    expect(requests).toEqual(["/api/auth/jwks"]);
  });

  it("loads no keys from another host, which the author of a token could choose", async () => {
    const result = await json("token", "--inspect", await token("https://id.example"), "--ring", ring);
    expect(result).toMatchObject({ verdict: "refused", code: "token_invalid" });
    expect(requests).toEqual([]);
  });
});
