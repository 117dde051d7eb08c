import { type CloudFrontUpload, keyGroupComment, managedPolicies } from "./cloudfront-upload.ts";

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
