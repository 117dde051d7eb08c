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
import { bucket, list, logs, quoted } from "./terraform-buckets.ts";

/** The name of the file with the function's script, next to the configuration. */
export const terraformScriptFile = "function.js";

/**
 * The Terraform configuration (HCL) of everything, the bucket's policy included. The store is created empty, so that no key is in
 * the configuration or its state: the function refuses until it is filled.
 */
export function terraformDistribution(plan: DistributionPlan): string {
  return `${[
    settings(plan),
    storeAndFunction(plan),
    cachePolicy(plan, "segments", segmentTtl, false),
    cachePolicy(plan, "playlists", playlistTtl, true),
    requestPolicy(plan),
    headersPolicy(plan),
    distribution(plan),
    bucket(plan),
    logs(plan),
    alarmBlocks(plan),
    outputs,
  ].join("\n\n")}\n`;
}

function settings({ alias, region }: DistributionPlan): string {
  return `terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

# CloudFront's logs and metrics are in us-east-1.
provider "aws" {
  region = "us-east-1"
}

provider "aws" {
  alias  = "films"
  region = ${quoted(region)}
}

variable "create_bucket" {
  description = "Whether the bucket is created. false: it exists, and its policy is replaced."
  type        = bool
  default     = false
}

variable "other_distribution_arns" {
  description = "Further distributions that read the bucket"
  type        = list(string)
  default     = []
}

variable "alarm_topic_arns" {
  description = "SNS topics of us-east-1 that receive the alarms"
  type        = list(string)
  default     = []
}
${
  alias === undefined
    ? ""
    : `
variable "certificate_arn" {
  description = "The ARN of a certificate of ACM in us-east-1 for ${alias}"
  type        = string
}
`
}
data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}`;
}

function storeAndFunction({ name }: DistributionPlan): string {
  return `resource "aws_cloudfront_key_value_store" "stagedoor" {
  name    = ${quoted(name)}
  comment = "Keys and revocations of Stagedoor. Its readers can sign URLs."
}

resource "aws_cloudfront_function" "edge" {
  name                         = ${quoted(name)}
  comment                      = "Stagedoor's check of every request"
  runtime                      = "cloudfront-js-2.0"
  publish                      = true
  code                         = file("\${path.module}/${terraformScriptFile}")
  key_value_store_associations = [aws_cloudfront_key_value_store.stagedoor.arn]
}

resource "aws_iam_policy" "store_writer" {
  name        = "${name}-store-writer"
  description = "Lets Stagedoor keep the store in step with its revocation log"
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect   = "Allow"
      Action   = ${list(storeWriterActions)}
      Resource = aws_cloudfront_key_value_store.stagedoor.arn
    }]
  })
}`;
}

function cachePolicy(
  { name }: DistributionPlan,
  label: "segments" | "playlists",
  ttl: typeof segmentTtl | typeof playlistTtl,
  compressed: boolean,
): string {
  return `resource "aws_cloudfront_cache_policy" "${label}" {
  name        = "${name}-${label}"
  min_ttl     = ${ttl.min}
  default_ttl = ${ttl.default}
  max_ttl     = ${ttl.max}

  parameters_in_cache_key_and_forwarded_to_origin {
    enable_accept_encoding_gzip   = ${compressed}
    enable_accept_encoding_brotli = ${compressed}

    headers_config {
      header_behavior = "none"
    }
    cookies_config {
      cookie_behavior = "none"
    }
    query_strings_config {
      query_string_behavior = "all"
    }
  }
}`;
}

function requestPolicy({ name }: DistributionPlan): string {
  return `resource "aws_cloudfront_origin_request_policy" "manifest" {
  name = ${quoted(name)}

  headers_config {
    header_behavior = "whitelist"
    headers {
      items = ${list(forwardedHeaders)}
    }
  }
  cookies_config {
    cookie_behavior = "none"
  }
  query_strings_config {
    query_string_behavior = "all"
  }
}`;
}

function headersPolicy({ name }: DistributionPlan): string {
  const { exposed, resourcePolicy, contentPolicy, transportSeconds } = responseHeaders();
  return `resource "aws_cloudfront_response_headers_policy" "files" {
  name = ${quoted(name)}

  cors_config {
    access_control_allow_credentials = false
    access_control_allow_headers {
      items = ["*"]
    }
    access_control_allow_methods {
      items = ["GET", "HEAD", "OPTIONS"]
    }
    access_control_allow_origins {
      items = ["*"]
    }
    access_control_expose_headers {
      items = ${list(exposed)}
    }
    origin_override = true
  }

  security_headers_config {
    content_type_options {
      override = true
    }
    content_security_policy {
      content_security_policy = ${quoted(contentPolicy)}
      override                = true
    }
    referrer_policy {
      referrer_policy = "no-referrer"
      override        = true
    }
    strict_transport_security {
      access_control_max_age_sec = ${transportSeconds}
      override                   = true
    }
  }

  custom_headers_config {
    items {
      header   = "Cross-Origin-Resource-Policy"
      value    = ${quoted(resourcePolicy)}
      override = true
    }
  }
}`;
}

function distribution(plan: DistributionPlan): string {
  const { name, alias, bucket: bucketName, region, manifestHost } = plan;
  return `# The value of Stagedoor-Edge-Secret. Terraform writes it into its state, so keep that encrypted.
data "aws_secretsmanager_secret_version" "edge" {
  secret_id = ${quoted(edgeSecretName(plan))}
}

resource "aws_cloudfront_origin_access_control" "films" {
  name                              = ${quoted(name)}
  origin_access_control_origin_type = "s3"
  signing_behavior                  = "always"
  signing_protocol                  = "sigv4"
}

resource "aws_cloudfront_distribution" "stagedoor" {
  enabled         = true
  comment         = ${quoted(name)}
  http_version    = "http2and3"
  is_ipv6_enabled = true
${alias === undefined ? "" : `  aliases         = [${quoted(alias)}]\n`}
  origin {
    origin_id                = ${quoted(originIds.films)}
    domain_name              = "${bucketName}.s3.${region}.amazonaws.com"
    origin_access_control_id = aws_cloudfront_origin_access_control.films.id
  }

  origin {
    origin_id   = ${quoted(originIds.manifest)}
    domain_name = ${quoted(manifestHost)}

    custom_origin_config {
      http_port              = 80
      https_port             = 443
      origin_protocol_policy = "https-only"
      origin_ssl_protocols   = ["TLSv1.2"]
      origin_read_timeout    = ${manifestReadTimeout}
    }
    custom_header {
      name  = "Stagedoor-Edge-Secret"
      value = data.aws_secretsmanager_secret_version.edge.secret_string
    }
  }

  default_cache_behavior {
${behaviour(originIds.films, "segments", false)}
  }

  ordered_cache_behavior {
    path_pattern = ${quoted(playlistPattern)}

${behaviour(originIds.manifest, "playlists", true)}
  }

  dynamic "custom_error_response" {
    for_each = ${list(uncachedErrors)}
    content {
      error_code            = custom_error_response.value
      error_caching_min_ttl = 0
    }
  }

  restrictions {
    geo_restriction {
      restriction_type = "none"
    }
  }

  viewer_certificate {
${
  alias === undefined
    ? "    cloudfront_default_certificate = true"
    : `    acm_certificate_arn      = var.certificate_arn
    minimum_protocol_version = "TLSv1.2_2021"
    ssl_support_method       = "sni-only"`
}
  }
}`;
}

/** A redirect to https would come too late: the URL was already sent unencrypted. */
function behaviour(origin: string, cache: "segments" | "playlists", compressed: boolean): string {
  return `    target_origin_id           = ${quoted(origin)}
    viewer_protocol_policy     = "https-only"
    allowed_methods            = ["GET", "HEAD", "OPTIONS"]
    cached_methods             = ["GET", "HEAD"]
    compress                   = ${compressed}
    cache_policy_id            = aws_cloudfront_cache_policy.${cache}.id
    origin_request_policy_id   = aws_cloudfront_origin_request_policy.manifest.id
    response_headers_policy_id = aws_cloudfront_response_headers_policy.files.id

    function_association {
      event_type   = "viewer-request"
      function_arn = aws_cloudfront_function.edge.arn
    }`;
}

function alarmBlocks({ name }: DistributionPlan): string {
  const blocks = alarms.map(
    ({ id, metric, isOfFunction, statistic, threshold, periods, description }) =>
      `resource "aws_cloudwatch_metric_alarm" "${snakeCase(id)}" {
  alarm_name          = "${name}-${id}"
  alarm_description   = ${quoted(description)}
  namespace           = "AWS/CloudFront"
  metric_name         = ${quoted(metric)}
  statistic           = ${quoted(statistic)}
  period              = 300
  evaluation_periods  = ${periods}
  threshold           = ${threshold}
  comparison_operator = "GreaterThanThreshold"
  treat_missing_data  = "notBreaching"
  alarm_actions       = var.alarm_topic_arns

  dimensions = {
    ${
      isOfFunction
        ? `FunctionName = aws_cloudfront_function.edge.name
    Region       = "Global"`
        : `DistributionId = aws_cloudfront_distribution.stagedoor.id
    Region         = "Global"`
    }
  }
}`,
  );
  return blocks.join("\n\n");
}

function snakeCase(id: string): string {
  return id.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toLowerCase();
}

const outputs = `output "distribution_domain_name" {
  value = aws_cloudfront_distribution.stagedoor.domain_name
}

output "store_arn" {
  description = "For the CDN's store in stagedoor.config.json"
  value       = aws_cloudfront_key_value_store.stagedoor.arn
}

output "store_writer_policy_arn" {
  description = "For the user or role that fills the store"
  value       = aws_iam_policy.store_writer.arn
}

output "films_reader_policy_arn" {
  description = "For the user whose access key the media host has"
  value       = aws_iam_policy.films_reader.arn
}

output "log_bucket_name" {
  value = aws_s3_bucket.logs.id
}`;
