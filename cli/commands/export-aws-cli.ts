import { type CloudFrontUpload, keyGroupComment, managedPolicies } from "./cloudfront-upload.ts";

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

/** A word that the shell takes as it stands: nothing but its end has a meaning between single quotes (POSIX 2.2.2). */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
