import { attribute, logResources, ref, sub } from "./cloudformation-buckets.ts";
import {
  alarms,
  type DistributionPlan,
  edgeSecretName,
  forwardedHeaders,
  manifestReadTimeout,
  originIds,
  playlistPattern,
  playlistTtl,
  responseHeaders,
  segmentTtl,
  storeWriterActions,
  uncachedErrors,
} from "./distribution-plan.ts";

/**
 * The CloudFormation template (JSON) of everything except the bucket. It is for us-east-1, where CloudFront's logs and
 * metrics are. The store is created empty, so that no key is in a template: the function refuses until it is filled.
 */
export function distributionTemplate(plan: DistributionPlan): string {
  const { name, alias } = plan;
  const document = {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: `Stagedoor's CloudFront Function, its store and its distribution: ${name}.`,
    Parameters: {
      EdgeSecretVersion: {
        Type: "String",
        Default: "",
        Description: `The version of the secret ${edgeSecretName(plan)} in Secrets Manager. Name it after a rotation: CloudFormation does not notice a new value. Empty: the current version.`,
      },
      AlarmTopicArn: {
        Type: "String",
        Default: "",
        Description:
          "The ARN of an SNS topic of us-east-1 that receives the alarms. Empty: they only show in CloudWatch.",
      },
      ...(alias !== undefined && {
        CertificateArn: {
          Type: "String",
          AllowedPattern: "arn:aws[a-z-]*:acm:us-east-1:[0-9]{12}:certificate/.+",
          Description: `The ARN of a certificate of ACM in us-east-1 for ${alias}.`,
        },
      }),
    },
    Rules: {
      Region: {
        Assertions: [
          {
            Assert: { "Fn::Equals": [ref("AWS::Region"), "us-east-1"] },
            AssertDescription: "Deploy this stack in us-east-1: CloudFront's logs and metrics are there.",
          },
        ],
      },
    },
    Conditions: { HasAlarmTopic: { "Fn::Not": [{ "Fn::Equals": [ref("AlarmTopicArn"), ""] }] } },
    Resources: {
      ...functionResources(plan),
      ...policyResources(plan),
      Distribution: { Type: "AWS::CloudFront::Distribution", Properties: { DistributionConfig: distribution(plan) } },
      ...logResources(plan),
      ...alarmResources(plan),
    },
    Outputs: {
      DistributionId: { Value: ref("Distribution") },
      DistributionDomainName: { Value: attribute("Distribution", "DomainName") },
      StoreArn: { Description: "For the CDN's store in stagedoor.config.json", Value: attribute("Store", "Arn") },
      StoreWriterPolicyArn: { Description: "For the user or role that fills the store", Value: ref("StoreWriter") },
      LogBucketName: { Value: ref("LogBucket") },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function functionResources({ name, script }: DistributionPlan) {
  return {
    Store: {
      Type: "AWS::CloudFront::KeyValueStore",
      Properties: { Name: name, Comment: "Keys and revocations of Stagedoor. Its readers can sign URLs." },
    },
    EdgeFunction: {
      Type: "AWS::CloudFront::Function",
      Properties: {
        Name: name,
        AutoPublish: true,
        FunctionCode: script,
        FunctionConfig: {
          Comment: "Stagedoor's check of every request",
          Runtime: "cloudfront-js-2.0",
          KeyValueStoreAssociations: [{ KeyValueStoreARN: attribute("Store", "Arn") }],
        },
      },
    },
    StoreWriter: {
      Type: "AWS::IAM::ManagedPolicy",
      Properties: {
        Description: "Lets Stagedoor keep the store in step with its revocation log",
        PolicyDocument: {
          Version: "2012-10-17",
          Statement: [{ Effect: "Allow", Action: storeWriterActions, Resource: attribute("Store", "Arn") }],
        },
      },
    },
  };
}

function policyResources({ name }: DistributionPlan) {
  const { exposed, resourcePolicy, contentPolicy, transportSeconds } = responseHeaders();
  const cachePolicy = (suffix: string, ttl: typeof segmentTtl | typeof playlistTtl, compressed: boolean) => ({
    Type: "AWS::CloudFront::CachePolicy",
    Properties: {
      CachePolicyConfig: {
        Name: `${name}-${suffix}`,
        MinTTL: ttl.min,
        DefaultTTL: ttl.default,
        MaxTTL: ttl.max,
        ParametersInCacheKeyAndForwardedToOrigin: {
          EnableAcceptEncodingGzip: compressed,
          EnableAcceptEncodingBrotli: compressed,
          HeadersConfig: { HeaderBehavior: "none" },
          CookiesConfig: { CookieBehavior: "none" },
          QueryStringsConfig: { QueryStringBehavior: "all" },
        },
      },
    },
  });
  return {
    SegmentCache: cachePolicy("segments", segmentTtl, false),
    PlaylistCache: cachePolicy("playlists", playlistTtl, true),
    OriginRequests: {
      Type: "AWS::CloudFront::OriginRequestPolicy",
      Properties: {
        OriginRequestPolicyConfig: {
          Name: name,
          HeadersConfig: { HeaderBehavior: "whitelist", Headers: forwardedHeaders },
          CookiesConfig: { CookieBehavior: "none" },
          QueryStringsConfig: { QueryStringBehavior: "all" },
        },
      },
    },
    ResponseHeaders: {
      Type: "AWS::CloudFront::ResponseHeadersPolicy",
      Properties: {
        ResponseHeadersPolicyConfig: {
          Name: name,
          CorsConfig: {
            AccessControlAllowCredentials: false,
            AccessControlAllowHeaders: { Items: ["*"] },
            AccessControlAllowMethods: { Items: ["GET", "HEAD", "OPTIONS"] },
            AccessControlAllowOrigins: { Items: ["*"] },
            AccessControlExposeHeaders: { Items: exposed },
            OriginOverride: true,
          },
          SecurityHeadersConfig: {
            ContentTypeOptions: { Override: true },
            ContentSecurityPolicy: { ContentSecurityPolicy: contentPolicy, Override: true },
            ReferrerPolicy: { ReferrerPolicy: "no-referrer", Override: true },
            StrictTransportSecurity: { AccessControlMaxAgeSec: transportSeconds, Override: true },
          },
          CustomHeadersConfig: {
            Items: [{ Header: "Cross-Origin-Resource-Policy", Value: resourcePolicy, Override: true }],
          },
        },
      },
    },
    OriginAccess: {
      Type: "AWS::CloudFront::OriginAccessControl",
      Properties: {
        OriginAccessControlConfig: {
          Name: name,
          OriginAccessControlOriginType: "s3",
          SigningBehavior: "always",
          SigningProtocol: "sigv4",
        },
      },
    },
  };
}

function distribution(plan: DistributionPlan) {
  const { name, alias, bucket, region, manifestHost } = plan;
  const behaviour = {
    // A redirect to https would come too late: the URL was already sent unencrypted.
    ViewerProtocolPolicy: "https-only",
    AllowedMethods: ["GET", "HEAD", "OPTIONS"],
    CachedMethods: ["GET", "HEAD"],
    OriginRequestPolicyId: ref("OriginRequests"),
    ResponseHeadersPolicyId: ref("ResponseHeaders"),
    FunctionAssociations: [{ EventType: "viewer-request", FunctionARN: attribute("EdgeFunction", "FunctionARN") }],
  };
  return {
    Enabled: true,
    Comment: name,
    HttpVersion: "http2and3",
    IPV6Enabled: true,
    ...(alias === undefined
      ? {}
      : {
          Aliases: [alias],
          ViewerCertificate: {
            AcmCertificateArn: ref("CertificateArn"),
            MinimumProtocolVersion: "TLSv1.2_2021",
            SslSupportMethod: "sni-only",
          },
        }),
    Origins: [
      {
        Id: originIds.films,
        DomainName: `${bucket}.s3.${region}.amazonaws.com`,
        OriginAccessControlId: attribute("OriginAccess", "Id"),
        S3OriginConfig: { OriginAccessIdentity: "" },
      },
      {
        Id: originIds.manifest,
        DomainName: manifestHost,
        CustomOriginConfig: {
          OriginProtocolPolicy: "https-only",
          OriginSSLProtocols: ["TLSv1.2"],
          OriginReadTimeout: manifestReadTimeout,
        },
        OriginCustomHeaders: [
          {
            HeaderName: "Stagedoor-Edge-Secret",
            HeaderValue: sub(`{{resolve:secretsmanager:${edgeSecretName(plan)}:SecretString:::\${EdgeSecretVersion}}}`),
          },
        ],
      },
    ],
    DefaultCacheBehavior: {
      ...behaviour,
      TargetOriginId: originIds.films,
      CachePolicyId: ref("SegmentCache"),
      Compress: false,
    },
    CacheBehaviors: [
      {
        ...behaviour,
        PathPattern: playlistPattern,
        TargetOriginId: originIds.manifest,
        CachePolicyId: ref("PlaylistCache"),
        Compress: true,
      },
    ],
    CustomErrorResponses: uncachedErrors.map((ErrorCode) => ({ ErrorCode, ErrorCachingMinTTL: 0 })),
  };
}

function alarmResources({ name }: DistributionPlan) {
  return Object.fromEntries(
    alarms.map(({ id, metric, isOfFunction, statistic, threshold, periods, description }) => [
      id,
      {
        Type: "AWS::CloudWatch::Alarm",
        Properties: {
          AlarmName: `${name}-${id}`,
          AlarmDescription: description,
          Namespace: "AWS/CloudFront",
          MetricName: metric,
          Dimensions: [
            isOfFunction
              ? { Name: "FunctionName", Value: name }
              : { Name: "DistributionId", Value: ref("Distribution") },
            { Name: "Region", Value: "Global" },
          ],
          Statistic: statistic,
          Period: 300,
          EvaluationPeriods: periods,
          Threshold: threshold,
          ComparisonOperator: "GreaterThanThreshold",
          TreatMissingData: "notBreaching",
          AlarmActions: { "Fn::If": ["HasAlarmTopic", [ref("AlarmTopicArn")], ref("AWS::NoValue")] },
        },
      },
    ]),
  );
}
