import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { decodeJwt, decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { devKeyRing } from "../../../cli/lib/dev-keys.ts";
import { operatorIssuers } from "../../../src/auth/operator-token.ts";
import { verifyJwt } from "../../../src/auth/verify-jwt.ts";
import { systemClock } from "../../../src/base/time.ts";
import { parseKeyRing } from "../../../src/keys/ring.ts";
import { folder, json, secretsIn, stagedoor } from "./command-line.ts";

const ringIn = (file: string) => {
  const ring = parseKeyRing(JSON.parse(readFileSync(file, "utf8")));
  if (!ring.ok) throw new Error(ring.refusal.join());
  return ring.value;
};
const kidsIn = (file: string) => ringIn(file).keys.map(({ kid, purpose }) => [kid, purpose]);

describe("operator new", () => {
  it("creates a missing key, and writes the token to a file for its owner only, without printing it", async () => {
    const place = join(folder(), "deep");
    const ring = join(place, "keys.json");
    const run = await stagedoor("operator", "new", "--name", "ann", "--ring", ring);
    expect([run.exit, run.stderr]).toEqual([0, ""]);
    expect(kidsIn(ring)).toEqual([[expect.stringMatching(/^operator-/), "operator"]]);
    const file = join(place, "operator-ann.jwt");
    const token = readFileSync(file, "utf8").trim();
    expect([statSync(ring).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o600, 0o600]);
    for (const secret of [...secretsIn(ring), token, token.split(".")[2] ?? token])
      expect(run.stdout).not.toContain(secret);
    expect(run.stdout).toContain(`npm run deploy -- --env production --ring ${ring} --secrets-only`);
    expect(run.stdout).not.toContain("secret put");
  });

  it("sets issuer, audience, subject, scope and expiry, and the public half in the API's keys verifies the token", async () => {
    const place = folder();
    const [ring, out] = [join(place, "keys.json"), join(place, "token.txt")];
    const words = ["--name", "ann", "--scope", "operator:keys", "--scope", "operator:read", "--days", "2"];
    const made = await json("operator", "new", ...words, "--ring", ring, "--out", out);
    expect(made).toMatchObject({
      exit: 0,
      name: "ann",
      scope: "operator:read operator:keys",
      file: out,
      keyMade: true,
    });
    const token = readFileSync(out, "utf8").trim();
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({
      iss: "stagedoor-operator",
      aud: "stagedoor-operator",
      sub: "ann",
      jti: made.tokenId,
    });
    expect(Number(claims.exp) - Number(claims.iat)).toBe(2 * 86_400);
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: "ES256", kid: made.kid });
    expect(JSON.stringify(made)).not.toContain(token);

    await stagedoor("keys", "new", "--purpose", "session", "--kid", "s1", "--ring", ring);
    const forApi = parseKeyRing(JSON.parse((await stagedoor("keys", "for", "api", "--ring", ring)).stdout));
    if (!forApi.ok) throw new Error(forApi.refusal.join());
    expect(forApi.value.keys.map((key) => [key.kid, "d" in key])).toEqual([
      ["s1", false],
      [made.kid, false],
    ]);
    const verified = await verifyJwt(token, operatorIssuers(forApi.value, systemClock), systemClock());
    expect(verified.ok).toBe(true);
    for (const worker of ["manifest", "edge"])
      expect((await stagedoor("keys", "for", worker, "--ring", ring)).stdout).not.toContain(made.kid);
  });

  it("signs with the existing key, prints the token with --out -, and overwrites no file", async () => {
    const place = folder();
    const [ring, out] = [join(place, "keys.json"), join(place, "token.txt")];
    await stagedoor("operator", "new", "--name", "ann", "--ring", ring, "--out", out);
    // The expiry of the last token is recorded with its key, and nothing else.
    const key = () => readFileSync(ring, "utf8").replace(/"signedUntil": \d+/, "");
    const before = key();
    const printed = await stagedoor("operator", "new", "--name", "bob", "--ring", ring, "--out", "-");
    expect(decodeJwt(printed.stdout).sub).toBe("bob");
    expect(printed.stderr).toContain("npm run deploy -- --env production");
    const again = await stagedoor("operator", "new", "--name", "bob", "--ring", ring, "--out", out);
    expect([again.exit, again.stderr]).toEqual([1, expect.stringContaining("exists already")]);
    expect(decodeJwt(readFileSync(out, "utf8")).sub).toBe("ann");
    expect(key()).toBe(before);
    expect(readdirSync(place).sort()).toEqual(["keys.json", "token.txt"]);
  });

  it("refuses to create a second key next to a public half, with advice", async () => {
    const place = folder();
    const [ring, apiRing] = [join(place, "keys.json"), join(place, "api.json")];
    await stagedoor("operator", "new", "--name", "ann", "--ring", ring);
    await stagedoor("keys", "new", "--purpose", "session", "--ring", ring);
    writeFileSync(apiRing, (await stagedoor("keys", "for", "api", "--ring", ring)).stdout);
    const run = await stagedoor("operator", "new", "--name", "bob", "--ring", apiRing);
    expect([run.exit, run.stderr]).toEqual([1, expect.stringContaining("only public halves")]);
    expect(kidsIn(apiRing)).toHaveLength(2);
  });

  it("switches to a new key once its --nbf has passed", async () => {
    const ring = join(folder(), "keys.json");
    await stagedoor("operator", "new", "--name", "ann", "--ring", ring);
    const kid = async () => (await json("operator", "new", "--name", "bob", "--ring", ring, "--out", "-")).kid;
    const first = await kid();
    const next = ["keys", "new", "--purpose", "operator", "--ring", ring];
    const created = await stagedoor(...next, "--kid", "later");
    expect(created.stdout).toContain("npm run deploy -- --env production");
    expect(await kid()).toBe(first);
    await stagedoor(...next, "--kid", "now", "--nbf", "now");
    expect(await kid()).toBe("now");
    const { keys } = await json("keys", "list", "--ring", ring);
    expect(keys.map(({ state }: { state: string }) => state)).toEqual(["retiring", "next", "active"]);
  });
});

describe("a development key ring", () => {
  it("is the same for all that create it at once, as commands in a fresh clone do", async () => {
    const root = folder();
    const rings = await Promise.all([devKeyRing(root), devKeyRing(root), devKeyRing(root)]);
    const [first] = rings;
    expect(rings).toEqual([first, first, first]);
    expect(await devKeyRing(root)).toEqual(first);
    expect(readdirSync(join(root, ".stagedoor"))).toEqual(["keys.json"]);
  });

  it("of an earlier version gets an operator key once, and keeps its other keys", async () => {
    const root = folder();
    const whole = await devKeyRing(root);
    const file = join(root, ".stagedoor/keys.json");
    expect(whole.keys.map(({ purpose }) => purpose)).toContain("operator");
    const older = whole.keys.filter(({ purpose }) => purpose !== "operator");
    writeFileSync(file, JSON.stringify({ keys: older }));
    const repaired = await devKeyRing(root);
    expect(repaired.keys).toEqual([...older, expect.objectContaining({ kid: "dev-operator", purpose: "operator" })]);
    expect(await devKeyRing(root)).toEqual(repaired);
    expect([statSync(file).mode & 0o777, readdirSync(join(root, ".stagedoor"))]).toEqual([0o600, ["keys.json"]]);
  });
});

describe("npx stagedoor revoke", () => {
  const requests: { path: string | undefined; authorization: string | undefined; body: unknown }[] = [];
  let server: Server;
  let api: string;
  beforeAll(async () => {
    server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      let text = "";
      request.on("data", (chunk) => {
        text += chunk;
      });
      request.on("end", () => {
        requests.push({ path: request.url, authorization: request.headers.authorization, body: JSON.parse(text) });
        response.writeHead(201, { "Content-Type": "application/json" });
        response.end('{"revoked":"token","until":"2026-11-25T11:06:40Z"}');
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    api = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}/api/v1`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  const place = folder();
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const tokenFile = (claims: object) => {
    const file = join(place, `${crypto.randomUUID()}.jwt`);
    writeFileSync(file, `${part({ alg: "ES256" })}.${part(claims)}.${part({ no: "signature" })}\n`);
    return file;
  };
  const bearer = () => {
    const file = join(place, "bearer.txt");
    mkdirSync(place, { recursive: true });
    writeFileSync(file, "MARKEDBEARER\n");
    return file;
  };
  const revoke = async (...words: string[]) => {
    requests.length = 0;
    const run = await stagedoor("revoke", ...words, "--api", api, "--bearer", bearer());
    return { ...run, requests: [...requests] };
  };

  it("reads a token from a file, and sends only its issuer and id, until its expiry", async () => {
    const file = tokenFile({ iss: "https://id.example", jti: "t-1", sub: "ann", exp: 1_900_000_000 });
    const run = await revoke("--token", file);
    expect(run.exit).toBe(0);
    const body = { token: { issuer: "https://id.example", jti: "t-1" }, until: 1_900_000_300 };
    expect(run.requests).toEqual([
      { path: "/api/v1/operator/revocations", authorization: "Bearer MARKEDBEARER", body },
    ]);
    expect(run.stdout + run.stderr).not.toMatch(/MARKED|eyJ/);
  });

  it("blacks an asset out in the places that the options of assets blackout name", async () => {
    requests.length = 0;
    const words = ["--region", "us-ca", "--region", "DE", "--asn", "64500", "--postal", "us/902", "--reason", "rights"];
    const blackout = ["assets", "blackout", "film", "--api", api, "--bearer", bearer()];
    expect((await stagedoor(...blackout, ...words)).exit).toBe(0);
    expect((await stagedoor(...blackout, "--lift")).exit).toBe(0);
    expect((await stagedoor(...blackout)).exit).toBe(2);
    expect(requests.map(({ body }) => body)).toEqual([
      { blackout: { asset: "film", places: ["US-CA", "DE", "AS64500", "US/902"] }, reason: "rights" },
      { blackout: { asset: "film" }, lift: true },
    ]);
  });

  it("accepts --until, and a token id instead of a file", async () => {
    const file = tokenFile({ iss: "https://id.example", jti: "t-1", exp: 1_900_000_000 });
    const [longer] = (await revoke("--token", file, "--until", "1950000000")).requests;
    expect(longer?.body).toMatchObject({ until: 1_950_000_000 });
    const [byId] = (await revoke("--token", "t-1", "--issuer", "https://id.example")).requests;
    expect(byId?.body).toEqual({ token: { issuer: "https://id.example", jti: "t-1" } });
  });

  it("says that the revocation reaches a CloudFront Function later than the edge", async () => {
    const { stdout } = await revoke("--token", "t-1", "--issuer", "https://id.example");
    expect(stdout).toContain(
      "The edge refuses it within two seconds, a CloudFront Function in about 20, until 2026-11-25",
    );
  });

  it("names a login by its issuer and sid", async () => {
    const [login] = (await revoke("--login", "s-1", "--issuer", "https://id.example")).requests;
    expect(login?.body).toEqual({ login: { issuer: "https://id.example", sid: "s-1" } });
  });

  it.each([
    ["has no jti", () => tokenFile({ iss: "https://id.example", sub: "ann" }), "has no iss and jti"],
    ["has no issuer", () => tokenFile({ jti: "t-1" }), "has no iss and jti"],
    ["is not a JWT", () => bearer(), "The token is not a JWT"],
    ["does not exist", () => join(place, "none.jwt"), "cannot be read"],
  ])("explains that the token %s, sends no request, and quotes nothing", async (_, file, message) => {
    const run = await revoke("--token", file());
    expect([run.exit, run.requests, run.stdout]).toEqual([1, [], ""]);
    expect(run.stderr).toContain(message);
    expect(run.stderr).not.toMatch(/MARKED|eyJ/);
  });

  it("signs for the API of this machine with the ring's operator key", async () => {
    const ring = join(place, "keys.json");
    await stagedoor("operator", "new", "--name", "ann", "--ring", ring);
    requests.length = 0;
    expect((await stagedoor("revoke", "--asset", "film", "--api", api, "--ring", ring)).exit).toBe(0);
    const token = requests[0]?.authorization?.replace("Bearer ", "") ?? "";
    expect(decodeJwt(token)).toMatchObject({ iss: "stagedoor-operator", scope: "operator:revoke" });
    const none = join(place, "none.json");
    await stagedoor("keys", "new", "--purpose", "session", "--ring", none);
    const run = await stagedoor("revoke", "--asset", "film", "--api", api, "--ring", none);
    expect([run.exit, run.stderr]).toEqual([1, expect.stringContaining("no operator key that signs")]);
  });
});
