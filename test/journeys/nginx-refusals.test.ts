import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signDevToken } from "../../cli/lib/dev-keys.ts";
import { freePort } from "../../cli/lib/ports.ts";
import { projectRoot } from "../../cli/lib/project.ts";
import { type Nginx, nginxMissing, startNginx } from "../cluster/nginx.ts";
import { nodeDeployment } from "../cluster/node-deployment.ts";
import { type NodeService, startNodeService } from "../cluster/node-service.ts";
import { get, until } from "../cluster/viewer.ts";
import { walk } from "../cluster/walk.ts";

const folder = mkdtempSync(join(tmpdir(), "stagedoor-refusals-"));
const entries = { hls: "index.m3u8" };
const config = {
  ...nodeDeployment,
  assets: [
    { id: "film", origin: "films", entries },
    { id: "open", origin: "films", entries, enforcement: { mode: "observe", until: "2099-01-01T00:00:00Z" } },
  ],
};

let service: NodeService;
let nginx: Nginx;
let ports = { port: 0, mediaPort: 0 };

beforeAll(async () => {
  if (nginxMissing !== undefined) return;
  // nginx's processes run as another user, who has to reach the films.
  chmodSync(folder, 0o755);
  for (const name of ["film", "open"])
    cpSync(join(projectRoot, "fixtures/media/vod-ts"), join(folder, "films", name), { recursive: true });
  writeFileSync(join(folder, "stagedoor.config.json"), JSON.stringify(config));
  ports = { port: await freePort(), mediaPort: await freePort() };
  service = await startNodeService(folder, ports);
  nginx = await startNginx(folder, { port: await freePort(), mediaPort: ports.mediaPort });
});

afterAll(async () => {
  await nginx?.stop();
  await service?.stop();
  rmSync(folder, { recursive: true });
});

const plain = (asset: string) => get(`${nginx.url}/${asset}/360p/0.ts`);

/** The manifest URL of a viewer, through nginx; their plan may cap the height. */
async function manifestOf(maxHeight?: number): Promise<string> {
  const { keys } = JSON.parse(readFileSync(join(folder, ".stagedoor/keys.json"), "utf8"));
  const quality = maxHeight === undefined ? {} : { quality: { maxHeight } };
  const token = await signDevToken({ keys }, { subject: "ann", assets: "*", ...quality, lifetimeSeconds: 600 });
  const { manifestUrl } = await service.start("film", token);
  return manifestUrl.replace(`http://localhost:${ports.mediaPort}`, nginx.url);
}

describe.skipIf(nginxMissing !== undefined)("nginx", () => {
  it("refuses by itself what it does not know: assets in observe, and grants of a quality class", async () => {
    expect((await plain("open")).code).toBe("signature_missing");
    expect((await get(await manifestOf(270))).code).toBe("grant_invalid");
    const [segment = ""] = (await walk(await manifestOf())).files;
    expect((await get(segment)).status).toBe(200);
  });

  it("leaves refusals to the service with --refusals node, which serves both", async () => {
    await nginx.reload("--refusals", "node");
    await until(
      () => plain("open"),
      ({ status }) => status === 200,
    );
    const { playlists, files } = await walk(await manifestOf(270));
    expect([...playlists.keys()].some((url) => url.includes("/360p/"))).toBe(false);
    const [segment = ""] = files;
    expect((await get(segment)).status).toBe(200);
    expect((await plain("film")).code).toBe("signature_missing");
    const whole = await walk(await manifestOf());
    expect((await get([...whole.files][0] ?? "")).status).toBe(200);
  });
});
