import { execFileSync, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { build } from "esbuild";
import { publint } from "publint";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { functionSettings } from "../../../cli/cloudfront/function-command.ts";
import { readDeployment } from "../../../cli/lib/deployment-folder.ts";
import { functionScript, storeFailures } from "../../../cli/lib/function-script.ts";
import { freePort } from "../../../cli/lib/ports.ts";
import { packageRoot } from "../../../cli/lib/project.ts";
import { until } from "../../cluster/viewer.ts";
import { walk } from "../../cluster/walk.ts";
import { runFile } from "../cli/command-line.ts";
import { examplesIn } from "./package-files.ts";

const { version, dependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(
  readFileSync(join(packageRoot, "package.json"), "utf8"),
);
const optional = Object.keys(peerDependenciesMeta);
/** Node's folder first, as npm scripts have it. */
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };

const temporary = mkdtempSync(join(tmpdir(), "stagedoor-tarball-"));
afterAll(() => rmSync(temporary, { recursive: true }));
const tarball = join(temporary, `stagedoor-${version}.tgz`);

beforeAll(() => {
  execFileSync("npm", ["pack", "--silent", "--pack-destination", temporary], { cwd: packageRoot, env, stdio: "pipe" });
});

/**
 * A folder with the package as npm installs it, so that no registry is needed: the tarball's own files, and links to this
 * clone's copies of the packages in `names`.
 */
function installed(name: string, names: readonly string[]): string {
  const folder = join(temporary, name);
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, ".bin"), { recursive: true });
  execFileSync("tar", ["xzf", tarball, "-C", modules]);
  cpSync(join(modules, "package"), join(modules, "stagedoor"), { recursive: true });
  rmSync(join(modules, "package"), { recursive: true });
  symlinkSync("../stagedoor/cli/bin.mjs", join(modules, ".bin/stagedoor"));
  for (const dependency of names) {
    mkdirSync(dirname(join(modules, dependency)), { recursive: true });
    symlinkSync(join(packageRoot, "node_modules", dependency), join(modules, dependency));
  }
  writeFileSync(join(folder, "package.json"), JSON.stringify({ name, private: true, type: "module" }));
  return folder;
}

const storePackages = ["@aws-sdk/client-cloudfront-keyvaluestore", "@aws-sdk/signature-v4a"];

const required = [
  ...Object.keys(dependencies),
  ...Object.keys(peerDependencies).filter((name) => !optional.includes(name)),
];
const npx = (folder: string, ...words: readonly string[]) =>
  runFile("npx", ["--no", "--", "stagedoor", ...words], folder, env);

describe("the tarball", () => {
  it("has no fault that publint finds", async () => {
    const bytes = Uint8Array.from(readFileSync(tarball));
    expect((await publint({ pack: { tarball: bytes.buffer }, strict: true })).messages).toEqual([]);
  });
});

describe("the installed package without optional peers", () => {
  let folder: string;
  beforeAll(() => {
    folder = installed("library", required);
  });

  it("contains compiled code and the documents, but neither sources nor fixtures' media", () => {
    const files = readdirSync(join(folder, "node_modules/stagedoor"), { recursive: true, encoding: "utf8" });
    expect(files.filter((file) => /(?<!\.d)\.tsx?$|^fixtures\/media|\.dev\.vars|keys.*\.json$/.test(file))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(["README.md", "LICENSE", "CHANGELOG.md", "docs/troubleshooting.md"]));
    const text = (file: string) => readFileSync(join(folder, "node_modules/stagedoor", file), "utf8");
    const unresolved = files
      .filter((file) => /\.(?:js|d\.ts)$/.test(file))
      .flatMap((file) =>
        [...text(file).matchAll(/(?:from |import |import\()"(\.[^"]+)"/g)].flatMap(([, to = ""]) => {
          const target = resolve("/", dirname(file), to).slice(1);
          const exists = file.endsWith(".d.ts") ? target.replace(/\.js$/, ".d.ts") : target;
          return files.includes(exists) ? [] : [`${file} → ${to}`];
        }),
      );
    expect(unresolved).toEqual([]);
  });

  it("has a command line, which finds its version and its catalog in the package", async () => {
    const help = await npx(folder, "--help");
    expect([help.exit, help.stderr]).toEqual([0, ""]);
    expect(help.stdout).toContain("npx stagedoor <command>");
    expect(await npx(folder, "--version")).toEqual({ exit: 0, stdout: version, stderr: "" });
    expect((await npx(folder, "assets", "list")).stdout).toContain("vod-ts");
  });

  it("creates keys in the current folder, and not in the package", async () => {
    expect((await npx(folder, "token", "--assets", "vod-ts")).exit).toBe(0);
    expect(readdirSync(folder)).toContain(".stagedoor");
    expect(readdirSync(join(folder, "node_modules/stagedoor"))).not.toContain(".stagedoor");
  });

  it("says in doctor that a folder is not a deployment, and how to make one", async () => {
    const { exit, stderr } = await npx(folder, "doctor");
    expect([exit, stderr]).toEqual([1, expect.stringContaining("npx stagedoor init <folder>")]);
  });

  it("says in doctor how to install wrangler where a deployment needs it", async () => {
    writeFileSync(join(folder, "wrangler.toml"), 'name = "stagedoor-edge"\n');
    const { exit, stderr } = await npx(folder, "doctor");
    const install = `npm install --save-dev "wrangler@${peerDependencies.wrangler}"`;
    expect([exit, stderr]).toEqual([1, expect.stringContaining(install)]);
  });

  it.each(["playlist", "signing", "hono", "player"])("runs the examples of docs/package/%s.md", async (name) => {
    const page = readFileSync(join(folder, `node_modules/stagedoor/docs/package/${name}.md`), "utf8");
    for (const [i, { code, prints }] of examplesIn(page).entries()) {
      writeFileSync(join(folder, `${name}-${i}.mjs`), code);
      const run = await runFile(process.execPath, [`${name}-${i}.mjs`], folder, env);
      expect(run).toEqual({ exit: 0, stdout: prints.join("\n"), stderr: "" });
    }
  });

  it.each([
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ])(
    "has types for a program of module %s and resolution %s, with plain numbers for times",
    async (module, resolution) => {
      const program = `import { bearer, protectMedia } from "stagedoor/hono";
import { keepFresh } from "stagedoor/player";
import { rewritePlaylist } from "stagedoor/playlist";
import { mediaSigner, mintGrant, sessionKeys } from "stagedoor/signing";
const keys = await sessionKeys({ keys: [] });
const now: number = 1795000000;
const grant: string = mintGrant(keys, { issuer: "films", subject: "a", prefixes: ["/film/"], expiresAt: now });
const text = await rewritePlaylist("", { path: "/film/a.m3u8", prefix: "/film/", sign: mediaSigner(keys, { grant }), now });
export const code: string = text.ok ? text.value : text.refusal.code;
export const parts = [bearer({ issuers: [] }), protectMedia({ keys, issuer: "films" }), keepFresh];
// @ts-expect-error: an expiry is a number
mintGrant(keys, { issuer: "films", subject: "a", prefixes: ["/film/"], expiresAt: "soon" });
`;
      writeFileSync(join(folder, "program.ts"), program);
      const compiler = join(packageRoot, "node_modules/typescript/bin/tsc");
      const options = ["--ignoreConfig", "--noEmit", "--strict", "--module", module, "--moduleResolution", resolution];
      const more = [
        "--target",
        "es2024",
        "--lib",
        "es2024,dom,dom.iterable",
        "--skipLibCheck",
        "--types",
        "",
        "program.ts",
      ];
      expect(await runFile(process.execPath, [compiler, ...options, ...more], folder, env)).toMatchObject({
        exit: 0,
        stdout: "",
      });
    },
  );
});

describe("a worker of a deployment", () => {
  let folder: string;
  beforeAll(() => {
    folder = installed("deployment", [...required, ...optional]);
    writeFileSync(join(folder, "absent.js"), "export {};");
  });

  it.each(["api", "manifest", "edge", "identity"])(
    "re-exports stagedoor/workers/%s with its classes",
    async (worker) => {
      const entry = join(folder, `${worker}.js`);
      const module = `"stagedoor/workers/${worker}"`;
      writeFileSync(entry, `export * from ${module};\nexport { default } from ${module};\n`);
      const { metafile } = await build({
        entryPoints: [entry],
        bundle: true,
        write: false,
        metafile: true,
        format: "esm",
        platform: "neutral",
        mainFields: ["module", "main"],
        conditions: ["workerd", "worker", "import"],
        external: ["node:*", "cloudflare:*"],
        // As in a deployment without a store of CloudFront's.
        alias: { crypto: "node:crypto", ...Object.fromEntries(storePackages.map((name) => [name, "./absent.js"])) },
        absWorkingDir: folder,
      });
      const toml = readFileSync(
        join(packageRoot, worker === "edge" ? "wrangler.toml" : `workers/${worker}/wrangler.toml`),
        "utf8",
      );
      const classes = [...toml.matchAll(/new_sqlite_classes = \[([^\]]*)\]/g)].map(([, list]) => list).join();
      const [output] = Object.values(metafile.outputs);
      const names = [...classes.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name);
      expect(output?.exports.toSorted()).toEqual([...names, "default"].toSorted());
      expect(names.length).toBeGreaterThan(0);
      const heavy = Object.keys(metafile.inputs).filter((file) =>
        /node_modules\/(?:better-auth|@aws-sdk)\//.test(file),
      );
      if (worker !== "identity") expect(heavy).toEqual([]);
      const page = readFileSync(join(folder, "node_modules/stagedoor/docs/package/workers.md"), "utf8");
      for (const name of names) expect(page).toContain(`\`${name}\``);
    },
  );
});

describe("a deployment's folder that the installed package makes", () => {
  let folder: string;
  beforeAll(async () => {
    folder = installed("own", [...required, ...optional]);
    const made = await npx(folder, "init", ".", "--domain", "example.tv", "--yes");
    expect([made.exit, made.stdout]).toEqual([0, expect.stringContaining("npx stagedoor dev")]);
    cpSync(join(packageRoot, "fixtures/media/vod-ts"), join(folder, "media/film"), { recursive: true });
  });
  const config = () => readFileSync(join(folder, "stagedoor.config.json"), "utf8");

  it("plays its film from its own folder with `dev`", async () => {
    const ports = ["--port", `${await freePort()}`, "--media-port", `${await freePort()}`];
    const dev = spawn(join(folder, "node_modules/.bin/stagedoor"), ["dev", ...ports], { cwd: folder, env });
    let output = "";
    for (const stream of [dev.stdout, dev.stderr]) stream.on("data", (chunk) => (output += chunk));
    const ended = new Promise((resolve) => dev.once("exit", resolve));
    await until(
      () => output,
      (text) => text.includes("Ready after") || dev.exitCode !== null,
    );
    const [, url = expect.fail(output)] = /curl -s (\S+)/.exec(output) ?? [];
    const [, token = ""] = /Bearer ([\w.-]+)/.exec(output) ?? [];
    const headers = { Authorization: `Bearer ${token}` };
    const started = await fetch(url, { method: "POST", headers, body: '{"asset":"film"}' });
    const { playlists, files } = await walk(Object(await started.json()).manifestUrl);
    const [segment = ""] = files;
    expect([playlists.size, (await fetch(segment)).status]).toEqual([4, 200]);
    dev.kill("SIGINT");
    expect(await ended).toBe(0);
  });

  it("has a dry run of `deploy` that builds every worker, and changes no file", async () => {
    const filled = config()
      .replace("fill-in-production-kv-id", "0123456789abcdef0123456789abcdef")
      .replace("fill-in-production-d1-id", "01234567-89ab-cdef-0123-456789abcdef");
    writeFileSync(join(folder, "stagedoor.config.json"), filled);
    const before = readdirSync(folder).toSorted();
    const { exit, stdout } = await npx(folder, "deploy", "--env", "production", "--dry-run");
    expect([exit, stdout]).toEqual([0, expect.stringContaining("everything is filled in")]);
    expect([config(), readdirSync(folder).toSorted()]).toEqual([filled, before]);
  });

  it("is free of faults for `doctor`", async () => {
    const { exit, stdout } = await npx(folder, "doctor");
    expect([exit, stdout]).toEqual([0, expect.stringContaining("No problems found")]);
  });

  it("writes the CloudFront Function without a compiler, as this clone compiles it", async () => {
    const far = '"far": { "type": "cloudfront-function", "host": "d111111abcdef8.cloudfront.net" }';
    writeFileSync(join(folder, "stagedoor.config.json"), config().replace('"cdns": {', `"cdns": { ${far},`));
    const deployment = readDeployment(folder);
    const settings = deployment.ok ? functionSettings(deployment.value, "production") : deployment;
    for (const storeFailure of storeFailures) {
      const words = ["cloudfront", "function", "--env", "production", "--store-failure", storeFailure];
      expect(await npx(folder, ...words)).toMatchObject({ exit: 0, stderr: "" });
      const script = settings.ok ? await functionScript({ ...settings.value, storeFailure }) : settings;
      expect({ ok: true, value: readFileSync(join(folder, "cloudfront-production.js"), "utf8") }).toEqual(script);
    }
  });
});

describe("@stagedoor/player", () => {
  it("is the same module as stagedoor/player, with zero dependencies", () => {
    const own = JSON.parse(readFileSync(join(packageRoot, "packages/player/package.json"), "utf8"));
    expect([own.dependencies, own.peerDependencies, own.version]).toEqual([undefined, undefined, version]);
    const read = (file: string) => readFileSync(join(packageRoot, file), "utf8");
    const module = read(join("packages/player", own.exports["."].default));
    expect(module).toBe(read("dist/packages/player/keep-fresh.js"));
    expect(module).not.toMatch(/\bfrom\s*"|\bimport\b/);
  });
});
