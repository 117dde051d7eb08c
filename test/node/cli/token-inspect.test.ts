import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newDevKeys } from "../../../cli/lib/dev-keys.ts";
import { publicHalf } from "../../../src/keys/key-material.ts";
import { folder, json, projectFolder, stagedoor } from "./command-line.ts";

const place = folder();
const ring = join(place, "keys.json");
const issuers = join(place, "issuers.json");
const catalog = join(place, "catalog.json");
let provider: Server;

async function newToken(...words: readonly string[]): Promise<string> {
  const { exit, stdout, stderr } = await stagedoor("token", "--ring", ring, ...words);
  if (exit !== 0) throw new Error(stderr);
  return stdout;
}

const inspect = (token: string, ...words: readonly string[]) =>
  json("token", "--inspect", token, "--ring", ring, "--catalog", catalog, ...words);

beforeAll(async () => {
  writeFileSync(ring, JSON.stringify({ keys: await newDevKeys() }), { mode: 0o600 });
  const asset = (id: string, more: object) => ({
    id,
    origin: { type: "r2", binding: "MEDIA", prefix: `${id}/` },
    entry: "index.m3u8",
    ...more,
  });
  const assets = [
    asset("film", {}),
    asset("gold", { scope: "stream:gold" }),
    asset("home", { countries: { only: ["CH"] } }),
  ];
  writeFileSync(catalog, JSON.stringify({ version: 1, assets }));
  provider = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    let form = "";
    request.on("data", (chunk) => {
      form += String(chunk);
    });
    request.on("end", () => {
      const active = new URLSearchParams(form).get("token") === "opaque-good-token";
      const exp = Math.floor(Date.now() / 1000) + 300;
      const claims = { active, aud: "api", sub: "ann", scope: "watch", sid: "login-1", assets: ["film"], exp };
      response.writeHead(200, { "Content-Type": "application/json" });
      response.end(JSON.stringify(active ? claims : { active }));
    });
  });
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  const address = provider.address();
  const port = address !== null && typeof address === "object" ? address.port : 0;
  const introspection = { url: `http://127.0.0.1:${port}/`, clientId: "stagedoor", clientSecret: "MARKEDSECRET" };
  const issuer = { issuer: "https://id.example", audience: "api", scopes: { watch: "stream:play" }, introspection };
  writeFileSync(issuers, JSON.stringify([issuer]));
});

afterAll(() => {
  provider.close();
});

describe("token --inspect", () => {
  it("prints the claims of a token, and the outcome of a start", async () => {
    const token = await newToken("--assets", "film,gold,home,gone", "--subject", "ann", "--streams", "2");
    const accepted = await inspect(token, "--asset", "film");
    expect(accepted).toMatchObject({ exit: 0, verdict: "accepted", asset: "film", status: 201, code: null });
    const texts = Object.fromEntries(accepted.steps.map(({ part, text }: Record<string, string>) => [part, text]));
    expect(texts).toMatchObject({
      issuer: 'iss "stagedoor-dev", aud "stagedoor-api"',
      subject: '"ann"',
      scope: '"stream:play"',
      assets: '"film", "gold", "home", "gone"',
      streams: "2",
      login: "none",
      "bound to": "nothing: a bearer token",
    });
    expect(await inspect(token)).toMatchObject({ exit: 0, verdict: "accepted", asset: null, status: null });
    expect(await inspect(token, "--asset", "other")).toMatchObject({ exit: 1, status: 403, code: "asset_forbidden" });
    expect(await inspect(token, "--asset", "gone")).toMatchObject({ exit: 1, status: 404, code: "asset_unknown" });
    expect(await inspect(token, "--asset", "gold")).toMatchObject({ exit: 1, status: 403, code: "scope_insufficient" });
    expect(await inspect(token, "--asset", "home")).toMatchObject({ exit: 1, status: 403, code: "country_forbidden" });
    expect(await inspect(token, "--asset", "home", "--country", "CH")).toMatchObject({ exit: 0, status: 201 });
    expect(await inspect(token, "--now", "+1h")).toMatchObject({ exit: 1, status: 401, code: "token_expired" });
  });

  it("never prints any part of the token, and reads it from standard input too", async () => {
    const token = await newToken("--assets", "gold");
    const run = await piped(token, "token", "--inspect", "-", "--ring", ring, "--catalog", catalog, "--asset", "gold");
    expect(run.exit).toBe(1);
    expect(run.stdout).toContain("Refused: scope_insufficient (403).");
    expect(run.stdout).toContain("What to do  Get a token with the scope");
    for (const part of [token, ...token.split(".")]) expect(run.stdout + run.stderr).not.toContain(part);
  });

  it("sends an opaque token to its provider, and shows neither the token nor our secret", async () => {
    const run = await stagedoor(
      "token",
      "--inspect",
      "opaque-good-token",
      "--issuers",
      issuers,
      "--catalog",
      catalog,
      "--asset",
      "film",
    );
    expect([run.exit, run.stderr]).toEqual([0, ""]);
    expect(run.stdout).toContain('--  login         "login-1"');
    expect(run.stdout).toContain('ok  start         POST /stream/start would start "film"');
    expect(run.stdout).not.toMatch(/opaque-good-token|MARKEDSECRET/);
    const refused = await json("token", "--inspect", "opaque-bad-token", "--issuers", issuers);
    expect(refused).toMatchObject({ exit: 1, status: 401, code: "token_invalid" });
  });

  it("names the faults of an issuers file, and quotes nothing of it", async () => {
    const file = join(place, "faulty.json");
    const faulty = {
      issuer: "https://id.example",
      audience: "api",
      algorithms: ["MARKED"],
      jwks: { keys: [{ kty: "MARKED", d: "MARKED" }] },
    };
    writeFileSync(file, JSON.stringify([faulty]));
    const run = await stagedoor("token", "--inspect", "opaque", "--issuers", file);
    expect(run.exit).toBe(1);
    expect(run.stderr).toContain("[0].algorithms[0]: Use one of");
    expect(run.stdout + run.stderr).not.toContain("MARKED");
  });

  it.each([
    ["{not json", "text that is not JSON"],
    ['{"issuer": "x"}', "one object: put it in a list"],
    ["[]", "an empty list"],
    ["5", "another value"],
  ])("says what the issuers file %s must be", async (text, found) => {
    const file = join(place, "no-list.json");
    writeFileSync(file, text);
    const { exit, stderr } = await stagedoor("token", "--inspect", "opaque", "--issuers", file);
    expect([exit, stderr]).toEqual([1, expect.stringContaining(`a list of issuers in JSON, not ${found}`)]);
    expect(stderr).toContain("docs/identity-providers/index.md");
  });

  it.each([
    [{ issuer: "https://id.example/" }, { claim: "iss", expected: '"https://id.example/"', found: '"stagedoor-dev"' }],
    [{ audience: ["api", "tv"] }, { claim: "aud", expected: '"api" or "tv"', found: '"stagedoor-api"' }],
    [{ audienceClaim: "client_id" }, { claim: "client_id", expected: '"stagedoor-api"', found: "none" }],
  ])("shows the expected and the found claim for an issuer with %j", async (changed, mismatch) => {
    const file = join(place, "other.json");
    const { keys } = Object(JSON.parse(readFileSync(ring, "utf8")));
    const jwks = { keys: keys.filter(({ purpose }: { purpose: string }) => purpose === "token").map(publicHalf) };
    const issuer = { issuer: "stagedoor-dev", audience: "stagedoor-api", algorithms: ["ES256"], jwks, ...changed };
    writeFileSync(file, JSON.stringify([issuer]));
    const token = await newToken();
    expect(await inspect(token, "--issuers", file)).toMatchObject({ exit: 1, code: "token_invalid", mismatch });
    const { stdout } = await stagedoor("token", "--inspect", token, "--issuers", file);
    expect(stdout).toContain(`  Expected    ${mismatch.claim} ${mismatch.expected}\n`);
    expect(stdout).toContain(`  Found       ${mismatch.claim} ${mismatch.found}\n`);
  });

  it("reads the token from a file", async () => {
    const file = join(place, "viewer.jwt");
    writeFileSync(file, `${await newToken()}\n`);
    expect(await inspect(file)).toMatchObject({ exit: 0, verdict: "accepted" });
  });

  it("says of an operator's credential which routes accept it", async () => {
    const { stdout: token } = await stagedoor(
      "operator",
      "new",
      "--name",
      "ann",
      "--ring",
      join(place, "o.json"),
      "--out",
      "-",
    );
    for (const words of [
      ["token", "--inspect", token],
      ["explain", token],
    ]) {
      const { exit, stderr } = await stagedoor(...words, "--ring", ring);
      expect([exit, stderr]).toEqual([1, expect.stringContaining("only the routes below /operator accept it")]);
    }
  });

  it("says which catalog it used for an unknown asset if none was named", async () => {
    const run = await stagedoor("token", "--inspect", await newToken(), "--ring", ring, "--asset", "added-live");
    expect(run.stderr).toContain("looked up in fixtures/catalog.json");
    expect(run.stderr).toContain("--api http://localhost:8787");
    const named = await stagedoor(
      "token",
      "--inspect",
      await newToken(),
      "--ring",
      ring,
      "--asset",
      "x",
      "--catalog",
      catalog,
    );
    expect(named.stderr).toBe("");
  });

  it.each([
    [["--inspect", "./no-such.jwt"], "no file has that name"],
    [["--inspect", "no-such.jwt"], "no file has that name"],
    [["--inspect", "a b"], "one token"],
    [["--inspect", "x", "--subject", "ann"], "--subject cannot be used with --inspect."],
    [["--asset", "film"], "--asset needs --inspect."],
    [["--inspect", "x", "--country", "CH"], "need --asset"],
  ])("exits with 2 for %j", async (words, message) => {
    const run = await stagedoor("token", ...words);
    expect([run.exit, run.stdout]).toEqual([2, ""]);
    expect(run.stderr).toContain(message);
  });
});

/** Runs the command with a text on standard input. */
function piped(input: string, ...words: readonly string[]) {
  const node = join(projectFolder, "node_modules/.bin/node");
  return new Promise<{ exit: unknown; stdout: string; stderr: string }>((resolve) => {
    const line = [join(projectFolder, "cli/stagedoor.ts"), ...words];
    const child = execFile(node, line, { env: { ...process.env, NO_COLOR: "1" } }, (error, stdout, stderr) => {
      resolve({ exit: error === null ? 0 : error.code, stdout, stderr });
    });
    child.stdin?.end(`${input}\n`);
  });
}
