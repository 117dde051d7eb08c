import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { functionSettings } from "../../../cli/cloudfront/function-command.ts";
import { generateFiles } from "../../../cli/lib/deployment-folder.ts";
import { functionScript, storeFailures } from "../../../cli/lib/function-script.ts";
import { catalogOf } from "../../../src/deployment/catalog-of.ts";
import { defaultConfig, deploymentWith } from "../../unit/deployment/example-config.ts";
import { folder, projectFolder, runFile, stagedoor } from "../cli/command-line.ts";
import { scriptOf, settings } from "./stage.ts";

const film = { id: "film", origin: "media", entries: { hls: "index.m3u8" }, cdn: "far" };

const far = { ...defaultConfig.cdns, far: { type: "cloudfront-function", host: "cdn.{domain}" } };

describe("npx stagedoor cloudfront function", () => {
  it("writes the function with the deployment's settings, and says how large it is and what to do next", async () => {
    const project = folder();
    const own = { STAGEDOOR_PAUSE_ALLOWANCE: 900, STAGEDOOR_EXPIRY_STEP: 60, STAGEDOOR_GRANT_ISSUER: "tv" };
    const config = { ...defaultConfig, cdns: far, assets: [film], settings: own };
    writeFileSync(join(project, "stagedoor.config.json"), JSON.stringify(config));
    const node = join(projectFolder, "node_modules/.bin/node");
    const words = [join(projectFolder, "cli/stagedoor.ts"), "cloudfront", "function", "--env", "production"];
    const { exit, stdout, stderr } = await runFile(node, words, project, process.env);
    expect([exit, stderr]).toEqual([0, ""]);
    const script = readFileSync(join(project, "cloudfront-production.js"), "utf8");
    expect(script).toBe(await scriptOf({ issuer: "tv", renewal: { lifetime: 900, step: 60 } }));
    expect(stdout).toContain(`Wrote cloudfront-production.js: ${script.length} of the 10240 bytes`);
    expect(stdout).toContain("--name stagedoor-production --function-code fileb://cloudfront-production.js");
  });

  it("is at an emulated distribution on this machine, and at its own in an environment", () => {
    const deployment = deploymentWith({ cdns: far, assets: [film] });
    const [url, here] = ["https://cdn.example.com", "http://127.0.0.1:8791"];
    expect(catalogOf(deployment, "production").assets).toMatchObject([{ cdn: "cloudfront", cdnUrl: url }]);
    expect(catalogOf(deployment, undefined, here).assets).toMatchObject([{ cdn: "cloudfront", cdnUrl: here }]);
  });

  it("has no renewal if the edge has none", () => {
    const config = deploymentWith({ cdns: far, settings: { STAGEDOOR_RENEWAL: "off" } });
    const value = { issuer: "stagedoor", manifestOrigin: "manifest" };
    expect(functionSettings(config, "production")).toEqual({ ok: true, value });
  });

  it("has at most 10,240 bytes, whatever it does while the store fails", async () => {
    for (const storeFailure of storeFailures)
      expect(await functionScript({ ...settings, storeFailure })).toMatchObject({ ok: true });
  });

  it("writes nothing without a CDN of its type, and names the member to add", () => {
    expect(functionSettings(deploymentWith({}), "production")).toMatchObject({
      refusal: expect.stringMatching(/cloudfront-function \(it has workers\): add \{"type": "cloudfront-function"/),
    });
  });

  it("writes nothing with an invalid setting, and names it", () => {
    const config = deploymentWith({ cdns: far });
    const invalid = { config: { ...config.config, settings: { STAGEDOOR_EXPIRY_STEP: "never" } } };
    expect(functionSettings(invalid, "production")).toMatchObject({
      refusal: expect.stringContaining("STAGEDOOR_EXPIRY_STEP: write whole seconds in digits"),
    });
  });

  it("needs the folder of a deployment", async () => {
    const { exit, stderr } = await stagedoor("cloudfront", "function", "--env", "production");
    expect([exit, stderr]).toEqual([2, expect.stringContaining("There is no stagedoor.config.json here or above")]);
  });
});

describe("the API worker of a deployment", () => {
  it.each([
    ["is built without AWS's client, which need not be installed, if no CDN has a store", undefined],
    [
      "has AWS's client if a CDN has a store",
      "arn:aws:cloudfront::123456789012:key-value-store/01234567-89ab-cdef-0123-456789abcdef",
    ],
  ])("%s", (_, production) => {
    const project = folder();
    const store = production === undefined ? {} : { store: { production } };
    const cdns = { ...defaultConfig.cdns, far: { type: "cloudfront-function", host: "cdn.{domain}", ...store } };
    writeFileSync(join(project, "stagedoor.config.json"), JSON.stringify({ ...defaultConfig, cdns }));
    expect(generateFiles(project)).toMatchObject({ ok: true });
    const { alias = {} } = JSON.parse(readFileSync(join(project, ".stagedoor/api/wrangler.json"), "utf8"));
    const packages = Object.keys(alias).filter((name) => name.startsWith("@aws-sdk/"));
    expect(packages).toEqual(
      production === undefined ? ["@aws-sdk/client-cloudfront-keyvaluestore", "@aws-sdk/signature-v4a"] : [],
    );
    for (const name of packages) expect(readFileSync(alias[name], "utf8")).toMatch(/export \{\};\n$/);
  });
});
