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
  it("makes a file that its owner alone can read", () => {
    expect(statSync(ring).mode & 0o777).toBe(0o600);
    expect(statSync(join(ring, "..")).mode & 0o777).toBe(0o700);
    expect(keysOf(ring).map(({ kid }) => kid)).toEqual(["s1", "rsa1", "ec1"]);
  });

  it("tells the kid and the next step, and never the secret", async () => {
    const file = join(folder(), "keys.json");
    const ran = await stagedoor("keys", "new", "--purpose", "cloudfront", "--type", "ec", "--ring", file);
    expect(ran.exit).toBe(0);
    expect(ran.stdout).toContain(keysOf(file)[0]?.kid ?? "no key");
    expect(ran.stdout).toContain("npx stagedoor keys export --kid");
    expect(secretsIn(file)).toHaveLength(1);
    for (const secret of secretsIn(file)) expect(ran.stdout + ran.stderr).not.toContain(secret);
  });

  it.each([
    ["session", []],
    ["cloudfront", ["--type", "rsa"]],
  ])("gives each worker its part of the ring as the next step, and never the file: %s", async (purpose, type) => {
    const file = join(folder(), "keys.json");
    const { stdout } = await stagedoor("keys", "new", "--purpose", purpose, ...type, "--ring", file);
    expect(stdout.split("\n").filter((line) => line.includes("npm run"))).toEqual([
      `  npm run deploy -- --env production --ring ${file}`,
      `  npm run deploy -- --env production --ring ${file} --secrets-only`,
    ]);
    expect(stdout).not.toContain(`secret put`);
    const staging = join(folder(), "keys-staging.json");
    const { stdout: there } = await stagedoor("keys", "new", "--purpose", purpose, ...type, "--ring", staging);
    expect(there).toContain("--env staging");
    expect(there).not.toContain("--env production");
    const { stdout: second } = await stagedoor("keys", "new", "--purpose", "session", "--ring", file);
    expect(second.match(/npm run deploy.*/g)).toEqual([expect.stringContaining("--secrets-only")]);
  });

  it("shows the secret where it is told to", async () => {
    const file = join(folder(), "keys.json");
    const ran = await stagedoor("keys", "new", "--purpose", "session", "--ring", file, "--show");
    expect(ran.stdout).toContain(secretsIn(file)[0]);
  });

  it("refuses a kid that the ring has, and leaves the file as it is", async () => {
    const before = readFileSync(ring, "utf8");
    const ran = await stagedoor("keys", "new", "--purpose", "session", "--kid", "s1", "--ring", ring);
    expect([ran.exit, ran.stdout]).toEqual([1, ""]);
    expect(ran.stderr).toContain('has a key with the kid "s1" already');
    expect(readFileSync(ring, "utf8")).toBe(before);
  });

  it("leaves a file that is no sound ring as it is, and quotes none of it", async () => {
    const file = join(folder(), "keys.json");
    const text = '{"keys": [{"kid": "a", "purpose": "session", "kty": "oct", "alg": "HS256", "k": "dG9vc2hvcnQ"}]}';
    writeFileSync(file, text);
    const ran = await stagedoor("keys", "new", "--purpose", "session", "--ring", file);
    expect([ran.exit, readFileSync(file, "utf8")]).toEqual([1, text]);
    expect(ran.stderr).toContain('key "a"');
    expect(ran.stderr).not.toContain("dG9vc2hvcnQ");
  });

  it("loses no key where several commands write at once, also through a link", async () => {
    const place = folder();
    const file = join(place, "keys.json");
    const link = join(place, "link.json");
    await stagedoor("keys", "new", "--purpose", "session", "--kid", "k0", "--ring", file);
    symlinkSync(file, link);
    const kids = ["k1", "k2", "k3", "k4"];
    const rans = await Promise.all(
      kids.map((kid, i) =>
        stagedoorProcess("keys", "new", "--purpose", "session", "--kid", kid, "--ring", i % 2 ? link : file),
      ),
    );
    expect(rans.map(({ exit }) => exit)).toEqual([0, 0, 0, 0]);
    expect(
      keysOf(file)
        .map(({ kid }) => kid)
        .sort(),
    ).toEqual(["k0", ...kids]);
    expect(keysOf(link)).toEqual(keysOf(file));
  });

  it("makes the first key of a purpose active and one beside others next, unless the clock shall choose", async () => {
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

  it("takes no name for a new CloudFront key that has the form of CloudFront's ids", async () => {
    const file = join(folder(), "keys.json");
    const words = ["keys", "new", "--purpose", "cloudfront", "--type", "ec", "--ring", file, "--kid"];
    const ran = await stagedoor(...words, "AUTUMN2026");
    expect([ran.exit, ran.stderr]).toEqual([2, expect.stringContaining("keys bind")]);
    expect(existsSync(file)).toBe(false);
  });

  it("takes --cdn cloudfront for --purpose cloudfront, and nothing else there", async () => {
    const file = join(folder(), "keys.json");
    const made = await json("keys", "new", "--cdn", "cloudfront", "--type", "ec", "--ring", file);
    expect(made).toMatchObject({ exit: 0, purpose: "cloudfront", state: "active" });
    for (const more of [
      ["--cdn", "akamai"],
      ["--cdn", "cloudfront", "--purpose", "session"],
    ])
      expect((await stagedoor("keys", "new", ...more, "--ring", file)).exit).toBe(2);
  });
});

describe("keys list", () => {
  it("tells of each key its state and since when, of each purpose the next step, and no secret", async () => {
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
      const ran = await stagedoor("keys", "export", "--ring", ring, ...words);
      expect([ran.exit, ran.stdout]).toEqual([1, ""]);
      expect(ran.stderr).toContain('key "s1" is symmetric');
    },
  );

  it("gives the public halves as a JWK Set", async () => {
    const { stdout } = await stagedoor("keys", "export", "--ring", ring, "--purpose", "cloudfront");
    const { keys } = Object(JSON.parse(stdout));
    expect(keys.map((key: object) => Object.keys(key))).toEqual([
      ["kid", "alg", "use", "kty", "n", "e"],
      ["kid", "alg", "use", "kty", "crv", "x", "y"],
    ]);
    for (const secret of secretsIn(ring)) expect(stdout).not.toContain(secret);
  });

  it("gives a public key as PEM that others read", async () => {
    const { stdout } = await stagedoor("keys", "export", "--ring", ring, "--kid", "rsa1", "--format", "pem");
    const { n } = Object(keysOf(ring)[1]);
    expect(createPublicKey(stdout).export({ format: "jwk" })).toMatchObject({ kty: "RSA", n });
  });

  it("names a kid that the ring has not", async () => {
    const ran = await stagedoor("keys", "export", "--ring", ring, "--kid", "s9");
    expect([ran.exit, ran.stderr]).toEqual([1, expect.stringContaining('no key "s9"')]);
  });
});

describe("keys for", () => {
  it("prints a worker's part of the ring on one line, ready to be piped into its secret", async () => {
    const ran = await stagedoor("keys", "for", "edge", "--ring", ring);
    expect([ran.exit, ran.stdout.split("\n").length, ran.stderr]).toEqual([0, 1, ""]);
    const { keys } = Object(JSON.parse(ran.stdout));
    expect(Object.values(keys).map((key) => [Object(key).kid, "d" in Object(key)])).toEqual([
      ["s1", false],
      ["rsa1", false],
      ["ec1", false],
    ]);
  });

  it("prints no part that its worker would refuse, and says of development keys what they are", async () => {
    const file = join(folder(), "keys.json");
    await stagedoor("keys", "new", "--purpose", "cloudfront", "--type", "ec", "--kid", "cdn", "--ring", file);
    const refused = await stagedoor("keys", "for", "edge", "--ring", file);
    expect([refused.exit, refused.stdout]).toEqual([1, ""]);
    expect(refused.stderr).toContain("no key has the purpose session");
    await stagedoor("keys", "new", "--purpose", "session", "--kid", "dev-1", "--ring", file);
    const dev = await stagedoor("keys", "for", "edge", "--ring", file);
    expect([dev.exit, dev.stderr]).toEqual([0, expect.stringContaining("development keys")]);
  });

  it("takes a worker's name and nothing else", async () => {
    expect((await stagedoor("keys", "for", "--ring", ring)).exit).toBe(2);
    expect((await stagedoor("keys", "for", "nobody", "--ring", ring)).exit).toBe(2);
  });
});
