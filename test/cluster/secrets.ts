/** The prefix of every password in the tests, so that the logs can be searched for all of them. */
export const testPassword = "marked-password-of-a-test";

/** Patterns of secrets that no log may contain, each matched against the whole line. */
const patterns: Readonly<Record<string, RegExp>> = {
  "a token": /eyJ[\w-]{8,}\.[\w.-]*/g,
  // The first bytes of every Common Access Token, tags 61 and 17, in base64url.
  "a grant": /2D3R[\w-]{20,}/g,
  "a signature": /\b(?:seg|list|key)=\d+\.[\w-]*/g,
  "a CloudFront signature or policy": /\b(?:Signature|Policy)=[\w~-]{16,}/g,
  "a session cookie": /session_token(?:=|%3D)[^\s;"\\]*/gi,
  // The random strings of better-auth: session tokens, signed or not, refresh tokens and codes. Hashes have other
  // lengths or are hex.
  "a token of the identity worker": /(?<![\w-])(?=[A-Za-z0-9]*[a-z])(?=[A-Za-z0-9]*[A-Z])[A-Za-z0-9]{32}(?![\w-])/g,
  "a password": new RegExp(`${testPassword}[^"\\\\]*`, "g"),
  "a password's field": /\\?"(?:newP|currentP|p)assword\\?"\s*:/g,
  "a private key": /\\?"(?:d|k|p|q|dp|dq|qi)\\?"\s*:\s*\\?"[\w-]{8,}|-----BEGIN[ A-Z]* PRIVATE KEY/g,
  "an identity": /\bviewer-[0-9a-f]{8}-[0-9a-f-]+|[\w.+-]+@[\w-]+\.(?:example|test)\b/g,
  "a credential": /\b(?:Bearer|DPoP|Basic) [\w.~+/-]{8,}=*/gi,
};

/** The kinds of secrets in a line. `secrets` are further texts that no log may contain. */
export function secretsIn(line: string, secrets: Iterable<string> = []): readonly string[] {
  const kinds = Object.keys(patterns).filter((kind) => line.search(patterns[kind] ?? "") >= 0);
  return [...secrets].some((secret) => line.includes(secret)) ? [...kinds, "a secret of the cluster's"] : kinds;
}

/** The line without its secrets. */
export function withoutSecrets(line: string, secrets: Iterable<string> = []): string {
  let clean = line;
  for (const secret of secrets) clean = clean.replaceAll(secret, "[…]");
  for (const pattern of Object.values(patterns)) clean = clean.replaceAll(pattern, "[…]");
  return clean;
}
