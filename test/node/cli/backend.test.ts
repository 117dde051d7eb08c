import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { decodeJwt } from "jose";
import { describe, expect, it } from "vitest";
import { devKeyRing } from "../../../cli/lib/dev-keys.ts";
import { backendIssuers, verifyBackend } from "../../../src/auth/backend-token.ts";
import { operatorIssuers } from "../../../src/auth/operator-token.ts";
import { verifyJwt } from "../../../src/auth/verify-jwt.ts";
import { systemClock } from "../../../src/base/time.ts";
import { parseKeyRing } from "../../../src/keys/ring.ts";
import { folder, json, secretsIn, stagedoor } from "./command-line.ts";

describe("backend new", () => {
  it("creates a missing key, and writes the credential to a file for its owner only, without printing it", async () => {
    const place = folder();
    const ring = join(place, "keys.json");
    const run = await stagedoor("backend", "new", "--name", "web", "--ring", ring);
    expect([run.exit, run.stderr]).toEqual([0, ""]);
    const file = join(place, "backend-web.jwt");
    const token = readFileSync(file, "utf8").trim();
    expect([statSync(ring).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o600, 0o600]);
    for (const secret of [...secretsIn(ring), token, token.split(".")[2] ?? token])
      expect(run.stdout).not.toContain(secret);
    expect(run.stdout).toContain(`npm run deploy -- --env production --ring ${ring} --secrets-only`);
    expect(run.stdout).toContain(`npx stagedoor revoke --token ${file}`);
    expect(decodeJwt(token)).toMatchObject({ sub: "web", assets: "*", scope: "stream:play", rate: 6000 });
    const again = await stagedoor("backend", "new", "--name", "web", "--ring", ring);
    expect([again.exit, again.stderr]).toEqual([1, expect.stringContaining("exists already")]);
  });

  it("is accepted by the API with the public half of the key only, as a backend's and not as an operator's", async () => {
    const [ring, out] = [join(folder(), "keys.json"), join(folder(), "web.jwt")];
    const words = ["--assets", "film,film-2", "--scope", "stream:play stream:premium", "--rate", "90", "--days", "2"];
    const made = await json("backend", "new", "--name", "web", ...words, "--ring", ring, "--out", out);
    expect(made).toMatchObject({ exit: 0, name: "web", assets: ["film", "film-2"], rate: 90, keyMade: true });
    await stagedoor("keys", "new", "--purpose", "session", "--kid", "s1", "--ring", ring);
    const forApi = parseKeyRing(JSON.parse((await stagedoor("keys", "for", "api", "--ring", ring)).stdout));
    if (!forApi.ok) throw new Error(forApi.refusal.join());
    expect(forApi.value.keys.map((key) => [key.kid, "d" in key])).toEqual([
      ["s1", false],
      [made.kid, false],
    ]);
    const token = readFileSync(out, "utf8").trim();
    const backends = backendIssuers(forApi.value, systemClock);
    const verified = await verifyBackend({ kind: "bearer", token, form: "jws" }, backends, systemClock());
    expect(verified).toMatchObject({
      value: { name: "web", kid: made.kid, tokenId: made.tokenId, rate: { quota: 90, window: 60 } },
    });
    expect(verified.ok && [...verified.value.scopes]).toEqual(["stream:play", "stream:premium"]);
    const asOperator = await verifyJwt(token, operatorIssuers(forApi.value, systemClock), systemClock());
    expect(asOperator.ok).toBe(false);
    for (const worker of ["manifest", "edge"])
      expect((await stagedoor("keys", "for", worker, "--ring", ring)).stdout).not.toContain(made.kid);
  });

  it.each([
    ["--name", "web:x", "1 to 64 characters"],
    ["--name", "", "1 to 64 characters"],
    ["--assets", "Film", "ids of assets"],
    ["--assets", "", "ids of assets"],
    ["--rate", "0", "requests per minute"],
    ["--rate", "1000001", "requests per minute"],
    ["--rate", "1.5", "requests per minute"],
    ["--days", "367", "1 to 366"],
    ["--scope", "a  b", "single spaces"],
  ])("refuses %s %j, names what is allowed, and writes nothing", async (option, value, advice) => {
    const ring = join(folder(), "keys.json");
    const name = option === "--name" ? [] : ["--name", "web"];
    const run = await stagedoor("backend", "new", ...name, `${option}=${value}`, "--ring", ring);
    expect([run.exit, run.stderr]).toEqual([2, expect.stringContaining(advice)]);
    expect(() => statSync(ring)).toThrow();
  });

  it("refuses a list of assets that makes the credential longer than the API reads, and writes nothing", async () => {
    const ids = Array.from({ length: 200 }, (_, i) => `film-${"x".repeat(40)}-${i}`).join(",");
    const [ring, out] = [join(folder(), "keys.json"), join(folder(), "web.jwt")];
    const run = await stagedoor("backend", "new", "--name", "web", "--assets", ids, "--ring", ring, "--out", out);
    expect([run.exit, run.stderr]).toEqual([1, expect.stringContaining("list fewer assets")]);
    expect(readdirSync(dirname(ring)).concat(readdirSync(dirname(out)))).toEqual([]);
  });

  it("keeps its key in the ring until the last credential has expired", async () => {
    const ring = join(folder(), "keys.json");
    await stagedoor("backend", "new", "--name", "web", "--ring", ring, "--days", "3");
    const { keys } = JSON.parse(readFileSync(ring, "utf8"));
    expect(keys).toEqual([expect.objectContaining({ purpose: "backend", state: "active" })]);
    const inDays = (keys[0].signedUntil - systemClock()) / 86_400;
    expect(inDays).toBeGreaterThan(2.9);
    const plan = await stagedoor("keys", "rotate", "--purpose", "backend", "--dry-run", "--ring", ring);
    expect(plan.stdout).toMatch(/^retire +backend-\S+ +\S+ \(in 3 d\) +api$/m);
  });
});

describe("a backend's credential", () => {
  it("is explained by token --inspect and explain, with the ring whose key signed it", async () => {
    const place = folder();
    const ring = join(place, "keys.json");
    const file = join(place, "backend-web.jwt");
    await stagedoor("backend", "new", "--name", "web", "--assets", "vod-ts", "--rate", "90", "--ring", ring);
    const inspected = await stagedoor("token", "--inspect", file, "--ring", ring, "--asset", "vod-ts");
    expect([inspected.exit, inspected.stderr]).toEqual([0, expect.stringContaining("This is a backend's credential")]);
    expect(inspected.stdout).toContain(
      'the backend "web": each request names its viewer, at most 90 requests per minute',
    );
    expect(inspected.stdout).toContain('Accepted: starting "vod-ts" for every viewer that the backend names,');
    const other = await stagedoor("token", "--inspect", file, "--ring", ring, "--asset", "vod-aes");
    expect([other.exit, other.stdout]).toEqual([1, expect.stringContaining("asset_forbidden")]);
    const text = readFileSync(file, "utf8").trim();
    expect(await stagedoor("explain", text, "--ring", ring)).toMatchObject({ exit: 0 });
    const elsewhere = await stagedoor("token", "--inspect", file, "--ring", join(folder(), "none.json"));
    expect(elsewhere.exit).toBe(1);
    const foreign = join(folder(), "keys.json");
    await stagedoor("keys", "new", "--purpose", "backend", "--ring", foreign);
    const refused = await stagedoor("token", "--inspect", file, "--ring", foreign);
    expect([refused.exit, refused.stdout]).toEqual([1, expect.stringContaining("token_invalid")]);
    for (const run of [inspected, other, refused]) expect(run.stdout + run.stderr).not.toContain(text);
  });

  it("is checked with the viewer of a start, and answers as the start would", async () => {
    const place = folder();
    const [ring, file, catalog] = ["keys.json", "backend-web.jwt", "catalog.json"].map((name) => join(place, name));
    const origin = { type: "r2", binding: "MEDIA", prefix: "film/" };
    const film = {
      id: "film",
      origin,
      entry: "index.m3u8",
      countries: { only: ["DE"] },
      binding: { network: "prefix" },
    };
    writeFileSync(catalog ?? "", JSON.stringify({ version: 1, assets: [film] }));
    await stagedoor("backend", "new", "--name", "web", "--ring", ring ?? "");
    const check = (...more: readonly string[]) =>
      stagedoor("token", "--inspect", file ?? "", "--ring", ring ?? "", "--catalog", catalog ?? "", ...more);
    const viewer = { subject: "user-17", country: "DE", address: "192.0.2.7" };
    const started = await check("--asset", "film", "--viewer", JSON.stringify(viewer));
    expect([started.exit, started.stdout]).toEqual([
      0,
      expect.stringContaining('POST /stream/start would start "film" for the viewer "user-17"'),
    ]);
    const codes = [];
    for (const changes of [{ country: "FR" }, { country: undefined }, { address: undefined }]) {
      const text = JSON.stringify({ ...viewer, ...changes });
      const { exit, stdout } = await check("--asset", "film", "--viewer", text, "--json");
      codes.push([exit, JSON.parse(stdout).refusal?.code ?? JSON.parse(stdout).code]);
    }
    expect(codes).toEqual([
      [1, "country_forbidden"],
      [1, "body_invalid"],
      [1, "body_invalid"],
    ]);
    expect(await check("--viewer", "user-17")).toMatchObject({ exit: 2 });
    expect((await check("--asset", "film", "--viewer", "user-17", "--country", "DE")).exit).toBe(2);
    expect((await check("--asset", "film", "--viewer", '{"subjekt":1}')).stderr).toMatch(
      /--viewer must be an id, or an object/,
    );
  });
});

it("a development key ring of an earlier version gets a backend key", async () => {
  const root = folder();
  const whole = await devKeyRing(root);
  const older = whole.keys.filter(({ purpose }) => purpose !== "backend");
  writeFileSync(join(root, ".stagedoor/keys.json"), JSON.stringify({ keys: older }));
  const repaired = await devKeyRing(root);
  expect(repaired.keys).toEqual([...older, expect.objectContaining({ kid: "dev-backend", purpose: "backend" })]);
});
