import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { operatorOf } from "../cluster/operator.ts";
import { startTestCluster } from "../cluster/test-cluster.ts";
import { until, viewerOf } from "../cluster/viewer.ts";
import { browserForFile } from "./browsing.ts";
import { choose, openPage, pressPlay, says } from "./demo-page.ts";

const inTab = browserForFile();

let cluster: Awaited<ReturnType<typeof startTestCluster>>;
let change: (method: "PUT" | "DELETE", id: string, asset?: object) => Promise<number>;

beforeAll(async () => {
  cluster = await startTestCluster({});
  const { addresses, miniflare } = cluster;
  const { token } = await operatorOf(addresses, "ann", ["operator:assets"]);
  change = async (method, id, asset) => {
    const response = await fetch(`${addresses.apiUrl}/operator/assets/${id}`, {
      method,
      headers: { Authorization: `Bearer ${token}` },
      ...(asset !== undefined && { body: JSON.stringify({ id, ...asset }) }),
    });
    return response.status;
  };
  // These files belong to no asset yet.
  const bucket = await miniflare.getR2Bucket("MEDIA", "stagedoor-edge");
  for (const { key } of (await bucket.list({ prefix: "vod-single/" })).objects) {
    const object = await bucket.get(key);
    if (object !== null) await bucket.put(key.replace("vod-single/", "premiere/"), await object.arrayBuffer());
  }
});

afterAll(() => cluster.stop());

const filesAt = (prefix: string) => ({ origin: { type: "r2", binding: "MEDIA", prefix }, entry: "index.m3u8" });

/** The labels of the options in the group of added assets. */
function addedOptions(page: Page): Promise<readonly string[]> {
  return page.locator('#stream optgroup[label="Added to the catalog"] option').allTextContents();
}

describe("the stream choice of an open page", () => {
  it("lists an asset that an operator adds, keeps the selection, and plays the asset", () =>
    inTab(async ({ page }) => {
      const faults = await openPage(page, cluster.addresses.apiUrl);
      expect(await addedOptions(page)).toEqual([]);
      await choose(page, { stream: "vod-aes" });
      expect(await change("PUT", "premiere", filesAt("premiere/"))).toBe(200);
      await expect.poll(() => addedOptions(page)).toEqual(["premiere"]);
      await page.getByText("premiere was added to the catalog.").waitFor();
      expect(await page.getByLabel("Stream", { exact: true }).inputValue()).toBe("vod-aes");
      // The API worker reads the catalog every five seconds in development.
      const viewer = await viewerOf(cluster.addresses, "bob");
      await until(
        () => viewer.tryStart({ asset: "premiere" }),
        ({ status }) => status === 201,
      );
      await choose(page, { stream: "premiere" });
      await pressPlay(page);
      await says(page, "Playing premiere.");
      expect(faults.messages).toEqual([]);
    }));

  it("shows an added asset's title, and no longer lists a removed one", () =>
    inTab(async ({ page }) => {
      expect(await change("PUT", "trailer", { title: "A trailer", ...filesAt("trailer/") })).toBe(200);
      await openPage(page, cluster.addresses.apiUrl);
      await expect.poll(() => addedOptions(page)).toContain("trailer: A trailer");
      await choose(page, { stream: "trailer" });
      expect(await change("DELETE", "trailer")).toBe(204);
      await expect.poll(() => addedOptions(page)).not.toContain("trailer: A trailer");
      expect(await page.getByLabel("Asset id").inputValue()).toBe("trailer");
    }));
});
