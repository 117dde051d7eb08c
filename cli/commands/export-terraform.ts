import { type CloudFrontUpload, keyGroupComment, managedPolicies } from "./cloudfront-upload.ts";

/**
 * Terraform configuration (HCL) with the public keys, one key group of them, and, as a comment, the block that a
 * distribution takes: it cannot stand alone. The provider keeps each key in its state, and makes no second one; one that
 * CloudFront had before is in the group by its id.
 */
export function terraformConfiguration(uploads: readonly CloudFrontUpload[], group: string): string {
  const name = group.replaceAll("-", "_");
  const made = uploads.filter(({ known }) => known !== "imported");
  const parts = [...made.map(publicKey), keyGroup(uploads, group, name), outputs(uploads, name), behaviour(name)];
  return parts.join("\n\n");
}

/** The heredoc keeps the line break at the PEM's end; without it the provider replaces the key at every apply. */
function publicKey(upload: CloudFrontUpload): string {
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
) => `# Into your aws_cloudfront_distribution, with its own path and origin; the same lines but for
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
