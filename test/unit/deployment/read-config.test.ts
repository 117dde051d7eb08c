import { describe, expect, it } from "vitest";
import { configFaultText, readConfig } from "../../../src/deployment/read-config.ts";
import { uploadableSecrets } from "../../../src/deployment/wrangler-config.ts";
import { defaultConfig, deploymentWith, faultsWith, onNode } from "./example-config.ts";

describe("a deployment's file", () => {
  it("may name the secret of an HMAC key", () => {
    const key = { kty: "oct", kid: "1", k: { secret: "HMAC_SECRET" } };
    const issuers = [{ issuer: "https://id.example.tv", audience: "a", algorithms: ["HS256"], jwks: { keys: [key] } }];
    expect(faultsWith({ identity: { worker: true, issuers }, secrets: { HMAC_SECRET: { use: "issuer" } } })).toEqual(
      [],
    );
  });

  it("may have comments and trailing commas", () => {
    const text = JSON.stringify(defaultConfig, null, 2).replace("{", "{ // ours\n").replace(/}\n}$/, "},\n}");
    expect(readConfig(text)).toMatchObject({ ok: true, value: { config: { name: "stagedoor", settings: {} } } });
  });

  it("names the line of every error at once", () => {
    const text = JSON.stringify({ ...defaultConfig, api: { host: "https://api" }, extra: 1 }, null, 2);
    const line = (word: string) => text.slice(0, text.indexOf(`"${word}"`)).split("\n").length;
    const read = readConfig(text);
    expect((read.ok ? [] : read.refusal).map((fault) => configFaultText("c.json", fault))).toEqual([
      expect.stringMatching(new RegExp(`^c\\.json:${line("host")}  api\\.host: Use a host in lower case`)),
      expect.stringMatching(new RegExp(`^c\\.json:${line("extra")}  extra: There is no such member`)),
    ]);
  });

  it("names the line of a syntax error", () => {
    const read = readConfig('{\n  "version": 1\n  "name": "x"\n}');
    expect(read.ok ? [] : read.refusal.map((fault) => configFaultText("c.json", fault))).toEqual([
      "c.json:3  Not JSON (comments are allowed): comma expected.",
    ]);
  });

  it.each<[string, object, string]>([
    [
      "a later version",
      { version: 2 },
      "version: This version of stagedoor reads version 1, not 2: install a newer one",
    ],
    [
      "a member of a later version, by its name and with those that it knows",
      { cdns: { main: { type: "workers", host: "media.{domain}", protocol: "http3" } } },
      "cdns.main.protocol: There is no such member; known here: type, host",
    ],
    [
      "a setting that is not one",
      { settings: { STAGEDOOR_TTL: 1 } },
      "settings.STAGEDOOR_TTL: There is no such member",
    ],
    [
      "a setting that another member decides",
      { settings: { STAGEDOOR_API_URL: "https://api.example.tv" } },
      "settings.STAGEDOOR_API_URL: Remove it: it comes from api.host.",
    ],
    [
      "a secret among the settings",
      { settings: { STAGEDOOR_KEYS: "x" } },
      "settings.STAGEDOOR_KEYS: Remove it: it comes from keys-<environment>.json",
    ],
    ["a setting out of its range", { settings: { STAGEDOOR_MANIFEST_TTL: 5 } }, "settings.STAGEDOOR_MANIFEST_TTL: "],
    [
      "a folder on Workers, which have no disk",
      { origins: { films: { type: "file", folder: "/srv/films" } } },
      'origins.films.type: Use r2, s3 or http, or set host.type to node: a folder ("origins.films.type": "file") needs a machine with a disk, and host.type is workers.',
    ],
    ...["10.0.0.5:443", "10.0.0.5:80", "https://minio", "MinIO", "*.internal", "10.1", "minio/films", ""].map(
      (host): [string, object, string] => [
        `the private origin ${JSON.stringify(host)}`,
        { host: { type: "node", privateOrigins: ["minio.internal", host] } },
        "host.privateOrigins[1]: Use a host in lower case, such as 10.0.0.5:8443",
      ],
    ),
    [
      "private origins on Workers",
      { host: { type: "workers", privateOrigins: [] } },
      "host.privateOrigins: There is no such member",
    ],
    ["another host", { host: { type: "deno" } }, 'host.type: Use one of "workers", "node".'],
    [
      "a second media host, which is reserved",
      {
        cdns: { main: { type: "workers", host: "a.{domain}" }, other: { type: "workers", host: "b.{domain}" } },
      },
      "cdns.other: Remove it",
    ],
    ["nobody who signs tokens", { identity: {}, environments: {} }, "identity: Nobody could sign in"],
    [
      "the identity worker without a database",
      { environments: { staging: { domain: "example.tv", kv: "fill-in" + "-kv" } } },
      "environments.staging.d1: The identity worker needs the id of a D1 database",
    ],
    [
      "a secret in an issuer",
      {
        identity: {
          worker: true,
          issuers: [
            { issuer: "i", audience: "a", introspection: { url: "https://i", clientId: "c", clientSecret: "s" } },
          ],
        },
      },
      "identity.issuers[0].introspection.clientSecret: Put the secret into",
    ],
    [
      "an issuer that the API would refuse",
      {
        identity: { issuers: [{ issuer: "https://id.example.tv", audience: "a", algorithms: ["ES256"] }] },
        environments: {},
      },
      "identity.issuers[0]: give exactly one of jwksUri, jwks and introspection",
    ],
    [
      "an origin whose secret has no use",
      { origins: { films: { type: "http", url: "https://origin.example.tv/", secret: "ORIGIN_SECRET" } } },
      'origins.films.secret: Add ORIGIN_SECRET to secrets with the use header: {"ORIGIN_SECRET": {"use": "header", "header": "X-Origin-Secret", "hosts": ["origin.example.tv"]}}.',
    ],
    [
      "an origin whose secret may not be sent to its host",
      {
        origins: { films: { type: "http", url: "https://origin.example.tv/", secret: "ORIGIN_SECRET" } },
        secrets: { ORIGIN_SECRET: { use: "header", header: "X-S", hosts: ["other.example.tv"] } },
        assets: [{ id: "film", origin: "films", entries: { hls: "index.m3u8" } }],
      },
      "assets[0].origin: STAGEDOOR_ORIGIN_SECRETS (`secrets` in stagedoor.config.json) does not allow ORIGIN_SECRET for this host",
    ],
    [
      "a name whose binding the workers have",
      { origins: { catalog: { type: "r2", bucket: "films" } } },
      "origins.catalog: Choose another name: the workers have another binding CATALOG.",
    ],
    [
      "an asset of another origin",
      { assets: [{ id: "film", origin: "films", entries: { hls: "index.m3u8" } }] },
      "assets[0].origin: Use one of media: films is not in origins.",
    ],
    [
      "DASH, which is reserved",
      { assets: [{ id: "film", origin: "media", entries: { hls: "index.m3u8", dash: "m.mpd" } }] },
      "assets[0].entries.dash: Remove it: DASH is reserved",
    ],
    [
      "pathways, which are reserved",
      { assets: [{ id: "film", origin: "media", entries: { hls: "index.m3u8" }, cdn: ["main", "main"] }] },
      "assets[0].cdn: Name one CDN",
    ],
    [
      "an asset that the catalog would refuse",
      { assets: [{ id: "film", origin: "media", path: "../", entries: { hls: "index.m3u8" } }] },
      "assets[0].origin: Choose another prefix",
    ],
  ])("is refused with %s", (_, members, fault) => {
    expect(faultsWith(members)).toEqual([expect.stringContaining(fault)]);
  });

  it("is accepted with Node as host and a folder, also in an environment", () => {
    const folder = { type: "file", folder: "films" };
    const { staging } = defaultConfig.environments;
    const onStaging = { staging: { domain: "staging.example.tv", origins: { films: folder } } };
    expect(faultsWith({ ...onNode(), origins: { films: folder } })).toEqual([]);
    expect(faultsWith({ ...onNode(), environments: onStaging })).toEqual([]);
    expect(faultsWith({ environments: { staging: { ...staging, origins: { films: folder } } } })).toEqual([
      expect.stringContaining("environments.staging.origins.films.type: Use r2, s3 or http"),
    ]);
  });

  it.each(["10.0.0.5", "10.0.0.5:8443", "[fd00::5]:8443", "localhost:9000", "my_minio:9000"])(
    "accepts the private origin %s of a machine",
    (host) => {
      expect(deploymentWith(onNode({ privateOrigins: [host] })).config.host).toEqual({
        type: "node",
        privateOrigins: [host],
        trustedProxies: ["127.0.0.0/8", "::1"],
      });
    },
  );

  it.each<[string, object, string]>([
    [
      "the workers' CDN",
      { cdns: { main: { type: "workers", host: "media.{domain}" } } },
      'cdns.main.type: Use "node", or set host.type to workers',
    ],
    [
      "a bucket of R2",
      { origins: { media: { type: "r2", bucket: "films" } } },
      "origins.media.type: Use file, s3 or http",
    ],
    ["no CDN", { cdns: {} }, 'cdns: Add a CDN of the type "node"'],
    ["the API's host for the media", { api: { host: "media.{domain}" } }, "cdns.main.host: Use another host"],
    [
      "a D1 database",
      {
        identity: { worker: true },
        environments: { staging: { domain: "staging.example.tv", d1: "fill-in-staging-d1-id" } },
      },
      "environments.staging.d1: Remove it: it has no effect with host.type node",
    ],
    [
      "a header of the region without one of the country",
      { host: { type: "node", placeHeaders: { region: "X-Region" } } },
      "host.placeHeaders.region: Name the header of the country too",
    ],
    [
      "a header of a place whose name is none",
      { host: { type: "node", placeHeaders: { country: "X Country" } } },
      "host.placeHeaders.country: Use the name of a header",
    ],
    [
      "a proxy that is no address",
      { host: { type: "node", trustedProxies: ["proxy.internal"] } },
      "host.trustedProxies[0]: Use an address or a network",
    ],
  ])("refuses %s of a machine", (_, members, fault) => {
    expect(faultsWith({ ...onNode(), ...members })).toEqual([expect.stringContaining(fault)]);
  });

  it.each([
    ["postgres://tv:hunter2@db/tv", "a password"],
    ["postgres://db/tv", "no user"],
    ["postgres://tv@db", "no database"],
    ["postgres://tv@db/tv?sslmode=disable", "an unknown parameter"],
    ["mysql://tv@db/tv", "another server"],
  ])("refuses the database %s, which has %s, without quoting it", (url) => {
    const members = { ...onNode({ postgres: { url } }), identity: { worker: true } };
    expect(faultsWith(members)).toEqual([
      expect.stringMatching(/^host\.postgres\.url: Use postgres:\/\/user@host:5432\/database, without a password/),
    ]);
    expect(faultsWith(members).join()).not.toContain("hunter2");
  });

  it("accepts a PostgreSQL database for accounts, whose password is a secret of the deployment", () => {
    const url = "postgres://stagedoor@db.internal/stagedoor_{environment}";
    const { config } = deploymentWith({ ...onNode({ postgres: { url } }), identity: { worker: true } });
    expect(uploadableSecrets(config)).toContain("STAGEDOOR_POSTGRES_PASSWORD");
    expect(faultsWith(onNode({ postgres: { url } }))).toEqual([
      expect.stringMatching(/^host\.postgres: Remove it: it has no effect without identity\.worker or "durableLog"/),
    ]);
    const redis = { url: "redis://redis.internal:6379", durableLog: "postgres" };
    expect(faultsWith(onNode({ postgres: { url }, redis }))).toEqual([]);
    expect(faultsWith(onNode({ redis }))).toEqual([
      expect.stringMatching(/^host\.redis\.durableLog: Add "postgres": /),
    ]);
  });

  it.each<[string, object]>([
    ["a server with TLS and a database", { url: "rediss://redis.internal:6380/0", user: "stagedoor" }],
    ["Sentinels and the name of the servers", { sentinels: ["redis://10.0.0.1:26379"], name: "mymaster" }],
    ["nodes of a cluster", { cluster: ["redis://[fd00::5]:6379", "redis://10.0.0.2"] }],
    ["no durable log", { url: "redis://localhost", durableLog: "none", admitOlderGrants: true }],
  ])("accepts a Redis with %s", (_, redis) => {
    expect(faultsWith(onNode({ redis }))).toEqual([]);
  });

  it.each<[string, object, string]>([
    ["a password in its address", { url: "redis://u:secret@redis:6379" }, "host.redis.url: Use redis://<host>:<port>"],
    ["another scheme", { url: "http://redis:6379" }, "host.redis.url: Use redis://<host>:<port>"],
    ["no address", {}, 'host.redis: Give one of "url", "sentinels" with "name", and "cluster": here is none of them'],
    ["two addresses", { url: "redis://a", cluster: ["redis://b"] }, "here are url and cluster"],
    ["Sentinels without a name", { sentinels: ["redis://a"] }, 'Give "sentinels" and "name" together'],
    ["a name without Sentinels", { url: "redis://a", name: "m" }, 'Give "sentinels" and "name" together'],
    [
      "a setting without effect",
      { url: "redis://a", admitOlderGrants: true },
      'host.redis.admitOlderGrants: Remove it, or use "durableLog": "none"',
    ],
  ])("refuses a Redis with %s", (_, redis, fault) => {
    const faults = faultsWith(onNode({ redis }));
    expect(faults).toEqual([expect.stringContaining(fault)]);
    expect(faults.join()).not.toContain("secret@");
  });

  it("accepts accounts of a machine without a D1 database", () => {
    expect(faultsWith({ ...onNode(), identity: { worker: true } })).toEqual([]);
  });

  it("needs the id of a KV namespace with Workers only", () => {
    const { kv: _, ...staging } = defaultConfig.environments.staging;
    expect(faultsWith({ environments: { staging } })).toEqual([
      expect.stringContaining('environments.staging: Add "kv": the id of the KV namespace'),
    ]);
    expect(faultsWith(onNode())).toEqual([]);
  });

  it("gives the store of a CloudFront Function to one environment only", () => {
    const arn = (digit: string) =>
      `arn:aws:cloudfront::123456789012:key-value-store/${digit}1234567-89ab-cdef-0123-456789abcdef`;
    const withStores = (...stores: readonly object[]) => {
      const far = stores.map((store, at) => [
        `far${at}`,
        { type: "cloudfront-function", host: "cdn.example.tv", store },
      ]);
      return faultsWith({ cdns: { ...defaultConfig.cdns, ...Object.fromEntries(far) } });
    };
    expect(withStores({ production: arn("0"), staging: arn("1") }, { production: arn("0") })).toEqual([]);
    expect(withStores({ production: arn("0") }, { staging: arn("0") })).toEqual([
      "cdns.far1.store.staging: Use another store: this is the one of production.",
    ]);
    expect(withStores({ production: "stagedoor-production" })).toEqual([
      expect.stringMatching(/^cdns\.far0\.store\.production: Use the store's ARN, such as arn:aws:cloudfront::/),
    ]);
  });

  it("quotes no secret that is in the wrong place", () => {
    const secret = "kept-from-others-kept-from-others";
    const faults = [
      ...faultsWith({ secrets: { ORIGIN_SECRET: secret } }),
      ...faultsWith({ identity: { worker: true, issuers: [{ jwks: { keys: [{ kty: "oct", k: secret }] } }] } }),
      ...faultsWith({ settings: { STAGEDOOR_ENTITLEMENT_URL: `https://x:${secret}@example.tv` } }),
    ];
    expect(faults).toHaveLength(3);
    expect(faults.join("\n")).not.toContain(secret);
  });
});

it.each([
  ["the API's and the media host are one", { cdns: { main: { type: "workers", host: "api.{domain}" } } }],
  ["two environments have one API", { api: { host: "api.example.tv" } }],
  [
    "two environments have one domain",
    {
      environments: {
        staging: { ...defaultConfig.environments.staging, domain: "example.com" },
        production: defaultConfig.environments.production,
      },
    },
  ],
])("is refused if %s, because the later deployment would take the host", (_, members) => {
  expect(faultsWith(members).join("\n")).toMatch(/host: Use another host: \S+ of (?:staging|production) has /);
});

it("a configuration keeps the order and spelling of its assets", () => {
  const asset = {
    id: "film",
    origin: "media",
    entries: { hls: "a.m3u8" },
    available: { from: "2026-12-01T20:00:00Z" },
  };
  expect(deploymentWith({ assets: [asset] }).assets).toEqual([asset]);
});
