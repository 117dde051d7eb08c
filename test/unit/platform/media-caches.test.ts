import { describe, expect, it } from "vitest";
import { type EdgeCache, edgeMediaCache } from "../../../src/platform/cloudflare/edge-cache.ts";
import { memoryMediaCache } from "../../support/memory-files.ts";
import { mediaCacheContract } from "../origin/media-cache-contract.ts";

mediaCacheContract("memory", memoryMediaCache);

const edge: unknown = "caches" in globalThis ? Reflect.get(caches, "default") : undefined;

describe.skipIf(!isEdgeCache(edge))("in workerd, which has caches.default,", () => {
  mediaCacheContract("caches.default", () => {
    if (!isEdgeCache(edge)) throw new Error("no cache");
    return edgeMediaCache(edge, "https://media.example");
  });
});

describe("the cache of a Cloudflare data centre", () => {
  it("keeps an entry at a URL of the media host that is never a grant's", async () => {
    const urls: string[] = [];
    const spy: EdgeCache = {
      match: async (request) => void urls.push(request.url),
      put: async () => {},
      delete: async () => true,
    };
    await edgeMediaCache(spy, "https://media.example").match("http:https://o.example/a/0.ts?b=c", {});
    expect(urls).toEqual(["https://media.example/.files/http%3Ahttps%3A%2F%2Fo.example%2Fa%2F0.ts%3Fb%3Dc"]);
  });

  it("removes the remains of a failed put and reports the failure", async () => {
    const deleted: string[] = [];
    const failing: EdgeCache = {
      match: async () => undefined,
      put: () => Promise.reject(new Error("no room")),
      delete: async (url) => deleted.push(url) > 0,
    };
    const file = { headers: new Headers(), body: new Uint8Array(1) };
    await expect(edgeMediaCache(failing, "https://media.example").put("a", file)).rejects.toThrow("no room");
    expect(deleted).toEqual(["https://media.example/.files/a"]);
  });
});

function isEdgeCache(value: unknown): value is EdgeCache {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "match") === "function";
}
