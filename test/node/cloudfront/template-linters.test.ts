import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "@cdktn/hcl2json";
import { describe, expect, it } from "vitest";
import { alarms } from "../../../cli/cloudfront/distribution-plan.ts";
import { folder, runFile, stagedoor } from "../cli/command-line.ts";
import { filesOf, script } from "./template-stage.ts";

const hasCfnLint = spawnSync("cfn-lint", ["--version"]).status === 0;
const hasTerraform = spawnSync("terraform", ["version"]).status === 0;

const hosts = { plain: "d111111abcdef8.cloudfront.net", aliased: "cdn.{domain}" };
const place = folder();

/** A ring with a CloudFront key, and the template of its public half. */
async function keysExport(format: string): Promise<string> {
  const ring = join(place, "keys.json");
  await stagedoor("keys", "new", "--kid", "cdn", "--purpose", "cloudfront", "--type", "ec", "--ring", ring);
  return `${(await stagedoor("keys", "export", "--format", format, "--ring", ring)).stdout}\n`;
}

function put(name: string, text: string): string {
  const file = join(place, name);
  writeFileSync(file, text);
  return file;
}

it("cfn-lint accepts every CloudFormation template, and refuses one with a wrong member", async ({ skip }) => {
  skip(
    !hasCfnLint,
    "cfn-lint is not installed (pip install cfn-lint): the CloudFormation templates had only our own checks",
  );
  const files = Object.entries(hosts).flatMap(([kind, host]) =>
    Object.entries(filesOf("cloudformation", host)).map(([name, text]) => put(`${kind}-${name}`, text)),
  );
  const keys = put("keys-export.json", await keysExport("cloudformation"));
  const template = filesOf("cloudformation", hosts.plain)["distribution.json"] ?? "";
  const wrong = put("wrong.json", template.replace('"FunctionARN": {', '"FunctionArn": {'));
  // One process, because each reads all schemas of AWS.
  const words = ["-r", "us-east-1", "--format", "parseable", "--", ...files, keys, wrong];
  const { exit, stdout, stderr } = await runFile("cfn-lint", words, place, process.env);
  expect([exit > 0, stderr]).toEqual([true, ""]);
  expect(stdout).toContain("FunctionArn");
  expect(stdout.split("\n").filter((line) => !line.startsWith(wrong))).toEqual([]);
});

/** A configuration as HashiCorp's parser reads it: blocks by type and name. */
async function parsed(text: string) {
  return Object(await parse("main.tf", text));
}

describe("the Terraform configuration", () => {
  const text = filesOf("terraform", hosts.aliased)["main.tf"] ?? "";
  const plain = filesOf("terraform", hosts.plain)["main.tf"] ?? "";
  const cloudFormation = JSON.parse(filesOf("cloudformation", hosts.aliased)["distribution.json"] ?? "").Resources;
  const resources = async () => (await parsed(text)).resource;

  it("is what HashiCorp's parser reads, and so is that of keys export", async () => {
    for (const document of [text, plain, await keysExport("terraform")])
      expect(Object.keys((await parsed(document)).resource).length).toBeGreaterThan(1);
    await expect(parsed(`${text}\nresource "a" "b" {`)).rejects.toThrow("Unclosed configuration block");
  });

  it("has the format of terraform fmt", async ({ skip }) => {
    skip(!hasTerraform, "terraform is not installed: the configuration was parsed, and its format was not checked");
    for (const document of [text, plain, await keysExport("terraform")]) {
      const { stdout } = await runFile(
        "terraform",
        ["fmt", "-list=true", "-write=false", put("main.tf", document)],
        place,
        process.env,
      );
      expect(stdout).toBe("");
    }
  });

  it("has the function in every cache behaviour, HTTPS alone, and the origins of the function", async () => {
    const [distribution] = (await resources()).aws_cloudfront_distribution.stagedoor;
    const behaviours = [...distribution.default_cache_behavior, ...distribution.ordered_cache_behavior];
    expect(behaviours).toHaveLength(2);
    for (const behaviour of behaviours) {
      expect(behaviour.function_association).toEqual([
        { event_type: "viewer-request", function_arn: `\${aws_cloudfront_function.edge.arn}` },
      ]);
      expect([behaviour.viewer_protocol_policy, behaviour.trusted_key_groups]).toEqual(["https-only", undefined]);
    }
    expect(behaviours.map(({ target_origin_id: id }) => id)).toEqual(["films", "manifest"]);
    const [bucket, manifest] = distribution.origin;
    expect([bucket.origin_id, bucket.domain_name]).toEqual(["films", "films-bucket.s3.eu-central-1.amazonaws.com"]);
    expect(manifest.custom_header).toEqual([
      { name: "Stagedoor-Edge-Secret", value: `\${data.aws_secretsmanager_secret_version.edge.secret_string}` },
    ]);
    expect(filesOf("terraform", hosts.plain)["function.js"]).toBe(script);
  });

  it("closes both buckets, and lets the distribution alone read films", async () => {
    const { aws_s3_bucket_public_access_block: blocks, aws_s3_bucket_policy: policies } = await resources();
    expect(Object.keys(blocks)).toEqual(["films", "logs"]);
    for (const [block] of Object.values<object[]>(blocks))
      expect(block).toMatchObject({
        ...{ block_public_acls: true, block_public_policy: true },
        ...{ ignore_public_acls: true, restrict_public_buckets: true },
      });
    const allowed = policies.films[0].policy.match(/Effect\s*=\s*"Allow"/g);
    expect(allowed).toHaveLength(1);
    expect(policies.films[0].policy).toMatch(
      /Service = "cloudfront.amazonaws.com"[\s\S]*"AWS:SourceArn" = concat\(\[aws_cloudfront_distribution/,
    );
  });

  it("has the values of the CloudFormation template", async () => {
    const terraform = await resources();
    const { SegmentCache, PlaylistCache, OriginRequests, ResponseHeaders, LogDelivery } = cloudFormation;
    for (const [label, { Properties }] of Object.entries({ segments: SegmentCache, playlists: PlaylistCache })) {
      const [policy] = terraform.aws_cloudfront_cache_policy[label];
      const { MinTTL, DefaultTTL, MaxTTL, Name } = Properties.CachePolicyConfig;
      expect([policy.min_ttl, policy.default_ttl, policy.max_ttl, policy.name]).toEqual([
        MinTTL,
        DefaultTTL,
        MaxTTL,
        Name,
      ]);
    }
    const [request] = terraform.aws_cloudfront_origin_request_policy.manifest;
    expect(request.headers_config[0].headers[0].items).toEqual(
      OriginRequests.Properties.OriginRequestPolicyConfig.HeadersConfig.Headers,
    );
    const [headers] = terraform.aws_cloudfront_response_headers_policy.files;
    const { CorsConfig, SecurityHeadersConfig } = ResponseHeaders.Properties.ResponseHeadersPolicyConfig;
    expect(headers.cors_config[0].access_control_expose_headers[0].items).toEqual(
      CorsConfig.AccessControlExposeHeaders.Items,
    );
    expect(headers.security_headers_config[0].content_security_policy[0].content_security_policy).toBe(
      SecurityHeadersConfig.ContentSecurityPolicy.ContentSecurityPolicy,
    );
    expect(terraform.aws_cloudwatch_log_delivery.logs[0].record_fields).toEqual(LogDelivery.Properties.RecordFields);
    const metrics = Object.values<{ metric_name: string }[]>(terraform.aws_cloudwatch_metric_alarm);
    expect(metrics.map(([alarm]) => alarm?.metric_name).toSorted()).toEqual(
      alarms.map(({ metric }) => metric).toSorted(),
    );
  });
});
