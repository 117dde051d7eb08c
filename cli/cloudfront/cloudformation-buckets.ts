import { type DistributionPlan, logDays, logFields } from "./distribution-plan.ts";

/** References of a template. */
export const attribute = (resource: string, name: string) => ({ "Fn::GetAtt": [resource, name] });
export const sub = (text: string) => ({ "Fn::Sub": text });
export const ref = (name: string) => ({ Ref: name });

/** A bucket that nobody can open: S3's switches against public access, and no access lists. */
const closedBucket = {
  PublicAccessBlockConfiguration: {
    BlockPublicAcls: true,
    BlockPublicPolicy: true,
    IgnorePublicAcls: true,
    RestrictPublicBuckets: true,
  },
  OwnershipControls: { Rules: [{ ObjectOwnership: "BucketOwnerEnforced" }] },
};

const unencrypted = (arn: unknown, objects: unknown) => ({
  Sid: "OnlyEncrypted",
  Effect: "Deny",
  Principal: "*",
  Action: "s3:*",
  Resource: [arn, objects],
  Condition: { Bool: { "aws:SecureTransport": "false" } },
});

/** The log without grants: a closed bucket, and the delivery of some fields of CloudFront's log to it. */
export function logResources({ name }: DistributionPlan) {
  const arn = attribute("LogBucket", "Arn");
  const objects = sub(`\${LogBucket.Arn}/*`);
  return {
    LogBucket: {
      Type: "AWS::S3::Bucket",
      DeletionPolicy: "Retain",
      UpdateReplacePolicy: "Retain",
      Properties: {
        ...closedBucket,
        LifecycleConfiguration: { Rules: [{ Id: "expiry", Status: "Enabled", ExpirationInDays: logDays }] },
      },
    },
    LogBucketPolicy: {
      Type: "AWS::S3::BucketPolicy",
      Properties: {
        Bucket: ref("LogBucket"),
        PolicyDocument: {
          Version: "2012-10-17",
          Statement: [
            {
              Sid: "LogDelivery",
              Effect: "Allow",
              Principal: { Service: "delivery.logs.amazonaws.com" },
              Action: "s3:PutObject",
              Resource: sub(`\${LogBucket.Arn}/AWSLogs/\${AWS::AccountId}/*`),
              Condition: {
                StringEquals: {
                  "s3:x-amz-acl": "bucket-owner-full-control",
                  "aws:SourceAccount": ref("AWS::AccountId"),
                },
                ArnLike: {
                  "aws:SourceArn": sub(
                    `arn:\${AWS::Partition}:logs:us-east-1:\${AWS::AccountId}:delivery-source:${name}`,
                  ),
                },
              },
            },
            unencrypted(arn, objects),
          ],
        },
      },
    },
    LogSource: {
      Type: "AWS::Logs::DeliverySource",
      Properties: {
        Name: name,
        LogType: "ACCESS_LOGS",
        ResourceArn: sub(`arn:\${AWS::Partition}:cloudfront::\${AWS::AccountId}:distribution/\${Distribution}`),
      },
    },
    LogDestination: {
      Type: "AWS::Logs::DeliveryDestination",
      DependsOn: "LogBucketPolicy",
      Properties: { Name: name, DestinationResourceArn: arn, OutputFormat: "json" },
    },
    LogDelivery: {
      Type: "AWS::Logs::Delivery",
      Properties: {
        DeliverySourceName: ref("LogSource"),
        DeliveryDestinationArn: attribute("LogDestination", "Arn"),
        RecordFields: logFields,
      },
    },
  };
}

/**
 * The CloudFormation template (JSON) of the bucket's policy, in the bucket's region: only the distribution reads films. It also
 * creates the bucket, if asked to.
 */
export function bucketTemplate({ bucket, name }: DistributionPlan): string {
  const arn = sub(`arn:\${AWS::Partition}:s3:::${bucket}`);
  const objects = sub(`arn:\${AWS::Partition}:s3:::${bucket}/*`);
  const own = `arn:\${AWS::Partition}:cloudfront::\${AWS::AccountId}:distribution/\${DistributionId}`;
  const document = {
    AWSTemplateFormatVersion: "2010-09-09",
    Description: `The bucket ${bucket} and who may read it: ${name}.`,
    Parameters: {
      CreateBucket: {
        Type: "String",
        AllowedValues: ["yes", "no"],
        Default: "no",
        Description: "Whether the stack creates the bucket. no: it exists, and the stack replaces its policy.",
      },
      DistributionId: { Type: "String", Description: "The output DistributionId of the distribution's stack." },
      OtherDistributionArns: {
        Type: "String",
        Default: "",
        Description: "ARNs of further distributions that read the bucket, with commas between them.",
      },
    },
    Conditions: {
      CreatesBucket: { "Fn::Equals": [ref("CreateBucket"), "yes"] },
      HasOthers: { "Fn::Not": [{ "Fn::Equals": [ref("OtherDistributionArns"), ""] }] },
    },
    Resources: {
      Films: {
        Type: "AWS::S3::Bucket",
        Condition: "CreatesBucket",
        DeletionPolicy: "Retain",
        UpdateReplacePolicy: "Retain",
        Properties: { BucketName: bucket, ...closedBucket },
      },
      FilmsPolicy: {
        Type: "AWS::S3::BucketPolicy",
        Properties: {
          Bucket: { "Fn::If": ["CreatesBucket", ref("Films"), bucket] },
          PolicyDocument: {
            Version: "2012-10-17",
            Statement: [
              {
                Sid: "OnlyTheDistribution",
                Effect: "Allow",
                Principal: { Service: "cloudfront.amazonaws.com" },
                Action: "s3:GetObject",
                Resource: objects,
                Condition: {
                  StringEquals: {
                    "AWS:SourceArn": {
                      "Fn::If": [
                        "HasOthers",
                        { "Fn::Split": [",", sub(`${own},\${OtherDistributionArns}`)] },
                        sub(own),
                      ],
                    },
                  },
                },
              },
              unencrypted(arn, objects),
            ],
          },
        },
      },
      FilmsReader: {
        Type: "AWS::IAM::ManagedPolicy",
        Properties: {
          Description: "Lets Stagedoor's media host read playlists",
          PolicyDocument: {
            Version: "2012-10-17",
            Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: objects }],
          },
        },
      },
    },
    Outputs: {
      FilmsReaderPolicyArn: {
        Description: "For the user whose access key the media host has",
        Value: ref("FilmsReader"),
      },
    },
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
