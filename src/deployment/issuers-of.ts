import { isObject } from "../base/body-text.ts";

/** Has the form of every secret of an issuer, base64url of 64 bytes, where entries are checked without their values. */
export const stubSecret = "A".repeat(86);

type Written = readonly Readonly<Record<string, unknown>>[];

/**
 * The issuers with the values of their secrets in place of references. `secretOf` returns undefined for an unknown name, and the
 * reference stays.
 */
export function issuersWith(issuers: Written, secretOf: (name: string) => string | undefined): readonly unknown[] {
  const replaced = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(replaced);
    if (!isObject(value)) return value;
    const name = referenceIn(value);
    if (name !== undefined) return secretOf(name) ?? value;
    return Object.fromEntries(Object.entries(value).map(([member, inner]) => [member, replaced(inner)]));
  };
  return issuers.map(replaced);
}

/** The names of the secrets that the issuers refer to, and the places of secrets that are written inline. */
export function secretReferences(issuers: Written): {
  readonly names: readonly string[];
  readonly inline: readonly (readonly PropertyKey[])[];
} {
  const names = new Set<string>();
  const inline: (readonly PropertyKey[])[] = [];
  issuersWith(issuers, (name) => {
    names.add(name);
    return undefined;
  });
  issuers.forEach((issuer, index) => {
    const { introspection, jwks } = issuer;
    if (isObject(introspection) && typeof introspection.clientSecret === "string")
      inline.push([index, "introspection", "clientSecret"]);
    const keys = isObject(jwks) && Array.isArray(jwks.keys) ? jwks.keys : [];
    keys.forEach((key: unknown, at) => {
      // `k` is the secret of an HMAC key (RFC 7518 §6.4.1), `d` the private half of a key pair.
      for (const member of ["k", "d"])
        if (isObject(key) && typeof key[member] === "string") inline.push([index, "jwks", "keys", at, member]);
    });
  });
  return { names: [...names], inline };
}

function referenceIn(value: Readonly<Record<string, unknown>>): string | undefined {
  const { secret, ...others } = value;
  return typeof secret === "string" && Object.keys(others).length === 0 ? secret : undefined;
}
