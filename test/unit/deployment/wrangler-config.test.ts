import { describe, expect, it } from "vitest";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { readOriginSecrets } from "../../../src/catalog/origin-secrets.ts";
import { readConfiguration } from "../../../src/config/configuration.ts";
import { identitySettingReaders, settingReaders } from "../../../src/config/setting-readers.ts";
import { catalogOf, rootsOf } from "../../../src/deployment/catalog-of.ts";
import { decidedSettings, secretSettings, settableSchemas } from "../../../src/deployment/config-schema.ts";
import {
  requiredSecrets,
  secretsOfWorker,
  settingsFor,
  storeNames,
  uploadableSecrets,
  wranglerConfig,
} from "../../../src/deployment/wrangler-config.ts";
import { deploymentWith, onNode } from "./example-config.ts";

const places = { main: "index.js", migrationsFolder: "migrations" };
const varsOf = (members: object, worker: "api" | "edge" | "manifest" | "identity" = "api") => {
  const { env } = Object(wranglerConfig(worker, deploymentWith(members).config, places));
  return env.production.vars;
};

describe("every setting of the workers", () => {
  const settings = Object.keys({ ...settingReaders, ...identitySettingReaders });

  it.each(settings)("is reachable from a deployment's file: %s", (name) => {
    const ways = [name in settableSchemas, name in decidedSettings, name in secretSettings];
    expect(ways.filter((way) => way)).toHaveLength(1);
  });

  it("reaches the workers that read it, and no other", () => {
    const members = { settings: { STAGEDOOR_PAUSE_ALLOWANCE: 20, STAGEDOOR_IDENTITY_SIGN_UP: "open" } };
    expect(varsOf(members)).not.toHaveProperty("STAGEDOOR_PAUSE_ALLOWANCE");
    expect(varsOf(members, "edge")).toMatchObject({ STAGEDOOR_PAUSE_ALLOWANCE: "20" });
    expect(varsOf(members, "manifest")).toMatchObject({ STAGEDOOR_PAUSE_ALLOWANCE: "20" });
    expect(varsOf(members, "edge")).not.toHaveProperty("STAGEDOOR_IDENTITY_SIGN_UP");
    expect(varsOf(members, "identity")).toMatchObject({ STAGEDOOR_IDENTITY_SIGN_UP: "open" });
  });

  it("reaches every worker that compares it with another one: a session shorter than the default step is accepted", () => {
    const settings = { STAGEDOOR_SESSION_TTL: 20, STAGEDOOR_EXPIRY_STEP: 10 };
    for (const worker of ["api", "edge", "manifest"] as const) {
      const read = readConfiguration({ ...varsOf({ settings }, worker), STAGEDOOR_KEYS: '{"keys":[]}' });
      expect((read.ok ? [] : read.refusal).filter((fault) => fault.includes("STAGEDOOR_EXPIRY_STEP"))).toEqual([]);
    }
  });
});

describe("the generated configuration", () => {
  it("prefers an environment's settings and origins", () => {
    const { config } = deploymentWith({
      settings: { STAGEDOOR_STREAM_LIMIT: 2 },
      environments: {
        staging: {
          domain: "s.example.tv",
          kv: "fill-in-kv",
          d1: "fill-in-d1",
          settings: { STAGEDOOR_STREAM_LIMIT: 5 },
          origins: { media: { type: "http", url: "https://origin.s.example.tv/" } },
        },
      },
    });
    const { env } = Object(wranglerConfig("edge", config, places));
    expect(settingsFor("api", config, "staging")).toEqual({ STAGEDOOR_STREAM_LIMIT: "5" });
    expect(settingsFor("api", config, undefined)).toEqual({ STAGEDOOR_STREAM_LIMIT: "2" });
    expect(env.staging).not.toHaveProperty("r2_buckets");
  });

  it("binds a bucket that an environment names itself by exactly that name, and adds -staging to others", () => {
    const stores = { domain: "s.example.tv", kv: "fill-in-kv", d1: "fill-in-d1" };
    const { config } = deploymentWith({
      origins: { media: { type: "r2", bucket: "films" }, archive: { type: "r2", bucket: "old-films" } },
      environments: { staging: { ...stores, origins: { media: { type: "r2", bucket: "films-for-tests" } } } },
    });
    expect(storeNames(config, "staging").buckets).toEqual(["films-for-tests", "old-films-staging"]);
    expect(Object(wranglerConfig("edge", config, places)).env.staging.r2_buckets).toEqual([
      { binding: "MEDIA", bucket_name: "films-for-tests" },
      { binding: "ARCHIVE", bucket_name: "old-films-staging" },
    ]);
  });

  it("writes lists and objects as the settings have them", () => {
    const client = { clientId: "app", name: "App", redirectUris: ["tv.example.app:/back"] };
    const settings = {
      STAGEDOOR_ORIGINS: ["https://www.example.tv", "https://m.example.tv"],
      STAGEDOOR_IDENTITY_CLIENTS: [client],
    };
    expect(varsOf({ settings })).toMatchObject({
      STAGEDOOR_ORIGINS: "https://www.example.tv https://m.example.tv",
    });
    expect(varsOf({ settings }, "identity")).toMatchObject({ STAGEDOOR_IDENTITY_CLIENTS: JSON.stringify([client]) });
  });

  it("gives each worker the secrets that it needs, and allows each only its use", () => {
    const { config } = deploymentWith({
      origins: { films: { type: "s3", bucket: "films", region: "eu-central-1", secret: "S3_KEY" } },
      secrets: {
        S3_KEY: { use: "sigv4", accessKeyId: "S3_KEY_ID", hosts: ["films.s3.eu-central-1.amazonaws.com"] },
        ISSUER_SECRET: { use: "issuer" },
      },
      identity: {
        worker: true,
        issuers: [
          {
            issuer: "https://id.example.tv",
            audience: "a",
            introspection: { url: "https://id.example.tv/i", clientId: "c", clientSecret: { secret: "ISSUER_SECRET" } },
          },
        ],
      },
    });
    expect(requiredSecrets("edge", config, "production")).toEqual(["STAGEDOOR_KEYS", "S3_KEY_ID", "S3_KEY"]);
    expect(requiredSecrets("api", config, "production")).toEqual(["STAGEDOOR_KEYS", "STAGEDOOR_ISSUERS"]);
    const settings = settingsFor("edge", config, "production");
    expect(Object.keys(readOriginSecrets(settings.STAGEDOOR_ORIGIN_SECRETS))).toEqual(["S3_KEY"]);
    expect(settingsFor("api", config, "production")).not.toHaveProperty("STAGEDOOR_ISSUERS");
  });

  it("names a distribution with a function to its assets, and has a secret by which its requests are known", () => {
    const deployment = deploymentWith({
      cdns: {
        far: { type: "cloudfront-function", host: "cdn.{domain}" },
        main: { type: "workers", host: "media.{domain}" },
      },
      assets: [{ id: "one", origin: "media", entries: { hls: "index.m3u8" }, cdn: "far" }],
    });
    const { config } = deployment;
    expect(catalogOf(deployment, "production").assets).toMatchObject([
      { id: "one", cdn: "cloudfront", cdnUrl: "https://cdn.example.com" },
    ]);
    expect(varsOf({ cdns: config.cdns }, "edge").STAGEDOOR_MEDIA_URL).toBe("https://media.example.com");
    expect(uploadableSecrets(config)).toContain("STAGEDOOR_EDGE_SECRETS");
    expect(uploadableSecrets(deploymentWith({}).config)).not.toContain("STAGEDOOR_EDGE_SECRETS");
    const values = { STAGEDOOR_EDGE_SECRETS: "s" };
    expect((["api", "edge", "manifest"] as const).map((worker) => secretsOfWorker(worker, config, values))).toEqual([
      ...[{}, values, values],
    ]);
  });

  it("gives the API of an environment its stores and their access key, which a deployment on Node does not need", () => {
    const arn = "arn:aws:cloudfront::123456789012:key-value-store/01234567-89ab-cdef-0123-456789abcdef";
    const far = { type: "cloudfront-function", host: "cdn.{domain}", store: { production: arn } };
    const cdns = { far, further: far, main: { type: "workers", host: "media.{domain}" } };
    const { config } = deploymentWith({ cdns });
    const names = ["STAGEDOOR_AWS_KEY_ID", "STAGEDOOR_AWS_SECRET_KEY"];
    expect(varsOf({ cdns }).STAGEDOOR_CLOUDFRONT_STORES).toBe(arn);
    expect(settingsFor("api", config, "staging").STAGEDOOR_CLOUDFRONT_STORES).toBeUndefined();
    expect(varsOf({ cdns }, "edge").STAGEDOOR_CLOUDFRONT_STORES).toBeUndefined();
    expect(uploadableSecrets(config)).toEqual(expect.arrayContaining(names));
    expect(requiredSecrets("api", config, "production")).toEqual(expect.arrayContaining(names));
    expect(requiredSecrets("api", config, "staging")).not.toEqual(expect.arrayContaining(names));
    const values = { STAGEDOOR_AWS_KEY_ID: "id", STAGEDOOR_AWS_SECRET_KEY: "key" };
    expect((["api", "edge", "manifest"] as const).map((worker) => secretsOfWorker(worker, config, values))).toEqual([
      ...[values, {}, {}],
    ]);
    const node = deploymentWith({ ...onNode(), cdns: { far, main: { type: "node", host: "media.{domain}" } } }).config;
    expect(uploadableSecrets(node)).toEqual(["STAGEDOOR_EDGE_SECRETS"]);
  });

  it("writes issuers without secrets as a setting that the API accepts", () => {
    const issuers = [
      { issuer: "https://id.example.tv", audience: "a", algorithms: ["RS256"], jwksUri: "https://id.example.tv/jwks" },
    ];
    const vars = varsOf({ identity: { worker: true, issuers } });
    const read = readConfiguration({ ...vars, STAGEDOOR_KEYS: '{"keys":[]}' });
    expect((read.ok ? [] : read.refusal).filter((fault) => !fault.startsWith("STAGEDOOR_KEYS"))).toEqual([]);
    expect(JSON.parse(vars.STAGEDOOR_ISSUERS)).toEqual(issuers);
  });

  it("leaves the identity worker out if a deployment has its own provider", () => {
    const identity = {
      issuers: [
        { issuer: "https://id.example.tv", audience: "a", algorithms: ["RS256"], jwksUri: "https://id.example.tv/j" },
      ],
    };
    const environments = { production: { domain: "example.tv", kv: "fill-in-kv" } };
    const { env, services } = Object(wranglerConfig("api", deploymentWith({ identity, environments }).config, places));
    expect([services, env.production.services]).toEqual([undefined, undefined]);
  });
});

describe("the catalog of a deployment's file", () => {
  it("has the name of a folder's origin as root, and never the folder", () => {
    const deployment = deploymentWith({
      ...onNode(),
      origins: { films: { type: "file", folder: "/srv/films" }, more: { type: "file", folder: "more" } },
      assets: [
        { id: "one", origin: "films", entries: { hls: "index.m3u8" } },
        { id: "two", origin: "more", path: "2/", entries: { hls: "index.m3u8" } },
      ],
    });
    const { assets } = catalogOf(deployment, undefined);
    expect(assets.map((asset) => Object(asset).origin)).toEqual([
      { type: "file", root: "films", path: "one/" },
      { type: "file", root: "more", path: "2/" },
    ]);
    expect([...rootsOf(deployment.config, undefined)]).toEqual([
      ["films", "/srv/films"],
      ["more", "more"],
    ]);
  });

  it("has the origin, the secret's header and the CDN that its assets name", () => {
    const deployment = deploymentWith({
      cdns: {
        main: { type: "workers", host: "media.{domain}" },
        cf: { type: "cloudfront", host: "cf.{domain}", policy: "custom" },
      },
      origins: {
        media: { type: "r2", bucket: "films" },
        archive: { type: "http", url: "https://origin.example.tv/v/", secret: "ORIGIN_SECRET", timeout: 5 },
      },
      secrets: { ORIGIN_SECRET: { use: "header", header: "X-Secret", hosts: ["origin.example.tv"] } },
      assets: [
        { id: "one", title: "One", origin: "media", entries: { hls: "index.m3u8" } },
        { id: "two", origin: "archive", path: "films/2/", entries: { hls: "main.m3u8" }, cdn: "cf", session: 3600 },
      ],
    });
    const catalog = catalogOf(deployment, "production");
    expect(catalog.assets).toEqual([
      { id: "one", title: "One", origin: { type: "r2", binding: "MEDIA", prefix: "one/" }, entry: "index.m3u8" },
      {
        id: "two",
        session: 3600,
        origin: {
          type: "http",
          url: "https://origin.example.tv/v/films/2/",
          auth: { type: "header", name: "X-Secret", secret: "ORIGIN_SECRET" },
          timeout: 5,
        },
        entry: "main.m3u8",
        cdn: "cloudfront-signed",
        cloudfront: { url: "https://cf.example.com", policy: "custom" },
      },
    ]);
    expect(parseCatalog(catalog).ok).toBe(true);
  });
});
