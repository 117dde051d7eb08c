/** The start of a value that is still to be filled in, such as `fill-in-production-kv-id`. */
export const placeholderStart = "fill-in-";

/** What `npx stagedoor init` writes where only the operator knows the value: {@link isPlaceholder} recognises each. */
export const placeholders = {
  domain: "example.com",
  cdnHost: "cdn.example.com",
  originUrl: "https://origin.example.com/",
  s3Bucket: `${placeholderStart}bucket`,
  issuer: {
    issuer: "https://id.example.com/",
    audience: `${placeholderStart}audience`,
    algorithms: ["RS256"],
    jwksUri: "https://id.example.com/.well-known/jwks.json",
  },
  storeId: (environment: string, store: "kv" | "d1") => `${placeholderStart}${environment}-${store}-id`,
} as const;

/** A name for documents (RFC 2606 §3), which no deployment can have: `media.example.com/*`, `a@example.org`, `EXAMPLE.NET:8443`. */
const exampleHost = /(?<![a-z0-9-])example\.(?:com|net|org)(?![a-z0-9-]|\.[a-z0-9])/i;

/** Whether a value of a deployment's file, or of a wrangler.toml, is still to be filled in. */
export function isPlaceholder(value: string): boolean {
  return value.startsWith(placeholderStart) || exampleHost.test(value);
}
