import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { cloudfrontTemplateCommand } from "../../../cli/cloudfront/template-command.ts";
import { inertHeaders } from "../../../src/edge/answer-media.ts";
import { withCors } from "../../../src/http/cors.ts";
import { defaultConfig } from "../../unit/deployment/example-config.ts";
import { folder, projectFolder, runFile, stagedoor } from "../cli/command-line.ts";
import { cdn, filesOf, film, films, planOf, production, script, secrets } from "./template-stage.ts";

const plain = filesOf("cloudformation", "d111111abcdef8.cloudfront.net");
const aliased = filesOf("cloudformation", "cdn.{domain}");

describe("npx stagedoor cloudfront template", () => {
  it("writes a deployment's files, without a secret, and says what to do next", async () => {
    const project = folder();
    const environments = production("tv.test");
    const config = {
      ...defaultConfig,
      cdns: cdn("cdn.{domain}"),
      origins: { films },
      secrets,
      assets: [film],
      environments,
    };
    writeFileSync(join(project, "stagedoor.config.json"), JSON.stringify(config));
    const secret = "edge-secret-edge-secret-edge-secret-edge";
    writeFileSync(join(project, "secrets-production.env"), `STAGEDOOR_EDGE_SECRETS=${secret}\n`);
    const node = join(projectFolder, "node_modules/.bin/node");
    const words = [join(projectFolder, "cli/stagedoor.ts"), "cloudfront", "template", "--env", "production"];
    const { exit, stdout, stderr } = await runFile(node, words, project, process.env);
    expect([exit, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("Wrote cloudfront-production/distribution.json and cloudfront-production/bucket.json");
    expect(stdout).toContain("deploy --region eu-central-1 --stack-name stagedoor-production-films");
    for (const [name, text] of Object.entries(aliased)) {
      expect(readFileSync(join(project, "cloudfront-production", name), "utf8")).toBe(text);
      expect(text + stdout).not.toContain(secret);
    }
  });

  it("has at most 51,200 bytes, so that it needs no bucket of its own to be deployed", () => {
    expect(Buffer.byteLength(aliased["distribution.json"] ?? "")).toBeLessThanOrEqual(51_200);
  });

  it("needs the folder of a deployment", async () => {
    const { exit, stderr } = await stagedoor(...cloudfrontTemplateCommand.name.split(" "), "--env", "production");
    expect([exit, stderr]).toEqual([2, expect.stringContaining("There is no stagedoor.config.json here or above")]);
  });
});

describe("the plan of a distribution", () => {
  it("names the distribution, its own name, the media host and the bucket", () => {
    expect(planOf({})).toEqual({
      ok: true,
      value: {
        name: "stagedoor-production",
        cdn: "far",
        alias: "cdn.tv.test",
        manifestHost: "media.tv.test",
        bucket: "films-bucket",
        region: "eu-central-1",
        script,
      },
    });
    const { value } = Object(planOf({ cdns: cdn("d1.cloudfront.net") }));
    expect(value.alias).toBeUndefined();
  });

  it("has the name of the CDN in it if there are several", () => {
    const cdns = { ...cdn("cdn.{domain}"), farther: { type: "cloudfront-function", host: "cdn2.{domain}" } };
    expect(planOf({ cdns })).toMatchObject({ refusal: expect.stringContaining("choose far or farther with --cdn") });
    expect(planOf({ cdns }, "near")).toMatchObject({
      refusal: expect.stringContaining('must be far or farther, not "near"'),
    });
    expect(planOf({ cdns }, "farther")).toMatchObject({ value: { name: "stagedoor-production-farther" } });
  });

  it.each([
    [
      "a bucket that is not Amazon's",
      { origins: { films: { ...films, endpoint: "https://s3.tv.test" } } },
      "has an endpoint",
    ],
    [
      "files elsewhere than below the id",
      { assets: [{ ...film, path: "vod/" }] },
      'The asset film has the path "vod/"',
    ],
    [
      "another kind of origin",
      { origins: { films: { type: "http", url: "https://o.tv.test/" } }, secrets: {} },
      "The asset film has the origin films of the type http",
    ],
    [
      "several buckets",
      {
        origins: { films, more: { ...films, bucket: "more-films" } },
        assets: [film, { ...film, id: "film-2", origin: "more" }],
      },
      "are in several buckets (films-bucket, more-films)",
    ],
    ["a media host that is not filled in", { environments: production("example.com") }, "fill in your domain"],
    ["a CDN without a function", { cdns: defaultConfig.cdns, assets: [] }, "has the type cloudfront-function: add"],
  ])("refuses %s", (_, changes, message) => {
    expect(planOf(changes)).toMatchObject({ ok: false, refusal: expect.stringContaining(message) });
  });
});

/** Every object in a document. */
function objectsIn(value: unknown): readonly object[] {
  if (typeof value !== "object" || value === null) return [];
  return [value, ...Object.values(value).flatMap(objectsIn)];
}

describe.each([
  ["with CloudFront's name", plain],
  ["with a name of its own", aliased],
])("the CloudFormation template %s", (_, files) => {
  const { Resources, Parameters } = JSON.parse(files["distribution.json"] ?? "");
  const config = Resources.Distribution.Properties.DistributionConfig;
  const behaviours = [config.DefaultCacheBehavior, ...config.CacheBehaviors];

  it("has the function in every cache behaviour, and HTTPS alone", () => {
    expect(behaviours).toHaveLength(2);
    for (const { FunctionAssociations, ViewerProtocolPolicy, TrustedKeyGroups } of behaviours) {
      expect(FunctionAssociations).toEqual([
        { EventType: "viewer-request", FunctionARN: { "Fn::GetAtt": ["EdgeFunction", "FunctionARN"] } },
      ]);
      expect([ViewerProtocolPolicy, TrustedKeyGroups]).toEqual(["https-only", undefined]);
    }
  });

  it("publishes the function with an empty store", () => {
    const { AutoPublish, FunctionCode, FunctionConfig } = Resources.EdgeFunction.Properties;
    expect([AutoPublish, FunctionCode, FunctionConfig.Runtime]).toEqual([true, script, "cloudfront-js-2.0"]);
    expect(FunctionConfig.KeyValueStoreAssociations).toEqual([
      { KeyValueStoreARN: { "Fn::GetAtt": ["Store", "Arn"] } },
    ]);
    expect(Object.keys(Resources.Store.Properties).toSorted()).toEqual(["Comment", "Name"]);
  });

  it("has the origins of the function, with the secret of the media host by reference", () => {
    const [bucket, manifest] = config.Origins;
    expect([bucket.Id, bucket.DomainName]).toEqual(["films", "films-bucket.s3.eu-central-1.amazonaws.com"]);
    expect(bucket.OriginAccessControlId).toEqual({ "Fn::GetAtt": ["OriginAccess", "Id"] });
    expect(script).toContain(`selectRequestOriginById("${manifest.Id}")`);
    // A reload is held for 30 s, and CloudFront accepts 60 at most.
    expect(manifest.CustomOriginConfig.OriginReadTimeout).toBe(60);
    expect([manifest.DomainName, manifest.CustomOriginConfig.OriginProtocolPolicy]).toEqual([
      "media.tv.test",
      "https-only",
    ]);
    expect(manifest.OriginCustomHeaders).toEqual([
      {
        HeaderName: "Stagedoor-Edge-Secret",
        HeaderValue: {
          "Fn::Sub": `{{resolve:secretsmanager:stagedoor-production-edge-secret:SecretString:::\${EdgeSecretVersion}}}`,
        },
      },
    ]);
    expect(behaviours.map(({ TargetOriginId }) => TargetOriginId)).toEqual(["films", "manifest"]);
  });

  it("caches a file once for all viewers, and no refusal", () => {
    const { ParametersInCacheKeyAndForwardedToOrigin: key, MinTTL } =
      Resources.SegmentCache.Properties.CachePolicyConfig;
    expect([key.HeadersConfig.HeaderBehavior, key.CookiesConfig.CookieBehavior]).toEqual(["none", "none"]);
    expect([key.EnableAcceptEncodingGzip, key.EnableAcceptEncodingBrotli, MinTTL]).toEqual([false, false, 0]);
    // An origin's own parameters are part of a file's name. Ours are removed by the function before the key is made.
    expect(key.QueryStringsConfig.QueryStringBehavior).toBe("all");
    for (const { ErrorCachingMinTTL } of config.CustomErrorResponses) expect(ErrorCachingMinTTL).toBe(0);
  });

  it("passes on what the media host reads of a viewer, and never the viewer's Host", () => {
    const { HeadersConfig, CookiesConfig } = Resources.OriginRequests.Properties.OriginRequestPolicyConfig;
    expect(HeadersConfig).toEqual({
      HeaderBehavior: "whitelist",
      Headers: [
        ...["User-Agent", "CloudFront-Viewer-Country", "CloudFront-Viewer-Country-Region"],
        ...["CloudFront-Viewer-Postal-Code", "CloudFront-Viewer-ASN", "Stagedoor-Viewer", "Origin", "Referer"],
      ],
    });
    expect(CookiesConfig).toEqual({ CookieBehavior: "none" });
  });

  it("adds the headers of the media host to files of the bucket", () => {
    const { CorsConfig, SecurityHeadersConfig } = Resources.ResponseHeaders.Properties.ResponseHeadersPolicyConfig;
    const exposed = withCors(new Response()).headers.get("Access-Control-Expose-Headers");
    expect(CorsConfig.AccessControlExposeHeaders.Items.join(", ")).toBe(exposed);
    expect(CorsConfig.AccessControlAllowOrigins).toEqual({ Items: ["*"] });
    const { ContentSecurityPolicy, ContentTypeOptions } = SecurityHeadersConfig;
    expect(["Content-Security-Policy", ContentSecurityPolicy.ContentSecurityPolicy]).toEqual(inertHeaders[1]);
    expect([ContentSecurityPolicy.Override, ContentTypeOptions.Override]).toEqual([true, true]);
  });

  it("logs no URI, Referer, cookie or address: a URI contains the grant", () => {
    const { RecordFields } = Resources.LogDelivery.Properties;
    expect(RecordFields.length).toBeGreaterThan(10);
    for (const field of RecordFields) expect(field).not.toMatch(/uri|referer|cookie|c-ip|forwarded|c-port/i);
    expect(objectsIn(config).filter((one) => "Logging" in one || "RealtimeLogConfigArn" in one)).toEqual([]);
  });

  it("lets the writer of the store do three things, with this store alone", () => {
    expect(Resources.StoreWriter.Properties.PolicyDocument.Statement).toEqual([
      {
        Effect: "Allow",
        Action: ["DescribeKeyValueStore", "ListKeys", "UpdateKeys"].map((name) => `cloudfront-keyvaluestore:${name}`),
        Resource: { "Fn::GetAtt": ["Store", "Arn"] },
      },
    ]);
  });

  it("has alarms for errors of the function, throttling, 5xx and refusals", () => {
    const metrics = Object.values(Resources)
      .map((one) => Object(one))
      .filter(({ Type }) => Type === "AWS::CloudWatch::Alarm")
      .map(({ Properties }) => Properties.MetricName);
    expect(metrics).toEqual([
      ...["5xxErrorRate", "4xxErrorRate", "FunctionExecutionErrors", "FunctionThrottles", "FunctionValidationErrors"],
    ]);
  });

  it("asks for a certificate only for a name of its own", () => {
    const { Aliases, ViewerCertificate } = config;
    expect([Aliases, ViewerCertificate?.AcmCertificateArn, "CertificateArn" in Parameters]).toEqual(
      files === aliased ? [["cdn.tv.test"], { Ref: "CertificateArn" }, true] : [undefined, undefined, false],
    );
  });
});

describe("the bucket", () => {
  const { Resources } = JSON.parse(plain["bucket.json"] ?? "");

  it("is closed to the public, and open to the distribution alone", () => {
    const { PublicAccessBlockConfiguration, OwnershipControls } = Resources.Films.Properties;
    expect(Object.entries(PublicAccessBlockConfiguration).toSorted()).toEqual(
      ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"].map((name) => [name, true]),
    );
    expect(OwnershipControls.Rules).toEqual([{ ObjectOwnership: "BucketOwnerEnforced" }]);
    const allowed = Resources.FilmsPolicy.Properties.PolicyDocument.Statement.filter(
      ({ Effect }: { Effect: string }) => Effect === "Allow",
    );
    const own = `arn:\${AWS::Partition}:cloudfront::\${AWS::AccountId}:distribution/\${DistributionId}`;
    expect(allowed).toEqual([
      {
        Sid: "OnlyTheDistribution",
        Effect: "Allow",
        Principal: { Service: "cloudfront.amazonaws.com" },
        Action: "s3:GetObject",
        Resource: { "Fn::Sub": `arn:\${AWS::Partition}:s3:::films-bucket/*` },
        Condition: {
          StringEquals: {
            "AWS:SourceArn": {
              "Fn::If": [
                "HasOthers",
                { "Fn::Split": [",", { "Fn::Sub": `${own},\${OtherDistributionArns}` }] },
                { "Fn::Sub": own },
              ],
            },
          },
        },
      },
    ]);
  });
});
