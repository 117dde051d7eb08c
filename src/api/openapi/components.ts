import { problemFor, refusalCodes } from "../../http/problems.ts";
import { jsonSchemas, problemExample } from "./answer-schemas.ts";
import type { DescribedRoute } from "./description.ts";

/** What routes are asked with (OpenAPI's security schemes). */
const securitySchemes = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description:
      "A viewer's token: a JWT or an opaque token of an issuer in STAGEDOOR_ISSUERS, a JWT of the identity worker, or a " +
      "session of it (its sign-in's `set-auth-token`). It needs the scope `stream:play`, or the one that the asset names.",
  },
  dpop: {
    type: "http",
    scheme: "dpop",
    description:
      "A viewer's token that is bound to a key, and in the header DPoP a proof of it (RFC 9449), fresh for each request.",
  },
  cookie: {
    type: "apiKey",
    in: "cookie",
    name: "__Host-stagedoor.session_token",
    description:
      "The identity worker's session cookie. For anything but reading it needs the Origin of the API itself or of a site in " +
      "STAGEDOOR_ORIGINS. On localhost its name is without the prefix.",
  },
  grant: {
    type: "apiKey",
    in: "header",
    name: "CTA-Common-Access-Token",
    description:
      "The session's grant, as its start answered with it: beside a credential of the viewer's, never alone.",
  },
  operator: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "An operator's own credential, made by `npx stagedoor operator new`.",
  },
} as const;

/** Each entry is one way to ask; what stands in one entry is needed together. */
export function credentialsOf(asks: DescribedRoute["asks"]): readonly Readonly<Record<string, readonly string[]>>[] {
  switch (asks) {
    case "anybody":
      return [];
    case "viewer":
      return [{ bearer: [] }, { dpop: [] }, { cookie: [] }];
    case "session":
      return [
        { bearer: [], grant: [] },
        { dpop: [], grant: [] },
        { cookie: [], grant: [] },
      ];
    default:
      return asks.map((scope) => ({ operator: [scope] }));
  }
}

const text = { type: "string" } as const;

const headers = {
  "Request-Id": {
    description: "Names the line of the log that says why. A refusal has it.",
    schema: text,
  },
  "WWW-Authenticate": {
    description: "What credential is asked for (RFC 6750 §3, RFC 9449 §7.1).",
    schema: text,
  },
  "Retry-After": { description: "In how many seconds to come back.", schema: { type: "integer" } },
  RateLimit: {
    description: "How the request stands with each rate limit that counted it (draft-ietf-httpapi-ratelimit-headers).",
    schema: text,
  },
  "RateLimit-Policy": { description: "Those limits: how many requests (q) in how many seconds (w).", schema: text },
} as const;

/**
 * The headers of an answer with this status, undefined for what is no refusal. WWW-Authenticate comes where a credential of
 * another kind would help, Retry-After where waiting does.
 */
export function headersOf({ asks, refusals }: DescribedRoute, status: number | undefined) {
  const names: (keyof typeof headers)[] = [];
  if (status !== undefined) names.push("Request-Id");
  if (status === 401 || ((status === 400 || status === 403) && asks !== "anybody")) names.push("WWW-Authenticate");
  if (status === 429 || status === 503) names.push("Retry-After");
  if (refusals.includes("rate_limited")) names.push("RateLimit", "RateLimit-Policy");
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** What the routes refer to. */
export function components() {
  return {
    schemas: jsonSchemas(),
    securitySchemes,
    headers,
    examples: Object.fromEntries(
      refusalCodes.map((code) => [code, { summary: problemFor(code).title, value: problemExample(code) }]),
    ),
  };
}
