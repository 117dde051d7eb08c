import * as z from "zod";
import type { RefusalCode } from "../../base/result.ts";
import { problemFor, refusalCodes } from "../../http/problems.ts";
import type { NamedSchema, RouteDescription } from "../../http/route.ts";

const securitySchemes = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description:
      "A viewer's token: a JWT or opaque token of an issuer in STAGEDOOR_ISSUERS, a JWT of the identity worker, or one of its " +
      "session tokens (`set-auth-token` of the sign-in). It needs the scope `stream:play`, or the one that the asset names.",
  },
  dpop: {
    type: "http",
    scheme: "dpop",
    description: "A key-bound token, with a fresh proof for each request in the header DPoP (RFC 9449).",
  },
  cookie: {
    type: "apiKey",
    in: "cookie",
    name: "__Host-stagedoor.session_token",
    description:
      "The identity worker's session cookie. Requests that change something also need the Origin of the API or of a site in " +
      "STAGEDOOR_ORIGINS. On localhost the name has no prefix.",
  },
  grant: {
    type: "apiKey",
    in: "header",
    name: "CTA-Common-Access-Token",
    description: "The grant from the session's start, in addition to the viewer's credential.",
  },
  backend: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description:
      "A web backend's credential, issued by `npx stagedoor backend new`. It names the viewer in the body's `viewer`, or in the " +
      "header Stagedoor-Subject. No page may read the response, and a request with the header Origin is refused.",
  },
  operator: {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
    description: "An operator's credential, issued by `npx stagedoor operator new`.",
  },
} as const;

/** Alternatives; the schemes within one entry are required together. */
export function securityOf(access: RouteDescription["access"]): readonly Readonly<Record<string, readonly string[]>>[] {
  switch (access) {
    case "public":
      return [];
    case "viewer":
      return [{ bearer: [] }, { dpop: [] }, { cookie: [] }, { backend: [] }];
    case "session":
      return [{ bearer: [], grant: [] }, { dpop: [], grant: [] }, { cookie: [], grant: [] }, { backend: [] }];
    default:
      return access.map((scope) => ({ operator: [scope] }));
  }
}

const text = { type: "string" } as const;

const headers = {
  "Request-Id": { description: "Identifies the log line of this refusal.", schema: text },
  "Stagedoor-Refusal": {
    description: "The code of the refusal, for players that cannot read the body.",
    schema: { enum: refusalCodes },
  },
  "WWW-Authenticate": { description: "The required credential (RFC 6750 §3, RFC 9449 §7.1).", schema: text },
  "Retry-After": { description: "Seconds to wait before a retry.", schema: { type: "integer" } },
  RateLimit: {
    description: "The remaining quota of each rate limit (draft-ietf-httpapi-ratelimit-headers).",
    schema: text,
  },
  "RateLimit-Policy": { description: "Each rate limit: the quota (q) per window in seconds (w).", schema: text },
} as const;

/** The headers of a response. `status` is undefined for a success. */
export function headersOf({ access, refusals }: RouteDescription, status: number | undefined) {
  const names: (keyof typeof headers)[] = [];
  if (status !== undefined) names.push("Request-Id", "Stagedoor-Refusal");
  if (status === 401 || ((status === 400 || status === 403) && access !== "public")) names.push("WWW-Authenticate");
  if (status === 429 || status === 503) names.push("Retry-After");
  if (refusals.includes("rate_limited")) names.push("RateLimit", "RateLimit-Policy");
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

const time = z.iso.datetime();

/** Problem details as `http/problem-response.ts` writes them (RFC 9457). */
export const problemSchema = z.strictObject({
  type: z.string().describe("`urn:stagedoor:problem:` and the code."),
  title: z.string().describe("The same for every refusal with this code."),
  status: z.int(),
  code: z.enum(refusalCodes).describe("Stable. Programs should read this member."),
  detail: z.string().describe("What to do about it."),
  running: z
    .array(z.strictObject({ sessionId: z.string(), asset: z.string(), startedAt: time, lastSeenAt: time }))
    .optional()
    .describe("With stream_limit: the viewer's own running sessions."),
  faults: z
    .array(z.string())
    .optional()
    .describe(
      "The errors of the request, if the client can fix them: each begins with the name of a member, parameter or header.",
    ),
});

/** The problem for a code, without the members that only some codes have. */
export function problemExample(code: RefusalCode) {
  const { status, title, detail } = problemFor(code);
  return { type: `urn:stagedoor:problem:${code}`, title, status, code, detail };
}

/** A JSON Schema (draft 2020-12), as OpenAPI 3.1 uses it. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A later version may add members to a response, so generated clients must not refuse them. */
function allowNewMembers({ jsonSchema }: { readonly jsonSchema: { additionalProperties?: unknown } }): void {
  if (jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
}

function jsonSchemas(routes: readonly RouteDescription[]): Readonly<Record<string, JsonSchema>> {
  const bodies = routes.flatMap(({ body }) => body ?? []);
  const responses = routes.flatMap(({ response, otherResponse }) =>
    [response.body ?? [], otherResponse?.body ?? []].flat(),
  );
  const convert = (schemas: readonly NamedSchema[], io: "input" | "output") =>
    schemas.map(({ name, schema }) => {
      const override = io === "output" ? allowNewMembers : () => undefined;
      const { $schema, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: "any", override });
      return [name, rest] as const;
    });
  const problem = { name: "Problem", schema: problemSchema };
  return Object.fromEntries([...convert(bodies, "input"), ...convert([...responses, problem], "output")]);
}

export function components(routes: readonly RouteDescription[]) {
  return {
    schemas: jsonSchemas(routes),
    securitySchemes,
    headers,
    examples: Object.fromEntries(
      refusalCodes.map((code) => [code, { summary: problemFor(code).title, value: problemExample(code) }]),
    ),
  };
}
