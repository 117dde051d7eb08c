import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { readAnswers } from "../../../cli/init/answers.ts";
import { configText, ignoredFiles } from "../../../cli/init/files-of.ts";
import { initCommand } from "../../../cli/init/init.ts";
import type { Ask } from "../../../cli/init/provider.ts";
import { readArguments } from "../../../cli/lib/command.ts";
import { readDeployment } from "../../../cli/lib/deployment-folder.ts";
import { catalogOf } from "../../../src/deployment/catalog-of.ts";
import { readConfig } from "../../../src/deployment/read-config.ts";
import { placeholdersOf } from "../../../src/deployment/wrangler-config.ts";
import { origin, recordedProvider, stubProvider } from "../issuers/recorded-provider.ts";
import { folder, json, projectFolder, runFile, stagedoor } from "./command-line.ts";

const init = (target: string, ...words: readonly string[]) => stagedoor("init", target, "--yes", ...words);
const textOf = (...path: readonly string[]) => readFileSync(join(...path), "utf8");

/** Runs the program in a deployment's folder. */
function inFolder(cwd: string, ...words: readonly string[]) {
  return runFile(process.execPath, [join(projectFolder, "cli/stagedoor.ts"), ...words], cwd, process.env);
}

describe("npx stagedoor init", () => {
  it("writes a folder with one configuration, and names the next three commands", async () => {
    const target = join(folder(), "tv");
    const { exit, stdout } = await init(target, "--domain", "acme.tv");
    expect(exit).toBe(0);
    expect(readdirSync(target, { recursive: true }).toSorted()).toEqual([
      ".github",
      ".github/workflows",
      ".github/workflows/deploy.yml",
      ".gitignore",
      "README.md",
      "package.json",
      "stagedoor.config.json",
    ]);
    for (const next of ["npm install", "npx stagedoor dev", "npx stagedoor deploy --env staging --dry-run"])
      expect(stdout).toContain(`\n  ${next}`);
  });

  it.each<[string, readonly string[]]>([
    ["a bucket of R2", ["--bucket", "films"]],
    ["an S3 bucket", ["--origin", "s3", "--bucket", "films", "--region", "eu-west-1"]],
    ["another S3 store", ["--origin", "s3", "--endpoint", "https://s3.acme.tv"]],
    ["an HTTP origin", ["--origin", "http", "--origin-url", "https://origin.acme.tv/films"]],
    [
      "an HTTP origin with a secret",
      ["--origin", "http", "--origin-url", "https://o.acme.tv/", "--origin-header", "X-S"],
    ],
    ["CloudFront's own URLs", ["--cdn", "cloudfront", "--cdn-host", "d1.cloudfront.net"]],
    ["CloudFront with a function", ["--cdn", "cloudfront-function", "--cdn-host", "d1.cloudfront.net"]],
    ["an identity provider", ["--identity", "provider"]],
    ["one environment", ["--environments", "production"]],
    ["another asset", ["--asset", "one", "--path", "films/1/", "--entry", "main.m3u8"]],
  ])("writes a valid configuration for %s", async (_, words) => {
    const target = join(folder(), "tv");
    expect(await init(target, "--domain", "acme.tv", ...words)).toMatchObject({ exit: 0, stderr: "" });
    const read = readDeployment(target);
    if (!read.ok) throw new Error(read.refusal);
    expect(catalogOf(read.value, "production").assets).toHaveLength(1);
    const steps = textOf(target, "README.md").includes("npx stagedoor cloudfront template --env ");
    expect(steps).toBe(words.includes("cloudfront-function"));
  });

  it.each<[string, readonly string[], readonly string[]]>([
    ["R2", [], []],
    ["S3", ["--origin", "s3"], ["origins.films.bucket", "secrets.S3_KEY.hosts.0"]],
    ["HTTP", ["--origin", "http"], ["origins.films.url"]],
    ["CloudFront", ["--cdn", "cloudfront"], ["cdns.cloudfront.host"]],
    [
      "a provider",
      ["--identity", "provider"],
      ["issuer", "audience", "jwksUri"].map((member) => `identity.issuers.0.${member}`),
    ],
  ])("writes only defaults for %s that a deployment refuses until they are filled in", async (_, words, members) => {
    const target = join(folder(), "tv");
    await init(target, ...words);
    const read = readDeployment(target);
    if (!read.ok) throw new Error(read.refusal);
    const stores = words.includes("--identity") ? ["kv"] : ["kv", "d1"];
    expect(
      placeholdersOf(read.value, "production")
        .map(({ member }) => member)
        .toSorted(),
    ).toEqual([...members, ...["domain", ...stores].map((member) => `environments.production.${member}`)].toSorted());
  });

  it("depends on the package, and on the optional packages that this deployment needs in the ranges of the peers", async () => {
    const worker = join(folder(), "tv");
    const provider = join(folder(), "tv");
    await init(worker);
    const next = await init(provider, "--identity", "provider");
    expect(next.stdout).toContain("npx stagedoor issuers add --discovery <url>");
    expect(JSON.parse(textOf(worker, "package.json")).allowScripts).toEqual({ esbuild: true, workerd: true });
    const needed = (target: string) => Object(JSON.parse(textOf(target, "package.json"))).dependencies;
    const { peerDependencies } = JSON.parse(textOf(projectFolder, "package.json"));
    const { stagedoor: own, ...peers } = needed(worker);
    expect(own).toMatch(/^file:/);
    expect(Object.keys(peers)).toEqual(expect.arrayContaining(["wrangler", "better-auth"]));
    for (const [name, range] of Object.entries(peers)) expect([name, range]).toEqual([name, peerDependencies[name]]);
    expect(Object.keys(needed(provider)).toSorted()).toEqual(["hono", "stagedoor", "wrangler"]);
  });

  it.each(["{", "[]", ""])("writes nothing next to a package.json that is no JSON object: %j", async (text) => {
    const target = folder();
    writeFileSync(join(target, "package.json"), text);
    const { exit, stderr } = await init(target);
    expect([exit, stderr]).toEqual([1, expect.stringContaining("package.json is not a JSON object")]);
    expect([readdirSync(target), textOf(target, "package.json")]).toEqual([["package.json"], text]);
  });

  it("replaces no file without being told", async () => {
    const target = folder();
    writeFileSync(join(target, "README.md"), "mine");
    const { exit, stderr } = await init(target);
    expect({ exit, stderr }).toEqual({
      exit: 1,
      stderr: expect.stringContaining("has README.md already: nothing was written"),
    });
    expect(readdirSync(target)).toEqual(["README.md"]);
    expect(await init(target, "--force")).toMatchObject({ exit: 0 });
    expect(textOf(target, "README.md")).toContain("npx stagedoor dev");
  });

  it.each(["afile", "afile/x"])("refuses the folder %s, if afile is a file", async (name) => {
    const parent = folder();
    writeFileSync(join(parent, "afile"), "");
    expect(await init(join(parent, name))).toMatchObject({
      exit: 2,
      stderr: expect.stringMatching(/^<folder> must be a folder, or a name for a new one: .*afile is a file\.$/),
    });
  });

  it.each(["README.md", ".gitignore"])("follows no link: %s", async (name) => {
    const [target, outside] = [folder(), join(folder(), "outside")];
    symlinkSync(outside, join(target, name));
    expect(await init(target)).toMatchObject({ exit: 1, stderr: expect.stringContaining(`has ${name} already`) });
    expect(await init(target, "--force")).toMatchObject({ exit: 0 });
    expect(existsSync(outside)).toBe(false);
    expect(lstatSync(join(target, name)).isFile()).toBe(true);
  });

  it("names a file that cannot be written, without a stack trace", async () => {
    const target = folder();
    writeFileSync(join(target, ".github"), "");
    expect(await init(target)).toMatchObject({
      exit: 1,
      stderr: expect.stringMatching(/deploy\.yml cannot be written/),
    });
  });

  it.each<[string, readonly string[]]>([
    ['--path "../y": ', ["--path", "../y"]],
    ['--path "../y/": ', ["--path", "../y/"]],
    ['--asset "A": ', ["--asset", "A"]],
    ['--entry "../x": ', ["--entry", "../x"]],
    ['--bucket "Bad_B": ', ["--bucket", "Bad_B"]],
    ['--name "N": ', ["--name", "N"]],
    ['--region "x..y": ', ["--origin", "s3", "--region", "x..y"]],
    ['--endpoint "foo": ', ["--origin", "s3", "--endpoint", "foo"]],
    ['--origin-url "ftp://x": ', ["--origin", "http", "--origin-url", "ftp://x"]],
    ['--origin-header "a:b": ', ["--origin", "http", "--origin-url", "https://o.acme.tv/", "--origin-header", "a:b"]],
    ['--cdn-host "x/y": ', ["--cdn", "cloudfront", "--cdn-host", "x/y"]],
  ])("names the option of an invalid answer: %s", async (message, words) => {
    const { exit, stderr } = await init(join(folder(), "tv"), "--domain", "acme.tv", ...words);
    expect([exit, stderr]).toEqual([1, expect.stringContaining(`\n  ${message}`)]);
  });

  it.each(["a-.tv", "b.-a.tv", `${"a".repeat(64)}.tv`, "a.tv-", "a..tv"])("refuses the domain %s", async (domain) => {
    expect(await init(join(folder(), "tv"), "--domain", domain)).toMatchObject({
      exit: 2,
      stderr: expect.stringContaining("--domain must be a domain"),
    });
  });

  it("adds to an existing package.json and .gitignore only what is missing", async () => {
    const target = folder();
    const before = { name: "own", dependencies: { stagedoor: "file:stagedoor.tgz" }, scripts: { dev: "mine" } };
    writeFileSync(join(target, "package.json"), JSON.stringify(before));
    writeFileSync(join(target, ".gitignore"), "own/\n");
    await init(target);
    expect(JSON.parse(textOf(target, "package.json"))).toMatchObject({
      ...before,
      scripts: { dev: "mine", deploy: "stagedoor deploy" },
      dependencies: { stagedoor: "file:stagedoor.tgz", wrangler: expect.any(String) },
    });
    expect(textOf(target, ".gitignore").trimEnd().split("\n")).toEqual(["own/", ...ignoredFiles]);
  });

  it.each<[string, readonly string[]]>([
    ["--domain", ["--domain", "https://acme.tv"]],
    ["--origin", ["--origin", "ftp"]],
    ["--environments", ["--environments", "production,qa"]],
    ["--bucket has no effect", ["--origin", "http", "--bucket", "b"]],
    ["--issuers has no effect", ["--issuers", "issuers.json"]],
    ["--discovery has no effect", ["--discovery", "https://id.acme.tv"]],
    ["--audience needs the provider's address", ["--identity", "provider", "--audience", "tv"]],
    [
      "only one of --issuers and --discovery",
      ["--identity", "provider", "--issuers", "i.json", "--discovery", "https://id.acme.tv"],
    ],
    ["--discovery must be", ["--identity", "provider", "--discovery", "id.acme.tv"]],
  ])("refuses a wrong option: %s", async (message, words) => {
    const target = join(folder(), "tv");
    const { exit, stderr } = await init(target, ...words);
    expect({ exit, stderr }).toEqual({ exit: 2, stderr: expect.stringContaining(message) });
    expect(existsSync(target)).toBe(false);
  });

  it("writes nothing if the answers make no valid configuration", async () => {
    const target = join(folder(), "tv");
    const { exit, stderr } = await init(target, "--asset", "NOT AN ID");
    expect({ exit, stderr }).toEqual({
      exit: 1,
      stderr: expect.stringContaining('\n  --asset "NOT AN ID": Give an id of 1 to 64 characters'),
    });
    expect(existsSync(target)).toBe(false);
  });

  it("writes the names of the secrets in a list of issuers, and never their values", async () => {
    const target = join(folder(), "tv");
    const issuers = join(folder(), "issuers.json");
    const introspection = { url: "https://id.acme.tv/i", clientId: "c", clientSecret: "kept-from-others" };
    const key = { kty: "oct", kid: "1", k: "a2VwdC1mcm9tLW90aGVyczogYSBzaGFyZWQgc2VjcmV0" };
    const named = { ...introspection, clientSecret: { secret: "LOGIN_SECRET" } };
    const list = [
      { issuer: "https://id.acme.tv", audience: "a", tokenPrefix: "id_", introspection },
      { issuer: "https://own.acme.tv", audience: "a", algorithms: ["HS256"], jwks: { keys: [key] } },
      { issuer: "https://login.acme.tv", audience: "a", tokenPrefix: "login_", introspection: named },
    ];
    writeFileSync(issuers, JSON.stringify(list));
    const { exit, stdout, stderr } = await init(target, "--identity", "provider", "--issuers", issuers);
    expect([exit, stderr]).toEqual([0, ""]);
    const read = readDeployment(target);
    if (!read.ok) throw new Error(read.refusal);
    const values = new Map(
      Object.entries({
        LOGIN_SECRET: named.clientSecret,
        ISSUER_SECRET: introspection.clientSecret,
        ISSUER_SECRET_2: key.k,
      }),
    );
    expect(Object.keys(read.value.config.secrets).toSorted()).toEqual([...values.keys()].toSorted());
    expect(JSON.stringify(read.value.config.identity.issuers)).toBe(
      JSON.stringify(list)
        .replace('"kept-from-others"', '{"secret":"ISSUER_SECRET"}')
        .replace(`"${key.k}"`, '{"secret":"ISSUER_SECRET_2"}'),
    );
    expect(stdout).toContain("npx stagedoor secrets new --env development");
    expect(stdout).toContain("LOGIN_SECRET and of ISSUER_SECRET and of ISSUER_SECRET_2");
    expect(stdout + textOf(target, "stagedoor.config.json")).not.toMatch(/kept-from-others|a2VwdC1mcm9t/);
  });

  it.each<[string, unknown, string]>([
    ["the private half of a key", [{ issuer: "i", jwks: { keys: [{ kty: "EC", d: "kept" }] } }], "the private half"],
    ["no list", { issuer: "i" }, "must be a JSON list of issuers"],
    ["an entry that is no object", ["https://id.acme.tv"], "must be a list of objects"],
  ])("refuses a file of issuers with %s", async (_, document, message) => {
    const target = join(folder(), "tv");
    const issuers = join(folder(), "issuers.json");
    writeFileSync(issuers, JSON.stringify(document));
    const { exit, stderr } = await init(target, "--identity", "provider", "--issuers", issuers);
    expect({ exit, stderr }).toEqual({ exit: 2, stderr: expect.stringContaining(message) });
    expect([stderr.includes("kept"), existsSync(target)]).toEqual([false, false]);
  });

  it("asks for what no option answers, and offers a default", async () => {
    const questions: string[] = [];
    const ask: Ask = async (question, standard) => {
      questions.push(question);
      return question.startsWith("Where the films are stored")
        ? "http"
        : question.startsWith("Base URL")
          ? "https://o.acme.tv"
          : standard;
    };
    const args = readArguments(initCommand, [folder(), "--domain", "acme.tv"]);
    const answers = await readAnswers(args, ask);
    expect(questions.some((question) => question.startsWith("Domain"))).toBe(false);
    expect(answers).toMatchObject({ domain: "acme.tv", origin: { type: "http", url: "https://o.acme.tv/" } });
    expect(readConfig(configText(answers)).ok).toBe(true);
  });
});

describe("npx stagedoor init --discovery", () => {
  afterEach(() => void vi.unstubAllGlobals());
  const provider = ["--identity", "provider", "--discovery", origin];

  it("reads the provider's metadata and keys, and writes the entry that issuers add writes", async () => {
    stubProvider((await recordedProvider()).responses);
    const target = join(folder(), "tv");
    const { exit, stdout } = await init(target, "--domain", "acme.tv", ...provider, "--audience", "films");
    expect([exit, stdout]).toEqual([0, expect.not.stringContaining("issuers add")]);
    const read = readDeployment(target);
    if (!read.ok) throw new Error(read.refusal);
    const entry = { issuer: origin, audience: "films", algorithms: ["RS256"], jwksUri: `${origin}/jwks` };
    expect(read.value.config.identity).toEqual({ worker: false, issuers: [entry] });
  });

  it("asks for the audience, and leaves a placeholder if nobody answers", async () => {
    stubProvider((await recordedProvider()).responses);
    const target = join(folder(), "tv");
    await init(target, "--domain", "acme.tv", ...provider);
    const read = readDeployment(target);
    if (!read.ok) throw new Error(read.refusal);
    const unfilled = placeholdersOf(read.value, "production").filter(({ isCreated }) => !isCreated);
    expect(unfilled.map(({ member }) => member)).toEqual(["identity.issuers.0.audience"]);
  });

  it("writes nothing without an answer of the provider, and says what to do", async () => {
    vi.stubGlobal("fetch", () => Promise.reject(new TypeError("fetch failed")));
    const target = join(folder(), "tv");
    const { exit, stderr } = await init(target, ...provider);
    expect([exit, stderr]).toEqual([1, expect.stringContaining("The provider's metadata cannot be read")]);
    expect(stderr).toContain(`npx stagedoor issuers add --discovery ${origin} --audience <name>`);
    expect(existsSync(target)).toBe(false);
  });
});

describe("a deployment's folder", () => {
  it("has the development keys and the generated files of its own, and is the default of other commands", async () => {
    const target = join(folder(), "tv");
    await init(target, "--domain", "acme.tv", "--asset", "one");
    mkdirSync(join(target, "below"));
    const { stdout } = await inFolder(join(target, "below"), "assets", "list");
    expect(stdout).toContain("one");
    await inFolder(target, "keys", "list");
    expect(readdirSync(join(target, ".stagedoor")).toSorted()).toEqual(
      ["api", "catalog.json", "edge", "identity", "keys.json", "manifest"].toSorted(),
    );
  });

  it("changes no tracked file when its files are generated again", async () => {
    const target = join(folder(), "tv");
    await init(target);
    const tracked = readdirSync(target, { recursive: true, encoding: "utf8" }).filter((file) =>
      statSync(join(target, file)).isFile(),
    );
    const before = tracked.map((file) => textOf(target, file));
    await inFolder(target, "assets", "list");
    expect(tracked.map((file) => textOf(target, file))).toEqual(before);
    const others = readdirSync(target).filter((file) => !tracked.includes(file) && file !== ".github");
    expect(others).toEqual([".stagedoor"]);
  });

  it("names the line of every error before a command runs", async () => {
    const target = join(folder(), "tv");
    await init(target);
    const file = join(target, "stagedoor.config.json");
    writeFileSync(file, textOf(file).replace('"settings": {}', '"regions": {}'));
    const { exit, stderr } = await inFolder(target, "assets", "list");
    expect({ exit, stderr }).toEqual({
      exit: 1,
      stderr: expect.stringMatching(
        /stagedoor\.config\.json:\d+ {2}regions: There is no such member; known here: .*settings/,
      ),
    });
  });

  it("gets a file of secrets that only its owner can read, with those that it names", async () => {
    const target = join(folder(), "tv");
    await init(target, "--origin", "http", "--origin-url", "https://o.acme.tv/", "--origin-header", "X-S");
    const { stdout } = await inFolder(target, "secrets", "new", "--env", "production");
    const file = join(target, "secrets-production.env");
    expect(textOf(file)).toMatch(/^STAGEDOOR_IDENTITY_SECRET=[\w-]{43}\nORIGIN_SECRET=fill-in-origin-secret\n$/);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(stdout).toContain("Fill in ORIGIN_SECRET");
    expect(stdout).toContain(
      "npx stagedoor deploy --env production --create --ring keys-production.json --secrets secrets-production.env",
    );
    const before = textOf(file);
    await inFolder(target, "secrets", "new", "--env", "production");
    expect(textOf(file)).toBe(before);
  });

  it.each(["dev", "secrets new"])("is what `%s` needs, and what its message leads to", async (name) => {
    const { exit, stderr } = await stagedoor(...name.split(" "), ...(name === "dev" ? [] : ["--env", "staging"]));
    expect({ exit, stderr }).toEqual({ exit: 2, stderr: expect.stringContaining("npx stagedoor init <folder>") });
  });
});

it("init --json names the files", async () => {
  const target = join(folder(), "tv");
  expect(await json("init", target, "--yes")).toMatchObject({
    exit: 0,
    folder: target,
    files: expect.arrayContaining(["package.json"]),
  });
});
