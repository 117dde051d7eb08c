import { execFileSync } from "node:child_process";
import * as disk from "node:fs/promises";
import { link, mkdir, mkdtemp, realpath, rename, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import type { OriginRequest } from "../../../src/origin/origin.ts";
import { type Disk, fileOrigin } from "../../../src/platform/node/file-origin.ts";
import { sampleAsset } from "../../unit/catalog/sample.ts";
import { contractFiles, originContract } from "../../unit/origin/origin-contract.ts";

const place = await realpath(await mkdtemp(join(tmpdir(), "file-origin-")));
afterAll(() => rm(place, { recursive: true }));

let root: string;
let outside: string;
let count = 0;
beforeEach(async () => {
  root = join(place, `root-${++count}`);
  outside = join(place, `outside-${count}`);
  await write(join(outside, "secret.ts"), "secret");
  await write(join(root, "42/0.ts"), "segment");
});

async function write(file: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}

const asset = sampleAsset({ origin: { type: "file", root: "films", path: "42/" } });

async function open(path: string, { files = disk, ...request }: Partial<OriginRequest> & { files?: Disk } = {}) {
  const origin = fileOrigin(new Map([["films", root]]), files);
  return origin({ asset, path, query: "", method: "GET", ...request });
}

/** The body of a file, or the code of the refusal, whose reason must name no folder of the machine. */
async function read(path: string, options: Parameters<typeof open>[1] = {}): Promise<string> {
  const result = await open(path, options);
  if (result.ok) return result.value.text();
  expect(result.refusal.reason).not.toContain(place);
  return result.refusal.code;
}

const contractRoot = join(place, "contract");
for (const [name, body] of contractFiles) await write(join(contractRoot, "42", name), body);
originContract(
  "a folder of the machine",
  async () => ({ origin: fileOrigin(new Map([["films", contractRoot]])), asset }),
  { storesCaching: false },
);

describe("a folder as origin", () => {
  it("reads a root that is itself a symbolic link", async () => {
    const linked = `${root}-link`;
    await symlink(root, linked);
    const origin = fileOrigin(new Map([["films", linked]]));
    const result = await origin({ asset, path: "0.ts", query: "", method: "GET" });
    expect(result.ok && (await result.value.text())).toBe("segment");
  });

  it("follows links that stay within the root", async () => {
    await symlink("0.ts", join(root, "42/latest.ts"));
    await symlink("../42", join(root, "42/again"));
    expect([await read("latest.ts"), await read("again/0.ts")]).toEqual(["segment", "segment"]);
  });

  it.each([
    ["a file outside", async () => symlink(join(outside, "secret.ts"), join(root, "42/out.ts")), "out.ts"],
    [
      "a relative path outside",
      async () => symlink(`../../outside-${count}/secret.ts`, join(root, "42/out.ts")),
      "out.ts",
    ],
    ["a folder outside", async () => symlink(outside, join(root, "42/out")), "out/secret.ts"],
    [
      "a link that leads outside",
      async () => {
        await symlink(outside, join(root, "hop"));
        await symlink("../hop", join(root, "42/out"));
      },
      "out/secret.ts",
    ],
    [
      "a folder whose name begins like the root's",
      async () => {
        await write(`${root}-2/secret.ts`, "secret");
        await symlink(`${root}-2`, join(root, "42/out"));
      },
      "out/secret.ts",
    ],
    [
      "a hidden file",
      async () => {
        await write(join(root, ".git/config"), "secret");
        await symlink("../.git/config", join(root, "42/out.ts"));
      },
      "out.ts",
    ],
    ["itself", async () => symlink("out.ts", join(root, "42/out.ts")), "out.ts"],
    ["nothing", async () => symlink("none.ts", join(root, "42/out.ts")), "out.ts"],
  ])("does not follow a link to %s", async (_, make, path) => {
    await make();
    expect(await read(path)).toBe("object_unknown");
    expect(await read(path, { method: "HEAD" })).toBe("object_unknown");
  });

  it.each([
    "../43/secret.ts",
    "%2e%2e/43/secret.ts",
    "%2E%2E%2F43%2Fsecret.ts",
    "a/../../43/secret.ts",
    "..",
    ".",
    "./0.ts",
    "/0.ts",
    "//0.ts",
    "..%5C43%5Csecret.ts",
    "..\\43\\secret.ts",
    "0.ts%00.m3u8",
    "0.ts\0",
    ".hidden.ts",
    "%2Ehidden.ts",
    ".git/config",
    "%FF.ts",
    "%E0%80%AE%E0%80%AE/43/secret.ts",
    "%",
    `${"a".repeat(300)}.ts`,
  ])("serves nothing for the path %j, whichever check let it through", async (path) => {
    await write(join(root, "43/secret.ts"), "secret");
    await write(join(root, "42/.hidden.ts"), "secret");
    await write(join(root, "42/.git/config"), "secret");
    expect(await read(path)).toBe("object_unknown");
  });

  it("serves nothing for an asset whose own path leaves the root", async () => {
    const origin = { type: "file", root: "films", path: "../outside/" } as const;
    expect(await read("secret.ts", { asset: { ...asset, origin } })).toBe("object_unknown");
  });

  it("ignores a query, and does not read it as part of a name", async () => {
    expect(await read("0.ts", { query: "_HLS_msn=1" })).toBe("segment");
    expect(await read("0.ts%3Fa")).toBe("object_unknown");
  });

  it("serves no FIFO, no socket and no device, and does not wait for them", async () => {
    execFileSync("mkfifo", [join(root, "42/fifo.ts")]);
    const server = createServer().listen(join(root, "42/s.ts"));
    await new Promise((resolve) => server.once("listening", resolve));
    expect([await read("fifo.ts"), await read("s.ts")]).toEqual(["object_unknown", "object_unknown"]);
    await new Promise((resolve) => server.close(resolve));
  });

  describe.each(["linux", "darwin"])("on %s", (platform) => {
    const own = process.platform;
    beforeEach(() => void Object.defineProperty(process, "platform", { value: platform }));
    afterEach(() => void Object.defineProperty(process, "platform", { value: own }));

    it("serves a file in a folder", async () => {
      expect(await read("0.ts")).toBe("segment");
    });

    it("serves no file outside that takes a folder's place between the check and the opening", async () => {
      await write(join(root, "42/720p/0.ts"), "segment");
      await write(join(outside, "0.ts"), "secret");
      const files: Disk = {
        ...disk,
        open: async (...parameters) => {
          await rename(join(root, "42/720p"), join(root, "42/old"));
          await symlink(outside, join(root, "42/720p"));
          return disk.open(...parameters);
        },
      };
      expect(await read("720p/0.ts", { files })).toBe("object_unknown");
      expect(await disk.readlink(join(root, "42/720p"))).toBe(outside);
    });

    it("serves no file outside to which the file's own name becomes a link before the opening", async () => {
      const files: Disk = {
        ...disk,
        open: async (...parameters) => {
          await rm(join(root, "42/0.ts"));
          await symlink(join(outside, "secret.ts"), join(root, "42/0.ts"));
          return disk.open(...parameters);
        },
      };
      expect(await read("0.ts", { files })).toBe("object_unknown");
    });
  });

  it("refuses a root that the configuration does not have as configuration_invalid, and names it", async () => {
    const origin = { type: "file", root: "archive", path: "42/" } as const;
    expect(await open("0.ts", { asset: { ...asset, origin } })).toMatchObject({
      ok: false,
      refusal: { code: "configuration_invalid", reason: expect.stringContaining("no origin archive of the type file") },
    });
  });

  it("counts a missing root as a failure, so that a disk that is not mounted is no missing film", async () => {
    await rm(root, { recursive: true });
    expect(await open("0.ts")).toMatchObject({
      ok: false,
      refusal: { code: "origin_failed", reason: expect.stringContaining("ENOENT") },
    });
  });

  it.each(["EACCES", "EMFILE", "EIO"])("answers origin_failed without the machine's path for %s", async (code) => {
    const error = Object.assign(new Error(`${code}: open '${root}/42/0.ts'`), { code });
    expect(await read("0.ts", { files: { ...disk, open: () => Promise.reject(error) } })).toBe("origin_failed");
  });

  it("has the entity tag of nginx, another for another size or second, and one for copies that keep both", async () => {
    const tag = async () => {
      const result = await open("0.ts", { method: "HEAD" });
      return result.ok ? result.value.headers.get("ETag") : undefined;
    };
    const file = join(root, "42/0.ts");
    await utimes(file, 1000, 1000);
    const first = await tag();
    expect(first).toBe('"3e8-7"');
    await utimes(file, 1000, 1000.000_001);
    expect(await tag()).toBe(first);
    await utimes(file, 1000, 1001);
    const touched = await tag();
    await writeFile(file, "longer than before");
    await utimes(file, 1000, 1000);
    const longer = await tag();
    await write(`${file}.new`, "segment");
    await utimes(`${file}.new`, 1000, 1000);
    await rename(`${file}.new`, file);
    const copied = await tag();
    expect(new Set([first, touched, longer]).size).toBe(3);
    expect(copied).toBe(first);
    const result = await open("0.ts");
    expect(result.ok && result.value.headers.get("Last-Modified")).toBe(new Date(1_000_000).toUTCString());
    if (result.ok) await result.value.body?.cancel();
  });

  it("tells versions of one size and one second apart while the second may not be over", async () => {
    const tag = async (time: number) => {
      await utimes(join(root, "42/0.ts"), time, time);
      const result = await open("0.ts", { method: "HEAD" });
      return result.ok ? result.value.headers.get("ETag") : undefined;
    };
    const now = Math.floor(Date.now() / 1000) + 60;
    expect(await tag(now + 0.25)).not.toBe(await tag(now + 0.5));
  });

  it("serves a hard link like any file of the root", async () => {
    await link(join(root, "42/0.ts"), join(root, "42/1.ts"));
    expect(await read("1.ts")).toBe("segment");
  });
});

describe("the file of a response", () => {
  const size = 1_000_000;

  /** A disk that counts open files and the bytes that were read. */
  function counting() {
    const counts = { open: 0, read: 0 };
    const files: Disk = {
      ...disk,
      open: async (...parameters) => {
        const handle = await disk.open(...parameters);
        counts.open++;
        const close = handle.close.bind(handle);
        let closed = false;
        handle.close = async () => {
          if (!closed) counts.open--;
          closed = true;
          await close();
        };
        return new Proxy(handle, {
          get: (target, name) => {
            if (name === "read")
              return async (...of: Parameters<typeof target.read>) => {
                const result = await Reflect.apply(target.read, target, of);
                counts.read += result.bytesRead;
                return result;
              };
            const value: unknown = Reflect.get(target, name);
            return typeof value === "function" ? value.bind(target) : value;
          },
        });
      },
    };
    return { counts, files };
  }

  beforeEach(() => write(join(root, "42/0.ts"), new Uint8Array(size).fill(7)));

  it("is read as the viewer reads, and closed at its end", async () => {
    const { counts, files } = counting();
    const result = await open("0.ts", { files });
    const reader = result.ok ? result.value.body?.getReader() : undefined;
    expect(counts).toEqual({ open: 1, read: 0 });
    let length = (await reader?.read())?.value?.length ?? 0;
    expect(counts.read).toBeLessThan(size / 2);
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read())
      length += part.value.length;
    expect([length, counts]).toEqual([size, { open: 0, read: size }]);
  });

  it("is read only in the range", async () => {
    const { counts, files } = counting();
    const body = await read("0.ts", { files, range: "bytes=500-699" });
    expect([body.length, counts]).toEqual([200, { open: 0, read: 200 }]);
  });

  it("is closed when the viewer leaves", async () => {
    const { counts, files } = counting();
    const result = await open("0.ts", { files });
    const reader = result.ok ? result.value.body?.getReader() : undefined;
    await reader?.read();
    await reader?.cancel();
    expect(counts.open).toBe(0);
  });

  it.each<[string, Partial<OriginRequest>]>([
    ["HEAD", { method: "HEAD" }],
    ["a range outside the file", { range: "bytes=2000000-" }],
    ["a copy that is current", { ifNoneMatch: "*" }],
  ])("is closed at once for %s", async (_, request) => {
    const { counts, files } = counting();
    await open("0.ts", { files, ...request });
    expect(counts).toEqual({ open: 0, read: 0 });
  });

  it("is closed if it is no regular file", async () => {
    const { counts, files } = counting();
    await mkdir(join(root, "42/folder"));
    expect(await read("folder", { files })).toBe("object_unknown");
    expect(counts.open).toBe(0);
  });

  it("breaks off and is closed if it becomes shorter, so that no cache keeps a part as the whole", async () => {
    const { counts, files } = counting();
    const result = await open("0.ts", { files });
    await truncate(join(root, "42/0.ts"), 10);
    await expect(result.ok ? result.value.arrayBuffer() : undefined).rejects.toThrow("became shorter");
    expect(counts.open).toBe(0);
  });
});
