import { type CloudFrontUpload, keyGroup, managedPolicies } from "./cloudfront-upload.ts";

/**
 * A shell script for the AWS command line: the public keys, one key group of them, and the cache behaviour's settings
 * with the group's id. It stops at the first refusal, as CloudFront refuses a second key or group of the same name.
 */
export function awsCliScript(uploads: readonly CloudFrontUpload[]): string {
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
    `# Where the group is there already: aws cloudfront get-key-group, then update-key-group with all of its keys.
items=$(printf '"%s",' ${ids.join(" ")})
group=$(aws cloudfront create-key-group --query KeyGroup.Id --output text \\
  --key-group-config ${shellQuoted(groupBefore)}"\${items%,}"${shellQuoted(groupAfter)})`,
    uploads.map(({ kid }, place) => `printf '%s has the id %s\\n' ${shellQuoted(kid)} "$key_${place + 1}"`).join("\n"),
    `# Into the cache behaviour: aws cloudfront get-distribution-config, then update-distribution with these in it.
printf ${shellQuoted(`${JSON.stringify(behaviour, null, 2)}\n`)} "$group"`,
  ].join("\n\n");
}

const groupBefore = `${JSON.stringify({ Name: keyGroup.name, Comment: keyGroup.comment }).slice(0, -1)},"Items":[`;
const groupAfter = "]}";

function createPublicKey({ callerReference, name, comment, pem }: CloudFrontUpload, place: number): string {
  const config = { CallerReference: callerReference, Name: name, Comment: comment, EncodedKey: pem };
  return `key_${place + 1}=$(aws cloudfront create-public-key --query PublicKey.Id --output text \\
  --public-key-config ${shellQuoted(JSON.stringify(config))})`;
}

/** A word that the shell takes as it stands: nothing but its end has a meaning between single quotes (POSIX 2.2.2). */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
