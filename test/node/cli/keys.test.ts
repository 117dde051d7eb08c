import { createPublicKey } from "node:crypto";
import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { folder, json, secretsIn, stagedoor, stagedoorProcess } from "./command-line.ts";

const ring = join(folder(), "deep", "keys.json");
const keysOf = (file: string): { kid: string }[] => Object(JSON.parse(readFileSync(file, "utf8"))).keys;

beforeAll(async () => {
  expect(await json("keys", "new", "--purpose", "session", "--kid", "s1", "--ring", ring)).toEqual({
    exit: 0,
    kid: "s1",
    purpose: "session",
    kty: "oct",
    alg: "HS256",
    state: "active",
    ring,
  });
  await stagedoor("keys", "new", "--purpose", "cloudfront", "--type", "rsa", "--kid", "rsa1", "--ring", ring);
  await stagedoor("keys", "new", "--purpose", "cloudfront", "--type", "ec", "--kid", "ec1", "--ring", ring);
});

describe("keys new", () => {
  it("creates a file that only its owner can read", () => {
    expect(statSync(ring).mode & 0o777).toBe(0o600);
    expect(statSync(join(ring, "..")).mode & 0o777).toBe(0o700);
    expect(keysOf(ring).map(({ kid }) => kid)).toEqual(["s1", "rsa1", "ec1"]);
  });

  it("prints the kid and the next step, but not the secret", async () => {
    const file = join(folder(), "keys.json");
    const run = await stagedoor("keys", "new", "--purpose", "cloudfront", "--type", "ec", "--ring", file);
    expect(run.exit).toBe(0);
    expect(run.stdout).toContain(keysOf(file)[0]?.kid ?? "no key");
    expect(run.stdout).toContain("npx stagedoor keys export --kid");
    expect(secretsIn(file)).toHaveLength(1);
    for (const secret of secretsIn(file)) expect(run.stdout + run.stderr).not.toContain(secret);
  });

  it.each([
    ["session", []],
    ["cloudfront", ["--type", "rsa"]],
  ])("recommends npm run deploy for each environment, and never the file as a secret: %s", async (purpose, type) => {
    const file = join(folder(), "keys.json");
    const { stdout } = await stagedoor("keys", "new", "--purpose", purpose, ...type, "--ring", file);
    expect(stdout.split("\n").filter((line) => line.includes("npm run"))).toEqual([
      `  npm run deploy -- --env production --ring ${file}`,
      `  npm run deploy -- --env production --ring ${file} --secrets-only`,
    ]);
    expect(stdout).not.toContain(`secret put`);
    const staging = join(folder(), "keys-staging.json");
    const { stdout: forStaging } = await stagedoor("keys", "new", "--purpose", purpose, ...type, "--ring", staging);
    expect(forStaging).toContain("--env staging");
    expect(forStaging).not.toContain("--env production");
    const { stdout: second } = await stagedoor("keys", "new", "--purpose", "session", "--ring", file);
    expect(second.match(/npm run deploy.*/g)).toEqual([expect.stringContaining("--secrets-only")]);
  });

  it("prints the secret with --show", async () => {
    const file = join(folder(), "keys.json");
    const run = await stagedoor("keys", "new", "--purpose", "session", "--ring", file, "--show");
    expect(run.stdout).toContain(secretsIn(file)[0]);
  });

  it("refuses a kid that the ring has, and leaves the file unchanged", async () => {
    const before = readFileSync(ring, "utf8");
    const run = await stagedoor("keys", "new", "--purpose", "session", "--kid", "s1", "--ring", ring);
    expect([run.exit, run.stdout]).toEqual([1, ""]);
    expect(run.stderr).toContain('has a key with the kid "s1" already');
    expect(readFileSync(ring, "utf8")).toBe(before);
  });

  it("leaves an invalid ring file unchanged, and quotes nothing of it", async () => {
    const file = join(folder(), "keys.json");
    const text = '{"keys": [{"kid": "a", "purpose": "session", "kty": "oct", "alg": "HS256", "k": "dG9vc2hvcnQ"}]}';
    writeFileSync(file, text);
    const run = await stagedoor("keys", "new", "--purpose", "session", "--ring", file);
    expect([run.exit, readFileSync(file, "utf8")]).toEqual([1, text]);
    expect(run.stderr).toContain('key "a"');
    expect(run.stderr).not.toContain("dG9vc2hvcnQ");
  });

  it("keeps every key of several concurrent commands, even through a link", async () => {
    const place = folder();
    const file = join(place, "keys.json");
    const link = join(place, "link.json");
    await stagedoor("keys", "new", "--purpose", "session", "--kid", "k0", "--ring", file);
    symlinkSync(file, link);
    const kids = ["k1", "k2", "k3", "k4"];
    const runs = await Promise.all(
      kids.map((kid, i) =>
        stagedoorProcess("keys", "new", "--purpose", "session", "--kid", kid, "--ring", i % 2 ? link : file),
      ),
    );
    expect(runs.map(({ exit }) => exit)).toEqual([0, 0, 0, 0]);
    expect(
      keysOf(file)
        .map(({ kid }) => kid)
        .sort(),
    ).toEqual(["k0", ...kids]);
    expect(keysOf(link)).toEqual(keysOf(file));
  });

  it("makes the first key of a purpose active and further ones next, unless --nbf sets a time", async () => {
    const file = join(folder(), "keys.json");
    const make = (...more: string[]) => json("keys", "new", "--purpose", "session", "--ring", file, ...more);
    expect((await make("--kid", "old")).state).toBe("active");
    expect((await make("--kid", "new")).state).toBe("next");
    expect(await make("--kid", "given", "--nbf", "2097-01-01T01:00:00+01:00", "--exp", "4010000000")).toMatchObject({
      nbf: 4_007_836_800,
      exp: 4_010_000_000,
    });
    const { keys } = await json("keys", "list", "--ring", file);
    expect(keys.map(({ kid, state }: { kid: string; state: string }) => [kid, state])).toEqual([
      ["old", "active"],
      ["new", "next"],
      ["given", "next"],
    ]);
    expect(keysOf(file)[2]).not.toHaveProperty("state");
  });

  it("refuses a name with the form of a CloudFront id for a new CloudFront key", async () => {
    const file = join(folder(), "keys.json");
    const words = ["keys", "new", "--purpose", "cloudfront", "--type", "ec", "--ring", file, "--kid"];
    const run = await stagedoor(...words, "AUTUMN2026");
    expect([run.exit, run.stderr]).toEqual([2, expect.stringContaining("keys bind")]);
    expect(existsSync(file)).toBe(false);
  });

  it("accepts --cdn cloudfront for --purpose cloudfront, and no other --cdn", async () => {
    const file = join(folder(), "keys.json");
    const created = await json("keys", "new", "--cdn", "cloudfront", "--type", "ec", "--ring", file);
    expect(created).toMatchObject({ exit: 0, purpose: "cloudfront", state: "active" });
    for (const more of [
      ["--cdn", "akamai"],
      ["--cdn", "cloudfront", "--purpose", "session"],
    ])
      expect((await stagedoor("keys", "new", ...more, "--ring", file)).exit).toBe(2);
  });
});

describe("keys list", () => {
  it("shows each key's state and since when, each purpose's next step, and no secret", async () => {
    const { stdout } = await stagedoor("keys", "list", "--ring", ring);
    const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g;
    expect(
      stdout
        .replace(time, "<time>")
        .replace(/ (?!FINGERPRINT)[\w-]{11} /g, " <print> ")
        .split("\n")
        .map((line) => line.split(/\s{2,}/)),
    ).toEqual([
      ["KID", "PURPOSE", "TYPE", "FINGERPRINT", "STATE", "SINCE", "NBF", "EXP"],
      ["s1", "session", "oct", "<print>", "active", "<time>", "-", "-"],
      ["rsa1", "cloudfront", "RSA", "<print>", "active", "<time>", "-", "-"],
      ["ec1", "cloudfront", "EC", "<print>", "next", "<time>", "-", "-"],
      [""],
      ["PURPOSE", "NEXT STEP"],
      ["session", "introduce a new key, at any time"],
      ["cloudfront", "activate ec1: one head start after npx stagedoor keys bind"],
    ]);
    const { stdout: asJson } = await stagedoor("keys", "list", "--ring", ring, "--json");
    for (const secret of secretsIn(ring)) expect(asJson).not.toContain(secret);
  });
});

describe("keys export", () => {
  it.each([[[]], [["--kid", "s1"]], [["--kid", "rsa1", "--kid", "s1"]], [["--format", "pem"]]])(
    "refuses a symmetric key: %j",
    async (words) => {
      const run = await stagedoor("keys", "export", "--ring", ring, ...words);
      expect([run.exit, run.stdout]).toEqual([1, ""]);
      expect(run.stderr).toContain('key "s1" is symmetric');
    },
  );

  it("prints the public halves as a JWK Set", async () => {
    const { stdout } = await stagedoor("keys", "export", "--ring", ring, "--purpose", "cloudfront");
    const { keys } = Object(JSON.parse(stdout));
    expect(keys.map((key: object) => Object.keys(key))).toEqual([
      ["kid", "alg", "use", "kty", "n", "e"],
      ["kid", "alg", "use", "kty", "crv", "x", "y"],
    ]);
    for (const secret of secretsIn(ring)) expect(stdout).not.toContain(secret);
  });

  it("prints a public key as PEM that OpenSSL reads", async () => {
    const { stdout } = await stagedoor("keys", "export", "--ring", ring, "--kid", "rsa1", "--format", "pem");
    const { n } = Object(keysOf(ring)[1]);
    expect(createPublicKey(stdout).export({ format: "jwk" })).toMatchObject({ kty: "RSA", n });
  });

  it("reports a kid that the ring does not have", async () => {
    const run = await stagedoor("keys", "export", "--ring", ring, "--kid", "s9");
    expect([run.exit, run.stderr]).toEqual([1, expect.stringContaining('no key "s9"')]);
  });
});

describe("keys for", () => {
  it("prints a worker's part of the ring on one line, ready for `wrangler secret put`", async () => {
    const run = await stagedoor("keys", "for", "edge", "--ring", ring);
    expect([run.exit, run.stdout.split("\n").length, run.stderr]).toEqual([0, 1, ""]);
    const { keys } = Object(JSON.parse(run.stdout));
    expect(Object.values(keys).map((key) => [Object(key).kid, "d" in Object(key)])).toEqual([
      ["s1", false],
      ["rsa1", false],
      ["ec1", false],
    ]);
  });

  it("refuses to print a part that the worker would refuse, and warns of development keys", async () => {
    const file = join(folder(), "keys.json");
    await stagedoor("keys", "new", "--purpose", "cloudfront", "--type", "ec", "--kid", "cdn", "--ring", file);
    const refused = await stagedoor("keys", "for", "edge", "--ring", file);
    expect([refused.exit, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toContain("no key has the purpose session");
    await stagedoor("keys", "new", "--purpose", "session", "--kid", "s1", "--ring", file);
    // `keys new` gives no such name to a key for a deployment.
    writeFileSync(file, readFileSync(file, "utf8").replace('"s1"', '"dev-1"'));
    const dev = await stagedoor("keys", "for", "edge", "--ring", file);
    expect([dev.exit, dev.stderr]).toEqual([0, expect.stringContaining("development keys")]);
  });

  it("requires the name of a worker", async () => {
    expect((await stagedoor("keys", "for", "--ring", ring)).exit).toBe(2);
    expect((await stagedoor("keys", "for", "nobody", "--ring", ring)).exit).toBe(2);
  });
});
