import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { KeyRing } from "../../src/keys/ring.ts";
import type { Demo, DemoToken } from "../../web/demo.ts";
import { projectRoot } from "../project.ts";
import { signDevToken } from "./dev-token.ts";

const lifetimeSeconds = 8 * 3600;

/** What the demo page starts with: the fixture streams, and fresh bearer tokens, some of which are refused. */
export async function demoOf(options: {
  readonly ring: KeyRing;
  readonly mediaUrl: string;
  readonly basePath: string | undefined;
}): Promise<Demo> {
  const { ring, mediaUrl, basePath = "/" } = options;
  const { assets } = JSON.parse(await readFile(join(projectRoot, "fixtures/catalog.json"), "utf8"));
  return {
    apiPath: basePath === "/" ? "" : basePath,
    mediaUrl,
    streams: streamsOf(assets),
    tokens: await Promise.all([
      token(ring, "all", "Opens every stream", {}),
      token(ring, "one-stream", "One stream at a time", { streams: 1, subject: "demo-viewer-of-one" }),
      token(ring, "one", "Opens vod-single alone", { assets: ["vod-single"] }),
      token(ring, "expired", "Ended an hour ago", { lifetimeSeconds: -3600 }),
      token(ring, "scopeless", "Lacks the scope stream:play", { scope: "profile" }),
    ]),
  };
}

function streamsOf(assets: readonly Readonly<Record<string, unknown>>[]): Demo["streams"] {
  return assets.map(({ id, title, cdn }) => ({
    id: String(id),
    title: String(title),
    cdn: cdn === "cloudfront-signed" ? "cloudfront-signed" : "edge",
    live: String(id).startsWith("live"),
    playable: id !== "vod-rare",
  }));
}

async function token(
  ring: KeyRing,
  id: string,
  label: string,
  claims: Partial<Parameters<typeof signDevToken>[1]>,
): Promise<DemoToken> {
  const usual = { subject: "demo-viewer", assets: "*", lifetimeSeconds } as const;
  return { id, label, token: await signDevToken(ring, { ...usual, ...claims }) };
}
