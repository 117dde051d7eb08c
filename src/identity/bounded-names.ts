import type { BetterAuthPlugin } from "better-auth";
import { APIError, createAuthMiddleware } from "better-auth/api";

/** Maximum length of what a client names, in UTF-16 code units: each of these becomes a column of a row. */
const longest: Readonly<Record<string, number>> = {
  name: 256,
  /** RFC 5321 §4.5.3.1.3: 256 octets with the angle brackets. */
  email: 254,
  newEmail: 254,
};

/** The same for every other string of a body: an address of a picture, a token, a URL to go to. */
const longestOther = 2048;

/** A User-Agent goes into the row of each session, for the list of sessions. Nothing depends on its end. */
const longestUserAgent = 256;

/**
 * Bounds what clients name before it becomes a row or a question to the database: the library accepts a name of any length.
 * 400 `NAME_TOO_LONG`; a long User-Agent is cut.
 */
export function boundedNames(): BetterAuthPlugin {
  const handler = createAuthMiddleware(async ({ body }) => {
    for (const [member, value] of Object.entries(Object(body)))
      if (!isBounded(value, longest[member] ?? longestOther))
        // Its name was sent by the client as well, so the message does not repeat it.
        throw new APIError("BAD_REQUEST", { code: "NAME_TOO_LONG", message: "A member of the body is too long." });
  });
  return {
    id: "stagedoor-names",
    init: () => ({ options: { databaseHooks: { session: { create: { before: withShortUserAgent } } } } }),
    hooks: { before: [{ matcher: () => true, handler }] },
  };
}

/** A list or an object is as long as its JSON: no route needs one. */
function isBounded(value: unknown, length: number): boolean {
  if (typeof value === "string") return value.length <= length;
  return typeof value !== "object" || value === null || JSON.stringify(value).length <= length;
}

async function withShortUserAgent({ userAgent }: { readonly userAgent?: string | null | undefined }) {
  return { data: { userAgent: userAgent?.slice(0, longestUserAgent) } };
}
