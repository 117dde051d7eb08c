import { type DistributionPlan, logDays, logFields } from "./distribution-plan.ts";

/** Text in HCL: a quoted string without templates. */
export function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("${", "$${").replaceAll("%{", "%%{");
}

/** A list of HCL. */
export function list(items: readonly (string | number)[]): string {
  return `[${items.map((item) => (typeof item === "number" ? item : quoted(item))).join(", ")}]`;
}

const closed = `  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true`;

function onlyEncrypted(bucketArn: string): string {
  return `      {
        Sid       = "OnlyEncrypted"
        Effect    = "Deny"
        Principal = "*"
        Action    = "s3:*"
        Resource  = ["${bucketArn}", "${bucketArn}/*"]
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      },`;
}

/** The bucket of the films, closed to everybody except the distribution, and who else may read it. */
export function bucket({ name, bucket: bucketName }: DistributionPlan): string {
  const arn = `arn:\${data.aws_partition.current.partition}:s3:::${bucketName}`;
  return `resource "aws_s3_bucket" "films" {
  count    = var.create_bucket ? 1 : 0
  provider = aws.films
  bucket   = ${quoted(bucketName)}

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_s3_bucket_public_access_block" "films" {
  provider = aws.films
  bucket   = ${quoted(bucketName)}

${closed}

  depends_on = [aws_s3_bucket.films]
}

resource "aws_s3_bucket_policy" "films" {
  provider = aws.films
  bucket   = aws_s3_bucket_public_access_block.films.bucket
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "OnlyTheDistribution"
        Effect    = "Allow"
        Principal = { Service = "cloudfront.amazonaws.com" }
        Action    = "s3:GetObject"
        Resource  = "${arn}/*"
        Condition = {
          StringEquals = {
            "AWS:SourceArn" = concat([aws_cloudfront_distribution.stagedoor.arn], var.other_distribution_arns)
          }
        }
      },
${onlyEncrypted(arn)}
    ]
  })
}

resource "aws_iam_policy" "films_reader" {
  name        = "${name}-films-reader"
  description = "Lets Stagedoor's media host read playlists"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = "s3:GetObject"
      Resource = "${arn}/*"
    }]
  })
}`;
}

/** The log without grants: a closed bucket, and the delivery of some fields of CloudFront's log to it. */
export function logs({ name }: DistributionPlan): string {
  const arn = `\${aws_s3_bucket.logs.arn}`;
  return `resource "aws_s3_bucket" "logs" {
  bucket_prefix = "${name.slice(0, 32)}-logs-"
}

resource "aws_s3_bucket_public_access_block" "logs" {
  bucket = aws_s3_bucket.logs.id

${closed}
}

resource "aws_s3_bucket_lifecycle_configuration" "logs" {
  bucket = aws_s3_bucket.logs.id

  rule {
    id     = "expiry"
    status = "Enabled"
    filter {}
    expiration {
      days = ${logDays}
    }
  }
}

resource "aws_s3_bucket_policy" "logs" {
  bucket = aws_s3_bucket_public_access_block.logs.bucket
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Sid       = "LogDelivery"
        Effect    = "Allow"
        Principal = { Service = "delivery.logs.amazonaws.com" }
        Action    = "s3:PutObject"
        Resource  = "${arn}/AWSLogs/\${data.aws_caller_identity.current.account_id}/*"
        Condition = {
          StringEquals = {
            "s3:x-amz-acl"      = "bucket-owner-full-control"
            "aws:SourceAccount" = data.aws_caller_identity.current.account_id
          }
          ArnLike = { "aws:SourceArn" = aws_cloudwatch_log_delivery_source.logs.arn }
        }
      },
${onlyEncrypted(arn)}
    ]
  })
}

resource "aws_cloudwatch_log_delivery_source" "logs" {
  name         = ${quoted(name)}
  log_type     = "ACCESS_LOGS"
  resource_arn = aws_cloudfront_distribution.stagedoor.arn
}

resource "aws_cloudwatch_log_delivery_destination" "logs" {
  name          = ${quoted(name)}
  output_format = "json"

  delivery_destination_configuration {
    destination_resource_arn = aws_s3_bucket.logs.arn
  }

  depends_on = [aws_s3_bucket_policy.logs]
}

# Without the URI, the Referer and cookies: the URI contains the grant.
resource "aws_cloudwatch_log_delivery" "logs" {
  delivery_source_name     = aws_cloudwatch_log_delivery_source.logs.name
  delivery_destination_arn = aws_cloudwatch_log_delivery_destination.logs.arn
  record_fields            = ${list(logFields)}
}`;
}
