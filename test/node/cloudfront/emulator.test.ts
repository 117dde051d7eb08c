import { describe, expect, it } from "vitest";
import { emulateDistribution } from "../../../cli/cloudfront/emulator.ts";
import { EmulatedStore } from "../../../cli/cloudfront/key-value-store.ts";

/** A function that reads its store, and then selects the origin that the path names. */
const script = `import cf from"cloudfront";
async function handler(event) {
  await cf.kvs().exists("any");
  if (event.request.uri !== "/default") cf.selectRequestOriginById(event.request.uri.slice(1));
  return event.request;
}`;

const origin = (id: string, headers = {}) => ({ fetch: async () => new Response(id, { headers }) });

function get(target: string, distribution = distributionOf()) {
  return distribution({ method: "GET", target, headers: new Headers(), address: "192.0.2.7" });
}

function distributionOf() {
  return emulateDistribution({
    ...{ script, store: new EmulatedStore(() => 0), clock: () => 0, cacheBytes: 10 },
    origins: {
      default: origin("default"),
      large: origin("12 bytes ...", { "Content-Length": "12" }),
      other: origin("other", { "Access-Control-Allow-Origin": "https://tv.example" }),
    },
    responseHeaders: [
      ["Access-Control-Allow-Origin", "*"],
      ["X-Content-Type-Options", "nosniff"],
    ],
  });
}

describe("an emulated distribution", () => {
  it("asks for each request the origin that its own run of the function selected, also at the same time", async () => {
    const distribution = distributionOf();
    const answers = await Promise.all(["/other", "/default", "/other"].map((target) => get(target, distribution)));
    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(["other", "default", "other"]);
  });

  it("adds the headers of its policy that the origin did not send, also to what it has in its cache", async () => {
    const distribution = distributionOf();
    const read = async (target: string) => {
      const { headers } = await get(target, distribution);
      return ["X-Cache", "Access-Control-Allow-Origin", "X-Content-Type-Options"].map((name) => headers.get(name));
    };
    expect(await read("/default")).toEqual(["Miss from cloudfront", "*", "nosniff"]);
    expect(await read("/default")).toEqual(["Hit from cloudfront", "*", "nosniff"]);
    expect(await read("/other")).toEqual(["Miss from cloudfront", "https://tv.example", "nosniff"]);
  });

  it("has a cache of a size: what is larger does not enter, and what was used longest ago leaves", async () => {
    const distribution = distributionOf();
    const status = async (target: string) => (await get(target, distribution)).headers.get("X-Cache")?.split(" ")[0];
    const targets = ["/large", "/large", "/default", "/default", "/other", "/other", "/default"];
    const statuses: unknown[] = [];
    for (const target of targets) statuses.push(await status(target));
    // "default" and "other" together have 12 bytes.
    expect(statuses).toEqual(["Miss", "Miss", "Miss", "Hit", "Miss", "Hit", "Miss"]);
  });
});
