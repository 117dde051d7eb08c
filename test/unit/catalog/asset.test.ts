import { describe, expect, it } from "vitest";
import { briefly, cloudfront, faultsOf, httpOriginOf, r2, sampleAsset, sampleDocument } from "./sample.ts";

const cdnUrl = "https://d1.cloudfront.net";

describe("an asset", () => {
  it("needs an id, an origin and an entry, and has defaults for the rest", () => {
    expect(sampleAsset()).toEqual({
      id: "film",
      origin: { type: "r2", binding: "MEDIA", prefix: "film/" },
      entry: "index.m3u8",
      cdn: "edge",
      files: [],
      allowedHosts: [],
      allowedSchemes: [],
      scope: "stream:play",
      segmentSignature: "shared",
    });
  });

  it("accepts every field of the schema", () => {
    const auth = { type: "sigv4", region: "eu-central-1", accessKeyId: "S3_ID", secretAccessKey: "S3_SECRET" };
    const asset = sampleAsset({
      title: "A film",
      origin: httpOriginOf({ auth, timeout: 5 }),
      cdn: "cloudfront-signed",
      cloudfront: { ...cloudfront, url: "https://d1.cloudfront.net", policy: "custom", hash: "SHA256" },
      session: 86_400,
      streams: 2,
      allowedHosts: ["ads.example", "ads.example:8443", "*.ads.example", "*.ads.example:8443"],
      allowedSchemes: ["myapp", "MyApp", "faxs", "com.example.own-1"],
      scope: "stream:play:premium",
    });
    expect(asset.origin).toEqual({ ...httpOriginOf({ timeout: 5 }), auth: { ...auth, service: "s3" } });
    expect(asset.cloudfront).toEqual({
      keyPairId: "K2JCJMDEHXQW5F",
      url: "https://d1.cloudfront.net",
      policy: "custom",
      hash: "SHA256",
    });
    expect([asset.session, asset.streams]).toEqual([86_400, 2]);
    expect(sampleAsset({ binding: { network: "exact" } }).binding).toEqual({ network: "exact", userAgent: false });
  });

  it("has CloudFront's own defaults", () => {
    const { cloudfront: settings } = sampleAsset({ cdn: "cloudfront-signed", cloudfront });
    expect(settings).toEqual({ keyPairId: "K2JCJMDEHXQW5F", policy: "canned", hash: "SHA1" });
  });

  it.each([
    ["id", { id: "Film" }, "assets[0]"],
    ["id", { id: "a/b" }, "assets[0]"],
    ["id", { id: ".." }, "assets[0]"],
    ["id", { id: "a".repeat(65) }, "assets[0]"],
    ["session", { session: 59 }, "film"],
    ["session", { session: 604_801 }, "film"],
    ["session", { session: "6 h" }, "film"],
    ["session", { session: 60.5 }, "film"],
    ["streams", { streams: 0 }, "film"],
    ["streams", { streams: 1.5 }, "film"],
    ["streams", { streams: 1001 }, "film"],
    ["binding", { binding: {} }, "film"],
    ["binding", { binding: { userAgent: false } }, "film"],
    ["binding", { binding: { userAgent: true, country: "DE" } }, "film"],
    ["binding.network", { binding: { network: "host" } }, "film"],
    ["scope", { scope: "two scopes" }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["Ads.example"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["https://ads.example"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["ads.example:443"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["ads.example/path"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["user@ads.example"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["*"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["*."] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["*ads.example"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["*.*.example"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["cdn.*.example"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["*.Ads.example"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["*.ads.example:443"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["*.192.0.2.1"] }, "film"],
    ["allowedHosts[0]", { allowedHosts: ["*.[2001:db8::1]"] }, "film"],
    ["segmentSignature", { segmentSignature: "none" }, "film"],
    ["", { sesion: 3600 }, "film"],
    ["origin.type", { origin: { type: "ftp" } }, "film"],
    ["origin", { origin: { ...r2("film/"), region: "eu" } }, "film"],
    ["origin.binding", { origin: r2("film/", "media") }, "film"],
    ["origin.timeout", { origin: httpOriginOf({ timeout: 600 }) }, "film"],
    ["origin.auth.name", { origin: httpOriginOf({ auth: { type: "header", name: "Range", secret: "S" } }) }, "film"],
    [
      "origin.auth.secret",
      { origin: httpOriginOf({ auth: { type: "header", name: "X-A", secret: "STAGEDOOR_KEYS" } }) },
      "film",
    ],
    [
      "origin.auth.secret",
      { origin: httpOriginOf({ auth: { type: "header", name: "X-A", secret: "s3cr3t" } }) },
      "film",
    ],
    [
      "cloudfront.url",
      { cdn: "cloudfront-signed", cloudfront: { ...cloudfront, url: "https://d1.cloudfront.net/" } },
      "film",
    ],
    [
      "cloudfront.url",
      { cdn: "cloudfront-signed", cloudfront: { ...cloudfront, url: "http://d1.cloudfront.net" } },
      "film",
    ],
    [
      "cloudfront.url",
      { cdn: "cloudfront-signed", cloudfront: { ...cloudfront, url: "https://d1.example/a?b" } },
      "film",
    ],
  ])("is refused for the field %j: %j", (field, fields, asset) => {
    expect(briefly(sampleDocument(fields))).toEqual([`schema ${asset} ${field}`]);
  });

  it.each([
    ...["", "1app", "my app", "myapp:", "myapp://", "m", "http", "HTTPS", "JavaScript", "vbscript", "file", "blob"],
    ...["filesystem", "ftp", "FTPS", "ws", "wss", "rtmp", "rtmpte", "rtsp", "rtsps", "srt", "udp", "tcp"],
    ...["concat", "subfile", "crypto", "hls+http", "crypto+https", "a+b"],
  ])("is refused for a scheme that is never allowed: %j", (scheme) => {
    const faults = briefly(sampleDocument({ allowedSchemes: ["myapp", scheme] }));
    expect(new Set(faults)).toEqual(new Set(["schema film allowedSchemes[1]"]));
  });

  it.each(["", "/index.m3u8", "../other/index.m3u8", "a/./b.m3u8", "a//b.m3u8", "a b.m3u8", "a%2Fb.m3u8", "dir/"])(
    "is refused for an entry that is not a canonical path below its prefix: %j",
    (entry) => {
      expect(briefly(sampleDocument({ entry }))).toEqual(["path_not_canonical film entry"]);
    },
  );

  it.each([
    "index.m3u8?DVR",
    "index.m3u8?start=2026-12-01T20%3A00%3A00Z&end=",
    "index.m3u8?a=1&b=%2F~",
    "720p/index.m3u8?a+b",
    "index.m3u8?start=2026-12-01T20:00:00Z",
    "index.m3u8?hdnts=exp=1~acl=/*~hmac=ab",
    "~/index.m3u8",
  ])("can have the entry %s", (entry) => {
    expect(briefly(sampleDocument({ entry }))).toEqual([]);
  });

  it.each([
    "index.m3u8?",
    "index.m3u8?a=1#t=2",
    "index.m3u8#t=2",
    "index.m3u8?a b",
    "index.m3u8?a=/../b",
    "index.m3u8?a=é",
    "?DVR",
    "dir/?DVR",
    "a b.m3u8?DVR",
  ])("is refused for the entry %j, without quoting its query", (entry) => {
    const [fault] = faultsOf(sampleDocument({ entry }));
    expect([fault?.name, fault?.field]).toEqual(["path_not_canonical", "entry"]);
    expect(fault?.advice).not.toMatch(/DVR|a=1/);
  });

  it.each([
    "http://localhost:9000/media/",
    "http://127.0.0.1/",
    "https://origin.example/",
    "https://o.example:8443/%C3%84/",
  ])("can be at the origin %s", (url) => {
    expect(briefly(sampleDocument({ origin: httpOriginOf({ url }) }))).toEqual([]);
  });

  it.each([
    "http://origin.example/films/",
    "http://localhost.example/films/",
    "http://127.0.0.1.example/films/",
    "ftp://localhost/films/",
    "https://user@origin.example/films/",
    "https://user:word@origin.example/films/",
    "https://origin.example/films/?a=b/",
    "https://origin.example/films/#/",
    "https://ORIGIN.example/films/",
    "https://origin.example:443/films/",
    "https://origin.example/films/../secret/",
    "https://origin.example/films//42/",
    "https://origin.example/%66ilms/",
    "/films/",
    "",
  ])("cannot be at the origin %j", (url) => {
    expect(briefly(sampleDocument({ origin: httpOriginOf({ url }) }))).toEqual(["origin_url_invalid film origin.url"]);
  });

  it.each(["film", "", "/"])("cannot have the unbounded prefix %j", (prefix) => {
    expect(briefly(sampleDocument({ origin: r2(prefix) }))).toEqual(["prefix_unbounded film origin.prefix"]);
  });

  it("cannot have a URL that does not end in a slash", () => {
    const origin = httpOriginOf({ url: "https://origin.example/films/4" });
    expect(briefly(sampleDocument({ origin }))).toEqual(["prefix_unbounded film origin.url"]);
  });

  it.each(["/film/", "a/../film/", "a//b/", "a%20b/", "a\\b/", "a;b/"])(
    "cannot have the prefix %j, which is not canonical",
    (prefix) => {
      expect(briefly(sampleDocument({ origin: r2(prefix) }))).toEqual(["path_not_canonical film origin.prefix"]);
    },
  );

  it("can be in a folder of a self-hosted service", () => {
    const origin = { type: "file", root: "films", path: "42/" };
    expect(sampleAsset({ origin }).origin).toEqual(origin);
  });

  it.each([
    ["path_not_canonical film origin.path", { path: "/etc/" }],
    ["path_not_canonical film origin.path", { path: "../" }],
    ["path_not_canonical film origin.path", { path: "a/../b/" }],
    ["path_not_canonical film origin.path", { path: "a//b/" }],
    ["path_not_canonical film origin.path", { path: "a%2E/" }],
    ["path_not_canonical film origin.path", { path: "a\\b/" }],
    ["path_not_canonical film origin.path", { path: ".git/" }],
    ["path_not_canonical film origin.path", { path: "a/.git/" }],
    ["prefix_unbounded film origin.path", { path: "42" }],
    ["prefix_unbounded film origin.path", { path: "" }],
    ["prefix_unbounded film origin.path", { path: "/" }],
    ["schema film origin.root", { root: "/srv/films" }],
    ["schema film origin.root", { root: "" }],
    ["schema film origin", { folder: "/srv/films" }],
  ])("is refused for a folder outside a named root: %s, %j", (fault, fields) => {
    const origin = { type: "file", root: "films", path: "42/", ...fields };
    expect(briefly(sampleDocument({ origin }))).toEqual([fault]);
  });

  it.each([
    ["cloudfront_missing film cloudfront", { cdn: "cloudfront-signed" }],
    ["cdn_url_missing film cdnUrl", { cdn: "cloudfront" }],
    ["cdn_url_unused film cdnUrl", { cdnUrl }],
    ["cdn_url_unused film cdnUrl", { cdn: "cloudfront-signed", cloudfront, cdnUrl }],
    ["schema film cdnUrl", { cdn: "cloudfront", cdnUrl: `${cdnUrl}/films` }],
    ["cloudfront_anonymous film places.anonymous", { cdn: "cloudfront", cdnUrl, places: { anonymous: "refuse" } }],
    ["cloudfront_session film segmentSignature", { cdn: "cloudfront", cdnUrl, segmentSignature: "session" }],
    ["cloudfront_unused film cloudfront", { cdn: "cloudfront", cdnUrl, cloudfront }],
    ["cloudfront_unused film cloudfront", { cloudfront }],
    ["cloudfront_unused film cloudfront", { cdn: "edge", cloudfront }],
    ["cloudfront_session film segmentSignature", { cdn: "cloudfront-signed", cloudfront, segmentSignature: "session" }],
    ["cloudfront_binding film binding", { cdn: "cloudfront-signed", cloudfront, binding: { userAgent: true } }],
  ])("is refused if its CDN and the settings do not match: %s, %j", (fault, fields) => {
    expect(briefly(sampleDocument(fields))).toEqual([fault]);
  });
});
