import { createHash } from "node:crypto";
import type { CloudFrontKey } from "../../src/keys/key.ts";
import { publicPem } from "../../src/keys/key-material.ts";
import { hasCloudFrontId } from "../lib/make-key.ts";

/** A public key as CloudFront's PublicKeyConfig takes it; nothing of the private half is in it. */
export interface CloudFrontUpload {
  readonly kid: string;
  /**
   * How CloudFront has the key already: not at all (`new`); by what was exported here (`bound`), so that a template goes on
   * holding it, or its stack would delete it; or from elsewhere (`imported`), so that no template may make it again.
   */
  readonly known: "new" | "bound" | "imported";
  /** 16 hexadecimal digits of the public key's SHA-256: what tells it from others in names that take no more. */
  readonly fingerprint: string;
  /** CallerReference: the same key gives the same one, so that CloudFront makes no second key of it. */
  readonly callerReference: string;
  /** Name: letters, digits and hyphens. */
  readonly name: string;
  /** Comment: 128 characters at most. It carries the kid. */
  readonly comment: string;
  /** EncodedKey: SubjectPublicKeyInfo as PEM, with the line break at its end that CloudFront gives back. */
  readonly pem: string;
}

/** The comment on the key group, whatever its name. */
const keyGroupComment = "The keys that sign Stagedoor's segments";
/** What the key group is called where nobody gives it another name; several environments of an account need several. */
export const usualKeyGroup = "stagedoor";
/** Names of key groups that all three forms take as they are. */
export const keyGroupName = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;

/** CloudFront's managed cache policy CachingOptimized and response headers policy SimpleCORS: the same in every account. */
const managedPolicies = {
  cache: "658327ea-f89d-4fab-a63d-7e88639e58f6",
  responseHeaders: "60669652-455b-4ae9-85a4-c4c02393f86c",
} as const;

/**
 * What CloudFront is given of a key. Its names come from the public key itself: the kid becomes the id that CloudFront
 * makes up, and CloudFront lets nothing but a key's comment change. Named after the kid, a key would be replaced by a
 * second one at the next export, and every URL that the first one signed refused.
 */
export async function cloudFrontUpload(key: CloudFrontKey): Promise<CloudFrontUpload> {
  const pem = await publicPem(key);
  const digest = createHash("sha256").update(pem).digest("hex");
  const fingerprint = digest.slice(0, 16);
  return {
    kid: key.kid,
    known: key.cloudfront ?? (hasCloudFrontId(key) ? "bound" : "new"),
    fingerprint,
    callerReference: `stagedoor-${digest}`,
    name: `stagedoor-${fingerprint}`,
    comment: `Stagedoor key ${key.kid}`,
    pem,
  };
}

/**
 * A shell script for the AWS command line: the public keys that CloudFront does not have yet, one key group of them all,
 * made or brought up to date, and the cache behaviour's settings with the group's id. It stops at the first refusal.
 */
export function awsCliScript(uploads: readonly CloudFrontUpload[], group: string): string {
  const groupBefore = `${JSON.stringify({ Name: group, Comment: keyGroupComment }).slice(0, -1)},"Items":[`;
  const ids = uploads.map((_, place) => `"$key_${place + 1}"`);
  const behaviour = {
    TrustedKeyGroups: { Enabled: true, Quantity: 1, Items: ["%s"] },
    ViewerProtocolPolicy: "https-only",
    CachePolicyId: managedPolicies.cache,
    ResponseHeadersPolicyId: managedPolicies.responseHeaders,
  };
  return [
    "#!/bin/sh\nset -eu",
    ...uploads.map(createPublicKey),
    `items=$(printf '"%s",' ${ids.join(" ")})
config=${shellQuoted(groupBefore)}"\${items%,}"${shellQuoted(groupAfter)}
group=$(aws cloudfront list-key-groups --output text \\
  --query ${shellQuoted(`KeyGroupList.Items[?KeyGroup.KeyGroupConfig.Name=='${group}'].KeyGroup.Id | [0]`)})
if [ "$group" = None ]; then
  group=$(aws cloudfront create-key-group --query KeyGroup.Id --output text --key-group-config "$config")
else
  etag=$(aws cloudfront get-key-group --id "$group" --query ETag --output text)
  aws cloudfront update-key-group --id "$group" --if-match "$etag" --key-group-config "$config" > /dev/null
fi`,
    uploads.map(({ kid }, place) => `printf '%s has the id %s\\n' ${shellQuoted(kid)} "$key_${place + 1}"`).join("\n"),
    `# Into the cache behaviour: aws cloudfront get-distribution-config, then update-distribution with these in it.
printf ${shellQuoted(`${JSON.stringify(behaviour, null, 2)}\n`)} "$group"`,
  ].join("\n\n");
}

const groupAfter = "]}";

function createPublicKey({ kid, known, callerReference, name, comment, pem }: CloudFrontUpload, place: number): string {
  // A key that has its id was made already, and CloudFront takes a key once.
  if (known !== "new") return `key_${place + 1}=${shellQuoted(kid)} # ${name}`;
  const config = { CallerReference: callerReference, Name: name, Comment: comment, EncodedKey: pem };
  return `key_${place + 1}=$(aws cloudfront create-public-key --query PublicKey.Id --output text \\
  --public-key-config ${shellQuoted(JSON.stringify(config))})`;
}

/** A word that the shell reads literally: nothing but its end has a meaning between single quotes (POSIX 2.2.2). */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * A CloudFormation template (JSON) with the public keys, one key group of them, and a distribution whose cache behaviour
 * trusts that group. The distribution is made only where the stack is given a bucket, so that the template also serves
 * those who have one already. A key that CloudFront had before is in the group by its id, and none of the stack's.
 */
export function cloudFormationTemplate(uploads: readonly CloudFrontUpload[], group: string): string {
  const made = uploads.filter(({ known }) => known !== "imported");
  const document = {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: "Public keys of Stagedoor, their key group, and a distribution that takes signed URLs alone.",
    Parameters: {
      BucketDomainName: {
        Type: "String",
        Default: "",
        Description:
          "The regional domain name of the private S3 bucket with the media, bucket.s3.region.amazonaws.com. " +
          "Empty: no distribution is made.",
      },
    },
    Conditions: { MakesDistribution: { "Fn::Not": [{ "Fn::Equals": [{ Ref: "BucketDomainName" }, ""] }] } },
    Resources: {
      ...Object.fromEntries(made.map((upload) => [logicalId(upload), publicKey(upload)])),
      KeyGroup: {
        Type: "AWS::CloudFront::KeyGroup",
        Properties: {
          KeyGroupConfig: {
            Name: { "Fn::Sub": `${group}-\${AWS::StackName}` },
            Comment: keyGroupComment,
            Items: uploads.map((upload) => (upload.known === "imported" ? upload.kid : { Ref: logicalId(upload) })),
          },
        },
      },
      OriginAccessControl: {
        Type: "AWS::CloudFront::OriginAccessControl",
        Condition: "MakesDistribution",
        Properties: {
          OriginAccessControlConfig: {
            Name: { "Fn::Sub": `${group}-\${AWS::StackName}` },
            OriginAccessControlOriginType: "s3",
            SigningBehavior: "always",
            SigningProtocol: "sigv4",
          },
        },
      },
      Distribution: {
        Type: "AWS::CloudFront::Distribution",
        Condition: "MakesDistribution",
        Properties: { DistributionConfig: distribution },
      },
    },
    Outputs: {
      KeyGroupId: { Value: { Ref: "KeyGroup" } },
      ...Object.fromEntries(
        made.map((upload) => [
          `${logicalId(upload)}Id`,
          { Description: `CloudFront's id of the key ${upload.kid}`, Value: { Ref: logicalId(upload) } },
        ]),
      ),
      DistributionDomainName: {
        Condition: "MakesDistribution",
        Value: { "Fn::GetAtt": ["Distribution", "DomainName"] },
      },
    },
  };
  return JSON.stringify(document, null, 2);
}

const distribution = {
  Enabled: true,
  HttpVersion: "http2and3",
  Origins: [
    {
      Id: "media",
      DomainName: { Ref: "BucketDomainName" },
      OriginAccessControlId: { "Fn::GetAtt": ["OriginAccessControl", "Id"] },
      S3OriginConfig: { OriginAccessIdentity: "" },
    },
  ],
  DefaultCacheBehavior: {
    TargetOriginId: "media",
    TrustedKeyGroups: [{ Ref: "KeyGroup" }],
    // A redirect would come after the signed URL has gone over the wire in the clear.
    ViewerProtocolPolicy: "https-only",
    CachePolicyId: managedPolicies.cache,
    ResponseHeadersPolicyId: managedPolicies.responseHeaders,
  },
} as const;

function publicKey({ callerReference, name, comment, pem }: CloudFrontUpload) {
  return {
    Type: "AWS::CloudFront::PublicKey",
    Properties: {
      PublicKeyConfig: { CallerReference: callerReference, Name: name, Comment: comment, EncodedKey: pem },
    },
  };
}

/** Logical ids take letters and digits alone. */
function logicalId({ fingerprint }: CloudFrontUpload): string {
  return `PublicKey${fingerprint}`;
}

/**
 * Terraform configuration (HCL) with the public keys, one key group of them, and, as a comment, the block that a
 * distribution takes: it is not valid alone. The provider keeps each key in its state, and makes no second one; one that
 * CloudFront had before is in the group by its id.
 */
export function terraformConfiguration(uploads: readonly CloudFrontUpload[], group: string): string {
  const name = group.replaceAll("-", "_");
  const made = uploads.filter(({ known }) => known !== "imported");
  const parts = [
    ...made.map(terraformPublicKey),
    keyGroup(uploads, group, name),
    outputs(uploads, name),
    behaviour(name),
  ];
  return parts.join("\n\n");
}

/** The heredoc keeps the line break at the PEM's end; without it the provider replaces the key at every apply. */
function terraformPublicKey(upload: CloudFrontUpload): string {
  return `resource "aws_cloudfront_public_key" "${label(upload)}" {
  name        = "${upload.name}"
  comment     = "${upload.comment}"
  encoded_key = <<EOT
${upload.pem}EOT
}`;
}

function keyGroup(uploads: readonly CloudFrontUpload[], group: string, name: string): string {
  const items = uploads.map((upload) => `    ${idOf(upload)},`);
  return `resource "aws_cloudfront_key_group" "${name}" {
  name    = "${group}"
  comment = "${keyGroupComment}"
  items = [
${items.join("\n")}
  ]
}`;
}

function outputs(uploads: readonly CloudFrontUpload[], name: string): string {
  const width = Math.max(...uploads.map(({ kid }) => kid.length)) + 2;
  const ids = uploads.map((upload) => `    ${`"${upload.kid}"`.padEnd(width)} = ${idOf(upload)},`);
  return `output "${name}_key_ids" {
  description = "CloudFront's id of each key of the ring"
  value = {
${ids.join("\n")}
  }
}`;
}

const behaviour = (
  name: string,
) => `# Into your aws_cloudfront_distribution, with its own path and origin; the same lines without
# path_pattern make a default_cache_behavior.
#
#   ordered_cache_behavior {
#     path_pattern               = "/*"
#     target_origin_id           = "media"
#     trusted_key_groups         = [aws_cloudfront_key_group.${name}.id]
#     viewer_protocol_policy     = "https-only"
#     allowed_methods            = ["GET", "HEAD"]
#     cached_methods             = ["GET", "HEAD"]
#     cache_policy_id            = "${managedPolicies.cache}" # CachingOptimized
#     response_headers_policy_id = "${managedPolicies.responseHeaders}" # SimpleCORS
#   }`;

function idOf(upload: CloudFrontUpload): string {
  return upload.known === "imported" ? `"${upload.kid}"` : `aws_cloudfront_public_key.${label(upload)}.id`;
}

function label({ fingerprint }: CloudFrontUpload): string {
  return `stagedoor_${fingerprint}`;
}
