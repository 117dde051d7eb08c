const parameter = "access_token";

/**
 * Whether a token came where none is taken: as `access_token` in the query (RFC 6750 §2.3), where it ends up in logs and
 * histories, or in the body (§2.2), be that a form or JSON. RFC 6750 §2 leaves it to a resource which methods it takes
 * beside the header; here it is the header alone.
 */
export function hasStrayToken(url: string, body: string | undefined): boolean {
  const question = url.indexOf("?");
  if (question >= 0 && new URLSearchParams(url.slice(question + 1)).has(parameter)) return true;
  // The flows read JSON whatever Content-Type says, so what it says does not matter here either.
  return body !== undefined && body !== "" && (inJson(body) ?? new URLSearchParams(body.trim()).has(parameter));
}

/** Undefined where the body is no JSON. */
function inJson(body: string): boolean | undefined {
  try {
    const document: unknown = JSON.parse(body);
    return typeof document === "object" && document !== null && Object.hasOwn(document, parameter);
  } catch {
    return undefined;
  }
}
