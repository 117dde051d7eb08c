import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, inject, it } from "vitest";
import { folder, json, stagedoor } from "../node/cli/command-line.ts";

const cluster = inject("usual");
const place = folder();
const files = ["--ring", join(place, "keys.json"), "--media-url", cluster.mediaUrl];

beforeAll(() => {
  writeFileSync(join(place, "keys.json"), JSON.stringify({ keys: cluster.keys }), { mode: 0o600 });
});

async function sign(...words: readonly string[]): Promise<string> {
  return (await stagedoor("sign", ...files, ...words)).stdout;
}

async function codeOf(response: Response): Promise<unknown> {
  return response.status < 400 ? null : Object(await response.json()).code;
}

describe("the command line and the running workers", () => {
  it.each(["/vod-ts/index.m3u8", "/vod-ts/270p/0.ts", "/vod-aes/keys/0.key", "/vod-cloudfront/270p/0.ts"])(
    "agree that the workers serve a URL of %s made by `stagedoor sign`",
    async (path) => {
      const url = await sign(path);
      const response = await fetch(url);
      expect([response.status, (await response.arrayBuffer()).byteLength > 0]).toEqual([200, true]);
      expect((await json("explain", url, ...files)).verdict).toBe("served");
    },
  );

  it("agree on the code for a refused URL", async () => {
    const playlist = await sign("/vod-ts/index.m3u8");
    const cloudFront = await sign("/vod-cloudfront-ec/270p/0.ts");
    const urls = [
      playlist.replace("list=", "seg="),
      playlist.replace("/vod-ts/", "/vod-aes/"),
      `${cluster.mediaUrl}/vod-ts/index.m3u8`,
      cloudFront.replace("0.ts", "1.ts"),
      cloudFront.replace(/&Signature=[^&]+/, ""),
    ];
    for (const url of urls) {
      const code = await codeOf(await fetch(url));
      expect(code).toBeTypeOf("string");
      expect((await json("explain", url, ...files)).code).toBe(code);
    }
  });

  it("agree on what a bearer token permits", async () => {
    const { stdout: token } = await stagedoor("token", "--ring", join(place, "keys.json"), "--assets", "vod-ts");
    const start = (asset: string) =>
      fetch(`${cluster.apiUrl}/stream/start`, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        body: JSON.stringify({ asset }),
      });
    expect((await start("vod-ts")).status).toBe(201);
    expect(await codeOf(await start("vod-aes"))).toBe("asset_forbidden");
  });
});
