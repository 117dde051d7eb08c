import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { offlineChecks } from "../../../cli/doctor/doctor.ts";
import { deploymentAt, deploymentOf } from "../../../cli/lib/deployment.ts";
import { readDeployment } from "../../../cli/lib/deployment-folder.ts";
import { defaultConfig, onNode } from "../../unit/deployment/example-config.ts";
import { folder, projectFolder, runFile, stagedoor } from "./command-line.ts";
import { catalogOf, films, findingsOf, sound } from "./doctor-stage.ts";

/** The folder of a self-hosted deployment with two folders, one of them only in staging. */
function selfHosted(): string {
  const project = folder();
  const [staging, production] = [{ domain: "staging.example.com" }, { domain: "example.com" }];
  const config = {
    ...defaultConfig,
    ...onNode(),
    origins: { films: { type: "file", folder: "/srv/films" } },
    environments: { staging: { ...staging, origins: { tests: { type: "file", folder: "tests" } } }, production },
  };
  writeFileSync(join(project, "stagedoor.config.json"), JSON.stringify(config, null, 2));
  return project;
}

describe("a deployment on the operator's own machine", () => {
  it.each([["deploy", "--env", "production"], ["dev"]])(
    "is not run by `npx stagedoor %s`, which names the member, its line and the command that runs it",
    async (...words) => {
      const node = join(projectFolder, "node_modules/.bin/node");
      const ran = await runFile(node, [join(projectFolder, "cli/stagedoor.ts"), ...words], selfHosted(), process.env);
      expect(ran.exit).toBe(1);
      expect(ran.stderr).toMatch(
        new RegExp(
          `npx stagedoor ${words[0]}\` is for Cloudflare's Workers \\(host\\.type workers\\), and host\\.type is node in stagedoor\\.config\\.json:\\d+\\. Run this deployment with \`npx stagedoor serve\``,
        ),
      );
    },
  );

  it("has the folders of its environment, and no buckets", async () => {
    const project = selfHosted();
    expect(await deploymentOf(project, "production")).toEqual({
      environment: "production",
      mediaUrl: "https://media.example.com",
      originSecrets: {},
      buckets: [],
      roots: ["films"],
    });
    expect(await deploymentAt("https://api.staging.example.com/v1", project)).toMatchObject({
      environment: "staging",
      roots: ["films", "tests"],
    });
    expect(await deploymentAt("http://localhost:8787", project)).toMatchObject({ roots: ["films"] });
    expect(await deploymentAt("https://api.other.example", project)).toBeUndefined();
    expect(await deploymentOf(project, "test")).toBeUndefined();
  });

  it("is checked by doctor for the folders that its catalog names", async () => {
    const read = readDeployment(selfHosted());
    if (!read.ok) throw new Error(read.refusal);
    const inFolder = (id: string, root: string) => ({ ...films, id, origin: { type: "file", root, path: `${id}/` } });
    const facts = {
      ...sound,
      deployment: read.value,
      environment: "production",
      catalog: catalogOf(inFolder("one", "films"), inFolder("two", "tests")),
    };
    const findings = (await findingsOf(offlineChecks, facts)).filter(({ id }) => id === "root_unknown");
    expect(findings).toEqual([
      expect.objectContaining({ about: "asset two", do: expect.stringContaining("Use one of films,") }),
    ]);
  });
});

const node = join(projectFolder, "node_modules/.bin/node");
const program = join(projectFolder, "cli/stagedoor.ts");

describe("a command in the folder of a Node deployment", () => {
  const run = (...words: readonly string[]) => runFile(node, [program, ...words], selfHosted(), process.env);

  it("that changes keys names SIGHUP for serve and nginx's reload as the next steps, and no workers", async () => {
    const project = selfHosted();
    const ring = ["--ring", "keys-production.json"];
    for (const words of [
      ["keys", "new", "--purpose", "session", ...ring],
      ["keys", "rotate", "--at-once", ...ring],
      ["operator", "new", "--name", "ann", ...ring],
    ]) {
      const { exit, stdout, stderr } = await runFile(node, [program, ...words], project, process.env);
      expect(exit).toBe(0);
      const text = stdout + stderr;
      expect(text).toMatch(/let the service read the ring again:|without delay:/);
      expect(text).toContain(
        "start `npx stagedoor serve --env production --ring keys-production.json`; if it runs, send it SIGHUP",
      );
      expect(text).toMatch(/npx stagedoor nginx --out .*\n.*nginx -t -c .* && nginx -s reload/);
      expect(text).not.toMatch(/stagedoor deploy|worker|isolate|upload/i);
    }
  });

  it("that explains a URL uses the keys and the media host of --env, and without it says whose keys it used", async () => {
    const project = selfHosted();
    const file = join(project, "stagedoor.config.json");
    const assets = [{ id: "film", origin: "films", entries: { hls: "index.m3u8" } }];
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), assets }));
    const call = (...words: readonly string[]) => runFile(node, [program, ...words], project, process.env);
    const ring = ["--ring", "keys-production.json"];
    await call("keys", "new", "--purpose", "session", ...ring);
    const { stdout } = await call("sign", "/film/0.ts", ...ring, "--media-url", "https://media.example.com");
    const explained = await call("explain", stdout.trim(), "--env", "production");
    expect([explained.exit, explained.stderr]).toEqual([0, ""]);
    const without = await call("explain", stdout.trim());
    expect(without.exit).toBe(1);
    expect(without.stderr).toContain("It was checked with the development keys. --env production");
    const wrong = await call("explain", stdout.trim(), "--env", "test");
    expect([wrong.exit, wrong.stderr]).toEqual([2, expect.stringContaining("staging or production")]);
  });

  it("that checks it needs no wrangler, which such a deployment does not install", async () => {
    const project = selfHosted();
    const hook = join(project, "without-wrangler.mjs");
    writeFileSync(
      hook,
      `import { registerHooks } from "node:module";
registerHooks({ resolve(name, context, next) { if (name === "wrangler") throw new Error("no wrangler"); return next(name, context); } });`,
    );
    for (const words of [[], ["--env", "production"]]) {
      const { stdout } = await runFile(node, ["--import", hook, program, "doctor", ...words], project, process.env);
      expect(stdout).toContain("each worker would accept its settings");
      expect(stdout).not.toContain("route_missing");
    }
  });

  it("that serves a folder which does not exist names its member and the folder", async () => {
    const { exit, stderr } = await run("serve", "--port", "1", "--media-port", "2");
    expect(exit).toBe(1);
    expect(stderr).toContain("origins.films.folder: there is no folder /srv/films.");
  });
});

it("npx stagedoor serve reads the secret of the entitlement service", async () => {
  const project = selfHosted();
  const file = join(project, "stagedoor.config.json");
  const settings = { STAGEDOOR_ENTITLEMENT_URL: "https://rights.example.com/" };
  const origins = { films: { type: "file", folder: "." } };
  writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), origins, settings }));
  writeFileSync(join(project, "secrets-development.env"), "STAGEDOOR_ENTITLEMENT_SECRET=short\n", { mode: 0o600 });
  const { exit, stderr } = await runFile(
    node,
    [program, "serve", "--port", "1", "--media-port", "2"],
    project,
    process.env,
  );
  expect(exit).toBe(1);
  expect(stderr).toContain("STAGEDOOR_ENTITLEMENT_SECRET:");
});

describe("npx stagedoor init --host node", () => {
  it("writes a folder for Node, whose first command is serve, without anything of Cloudflare's", async () => {
    const target = join(folder(), "tv");
    const { exit, stdout } = await stagedoor("init", target, "--yes", "--host", "node", "--domain", "acme.tv");
    expect(exit).toBe(0);
    expect(stdout).toContain("\n  npx stagedoor serve");
    expect(readdirSync(target).toSorted()).toEqual([
      ".gitignore",
      "README.md",
      "package.json",
      "stagedoor.config.json",
    ]);
    for (const file of ["package.json", "stagedoor.config.json", "README.md"])
      expect(readFileSync(join(target, file), "utf8")).not.toMatch(/wrangler|cloudflare|kv|r2|workerd|esbuild/i);
    // Films, and the keys in the folder of `npx stagedoor nginx`, are never committed.
    expect(readFileSync(join(target, ".gitignore"), "utf8").split("\n")).toEqual(
      expect.arrayContaining(["films/", "nginx*/"]),
    );
  });

  it("names what the first start for viewers lacks, and the command that makes it", async () => {
    const target = join(folder(), "tv");
    const run = (...words: readonly string[]) => runFile(node, [program, ...words], target, process.env);
    await stagedoor("init", target, "--yes", "--host", "node", "--domain", "acme.tv");
    mkdirSync(join(target, "films"));
    await run("keys", "new", "--purpose", "session", "--ring", "keys-production.json");
    const serve = await run("serve", "--env", "production");
    expect(serve.exit).toBe(1);
    expect(serve.stderr).toMatch(/no value: STAGEDOOR_IDENTITY_SECRET.*npx stagedoor secrets new --env production/s);
    const secrets = await run("secrets", "new", "--env", "production");
    expect(secrets.stdout).toContain("Next:\n  npx stagedoor serve --env production");
    // Accounts need no other issuer, so this is the only error.
    writeFileSync(join(target, "secrets-production.env"), "STAGEDOOR_IDENTITY_SECRET=short\n", { mode: 0o600 });
    const invalid = await run("serve", "--env", "production");
    expect(invalid.stderr).toMatch(/^The configuration is invalid:\n {2}STAGEDOOR_IDENTITY_SECRET: [^\n]*$/);
  });

  it("names an issuer that is not filled in, with its line", async () => {
    const target = join(folder(), "tv");
    await stagedoor("init", target, "--yes", "--host", "node", "--domain", "acme.tv", "--identity", "provider");
    const serve = await runFile(node, [program, "serve", "--env", "production"], target, process.env);
    expect(serve.exit).toBe(1);
    expect(serve.stderr).toMatch(/not filled in:\n {2}stagedoor\.config\.json:\d+ {2}identity\.issuers/);
  });

  it.each([
    ["--origin", "r2", "file or s3 or http"],
    ["--cdn", "workers", "node or cloudfront-function or cloudfront"],
  ])("refuses %s %s for Node", async (option, value, allowed) => {
    const { exit, stderr } = await stagedoor("init", join(folder(), "tv"), "--yes", "--host", "node", option, value);
    expect(exit).toBe(2);
    expect(stderr).toContain(allowed);
  });
});

it.each([
  [["--role", "edge"], '--role must be api, media or all, not "edge".'],
  [["--processes", "0"], '--processes must be a number from 1 to 128, not "0".'],
  [["--processes", "two"], '--processes must be a number from 1 to 128, not "two".'],
])("npx stagedoor serve refuses %s", async (words, message) => {
  const ran = await runFile(node, [program, "serve", ...words], selfHosted(), process.env);
  expect([ran.exit, ran.stderr]).toEqual([2, expect.stringContaining(message)]);
});

it("npx stagedoor serve --role refuses to have stores that no other process shares", async () => {
  const ran = await runFile(node, [program, "serve", "--role", "media"], selfHosted(), process.env);
  expect([ran.exit, ran.stderr]).toEqual([1, expect.stringContaining("set host.redis, or name the one SQLite file")]);
});
