import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageRoot } from "../../../cli/lib/project.ts";
import { runFile, stagedoor } from "../cli/command-line.ts";

type Ranges = Readonly<Record<string, string>>;
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Ranges;
  readonly peerDependencies?: Ranges;
  readonly peerDependenciesMeta?: Readonly<Record<string, { readonly optional: boolean }>>;
}

const read = (...path: readonly string[]): Manifest => JSON.parse(readFileSync(join(...path, "package.json"), "utf8"));
const own = read(packageRoot);
const peers = own.peerDependencies ?? {};
const temporary = mkdtempSync(join(tmpdir(), "stagedoor-upgrade-"));

/** A version whose number at this place is one higher: 1.7.5 is 1.7.6 at place 2. */
const raised = (version: string, place: 1 | 2) =>
  version.replace(/\d+(?:\.\d+)*/, (digits) =>
    digits
      .split(".")
      .map((number, index) => (index < place ? number : index === place ? String(Number(number) + 1) : "0"))
      .join("."),
  );

const versionOf = (name: string) => read(packageRoot, "node_modules", name).version;

/** The members of a real peer that matter here: its version, and which versions of the other peers it needs. */
function peer(name: string): Manifest {
  const { version, dependencies, peerDependencies } = read(packageRoot, "node_modules", name);
  const amongPeers = (ranges: Ranges = {}) =>
    Object.fromEntries(
      Object.entries(ranges).filter(
        ([other, range]) => other in peers && range.replace(/^[\^~]/, "") === versionOf(other),
      ),
    );
  return { name, version, dependencies: amongPeers(dependencies), peerDependencies: amongPeers(peerDependencies) };
}

/** A later release of all peers at once, as better-auth's packages are released. */
function later({ name, version, dependencies = {}, peerDependencies = {} }: Manifest, place: 1 | 2): Manifest {
  const raise = (ranges: Ranges) =>
    Object.fromEntries(Object.entries(ranges).map(([other, range]) => [other, raised(range, place)]));
  return {
    name,
    version: raised(version, place),
    dependencies: raise(dependencies),
    peerDependencies: raise(peerDependencies),
  };
}

/** In place of the registry: packages without files, so that npm decides here and nothing is downloaded. */
const published = new Map<string, Manifest[]>();
const tarballs = new Map<string, Buffer>();
let server: Server;
let registry: string;

function publish(manifest: Manifest): void {
  const folder = mkdtempSync(join(temporary, "published-"));
  mkdirSync(join(folder, "package"));
  writeFileSync(join(folder, "package/package.json"), JSON.stringify(manifest));
  const tarball = execFileSync("tar", ["czf", "-", "-C", folder, "package"]);
  const path = `${manifest.name.replace("/", "-")}-${manifest.version}.tgz`;
  tarballs.set(path, tarball);
  const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
  const dist = { tarball: registry + path, integrity };
  published.set(manifest.name, [...(published.get(manifest.name) ?? []), Object.assign({ dist }, manifest)]);
}

beforeAll(async () => {
  server = createServer(({ url = "" }, response) => {
    const path = decodeURIComponent(url.slice(1));
    const versions = published.get(path);
    if (versions === undefined) response.writeHead(tarballs.has(path) ? 200 : 404).end(tarballs.get(path) ?? "{}");
    else
      response.end(
        JSON.stringify({
          name: path,
          "dist-tags": { latest: versions.at(-1)?.version },
          versions: Object.fromEntries(versions.map((manifest) => [manifest.version, manifest])),
        }),
      );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  registry = `http://127.0.0.1:${port}/`;
});
afterAll(() => {
  server.close();
  rmSync(temporary, { recursive: true });
});

async function npm(folder: string, ...words: readonly string[]) {
  const quiet = ["--no-audit", "--no-fund", "--no-update-notifier", "--ignore-scripts"];
  const options = ["--registry", registry, "--cache", join(temporary, "cache"), ...quiet];
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
  const { exit, stderr } = await runFile("npm", [...words, ...options], folder, env);
  return [exit, exit === 0 ? "" : stderr];
}

describe("an upgrade of a deployment that uses every optional peer", () => {
  const folder = join(temporary, "tv");
  const next = raised(own.version, 2);
  const release = (version: string, peerDependencies: Ranges) =>
    publish({ name: own.name, version, peerDependencies, peerDependenciesMeta: own.peerDependenciesMeta ?? {} });
  const copy = (name: string) => {
    cpSync(folder, join(temporary, name), { recursive: true });
    return join(temporary, name);
  };
  const upgraded = (at: string) => {
    const { dependencies = {} } = read(at);
    const before = read(folder).dependencies ?? {};
    return Object.keys(before).filter((name) => before[name] !== dependencies[name]);
  };

  beforeAll(async () => {
    const words = ["--cdn", "cloudfront", "--cdn-host", "d1.cloudfront.net"];
    expect(await stagedoor("init", folder, "--yes", ...words)).toMatchObject({ exit: 0 });
    const made = read(folder);
    const dependencies = { ...made.dependencies, stagedoor: own.version };
    writeFileSync(join(folder, "package.json"), JSON.stringify({ ...made, dependencies }));
    const all = Object.keys(peers).map(peer);
    all.forEach(publish);
    release(own.version, peers);
    expect(await npm(folder, "install")).toEqual([0, ""]);
    for (const place of [2, 1] as const) for (const manifest of all) publish(later(manifest, place));
  });

  it("changes one version if the next release has the same ranges", async () => {
    release(next, peers);
    const at = copy("same");
    expect(await npm(at, "install", "--save-exact", `stagedoor@${next}`)).toEqual([0, ""]);
    expect(upgraded(at)).toEqual(["stagedoor"]);
  });

  it("changes the versions of better-auth's packages too, in one command, if the next release needs later ones", async () => {
    const after = raised(next, 2);
    const needed = Object.entries(peers).map(([name, range]) => [name, raised(range, 2)] as const);
    release(after, Object.fromEntries(needed));
    const at = copy("later");
    expect(await npm(at, "update")).toEqual([0, ""]);
    const exact = needed.filter(([name]) => /^@?better-/.test(name));
    const words = [`stagedoor@${after}`, ...exact.map(([name, version]) => `${name}@${version}`)];
    expect(await npm(at, "install", "--save-exact", ...words)).toEqual([0, ""]);
    expect(upgraded(at).toSorted()).toEqual(["stagedoor", ...exact.map(([name]) => name)].toSorted());
    expect(read(at, "node_modules/better-auth").version).toBe(raised(versionOf("better-auth"), 2));
    expect(await npm(at, "ci")).toEqual([0, ""]);
  });
});
