import { createHash } from "node:crypto";
import type { CloudFrontKey } from "../../src/keys/key.ts";
import { publicPem } from "../../src/keys/key-material.ts";
import { hasCloudFrontId } from "../lib/make-key.ts";

/** A public key in the form of CloudFront's PublicKeyConfig. */
export interface CloudFrontUpload {
  readonly kid: string;
  /**
   * Whether CloudFront has the key. `new`: it does not. `bound`: from an earlier export, so a template must keep the key, or its
   * stack would delete it. `imported`: from elsewhere, so no template may create it again.
   */
  readonly known: "new" | "bound" | "imported";
  /** The first 16 hexadecimal digits of the public key's SHA-256: unique enough for names. */
  readonly fingerprint: string;
  /** CallerReference: the same for the same key, so that CloudFront does not create the key twice. */
  readonly callerReference: string;
  /** Name: letters, digits and hyphens. */
  readonly name: string;
  /** Comment, at most 128 characters: contains the kid. */
  readonly comment: string;
  /** EncodedKey: SubjectPublicKeyInfo as PEM, with a line break at the end, as CloudFront returns it. */
  readonly pem: string;
}

/** The comment on the key group. */
const keyGroupComment = "The keys that sign Stagedoor's segments";
/** The default name of the key group. Several environments of one account need different names. */
export const defaultKeyGroup = "stagedoor";
/** Names of key groups that are valid in all three formats. */
export const keyGroupName = /^[A-Za-z][A-Za-z0-9_-]{0,31}$/;

/** CloudFront's managed cache policy CachingOptimized and response headers policy SimpleCORS: the same in every account. */
const managedPolicies = {
  cache: "658327ea-f89d-4fab-a63d-7e88639e58f6",
  responseHeaders: "60669652-455b-4ae9-85a4-c4c02393f86c",
} as const;

/**
 * The public half of a key, as CloudFront receives it. The name is derived from the public key and not from the kid, because the
 * kid later becomes CloudFront's id: with another name, the next export would replace the key, and CloudFront would refuse
 * every URL that it signed.
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
 * A shell script for the AWS command line. It uploads the public keys that CloudFront does not have, creates or updates a key
 * group with all keys, and prints the settings of the cache behaviour. It stops at the first error.
 */
export function awsCliScript(uploads: readonly CloudFrontUpload[], group: string): string {
  const groupBefore = `${JSON.stringify({ Name: group, Comment: keyGroupComment }).slice(0, -1)},"Items":[`;
  const ids = uploads.map((_, index) => `"$key_${index + 1}"`);
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
    uploads.map(({ kid }, index) => `printf '%s has the id %s\\n' ${shellQuoted(kid)} "$key_${index + 1}"`).join("\n"),
    `# Put these into the cache behaviour: aws cloudfront get-distribution-config, then update-distribution.
printf ${shellQuoted(`${JSON.stringify(behaviour, null, 2)}\n`)} "$group"`,
  ].join("\n\n");
}

const groupAfter = "]}";

function createPublicKey({ kid, known, callerReference, name, comment, pem }: CloudFrontUpload, index: number): string {
  // CloudFront has the key already, and would refuse to create it again.
  if (known !== "new") return `key_${index + 1}=${shellQuoted(kid)} # ${name}`;
  const config = { CallerReference: callerReference, Name: name, Comment: comment, EncodedKey: pem };
  return `key_${index + 1}=$(aws cloudfront create-public-key --query PublicKey.Id --output text \\
  --public-key-config ${shellQuoted(JSON.stringify(config))})`;
}

/** Quotes a word for the shell (POSIX 2.2.2). */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * A CloudFormation template (JSON) with the public keys, a key group, and a distribution whose cache behaviour trusts the
 * group. The stack creates the distribution only with a bucket as its parameter, so the template also suits an existing
 * distribution. An imported key is in the group by its id, and is not a resource of the stack.
 */
export function cloudFormationTemplate(uploads: readonly CloudFrontUpload[], group: string): string {
  const created = uploads.filter(({ known }) => known !== "imported");
  const document = {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: "Public keys of Stagedoor, their key group, and a distribution that accepts only signed URLs.",
    Parameters: {
      BucketDomainName: {
        Type: "String",
        Default: "",
        Description:
          "The regional domain name of the private S3 bucket with the media, bucket.s3.region.amazonaws.com. " +
          "Empty: no distribution is created.",
      },
    },
    Conditions: { MakesDistribution: { "Fn::Not": [{ "Fn::Equals": [{ Ref: "BucketDomainName" }, ""] }] } },
    Resources: {
      ...Object.fromEntries(created.map((upload) => [logicalId(upload), publicKey(upload)])),
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
        created.map((upload) => [
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
    // A redirect to https would come too late: the signed URL was already sent unencrypted.
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

/** A logical id has only letters and digits. */
function logicalId({ fingerprint }: CloudFrontUpload): string {
  return `PublicKey${fingerprint}`;
}

/**
 * A Terraform configuration (HCL) with the public keys, a key group and, as a comment, the block for a distribution, which is
 * not valid alone. An imported key is in the group by its id.
 */
export function terraformConfiguration(uploads: readonly CloudFrontUpload[], group: string): string {
  const name = group.replaceAll("-", "_");
  const created = uploads.filter(({ known }) => known !== "imported");
  const parts = [
    ...created.map(terraformPublicKey),
    keyGroup(uploads, group, name),
    outputs(uploads, name),
    behaviour(name),
  ];
  return parts.join("\n\n");
}

/** The heredoc keeps the PEM's last line break. Without it the provider would replace the key at every apply. */
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
) => `# Put this into your aws_cloudfront_distribution, with your path and origin. Without path_pattern
# the same lines make a default_cache_behavior.
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
