import { readFileSync } from "node:fs";
import { decodeJwt, type JWTPayload } from "jose";
import type { Given } from "./command.ts";
import { readText } from "./files.ts";
import { endFailed, endMisused } from "./outcome.ts";

/** How far an issuer's clock may be off at most: for so long after its end a token may be taken. */
const longestTolerance = 300;

/** What is to be revoked, as the members of the body of `POST /operator/revocations`. */
export interface RevokeTarget {
  readonly [kind: string]: unknown;
  /** Until when at least, where what is revoked says itself how long it lasts. */
  readonly until?: number;
}

export const targetOptions = {
  session: { type: "string" },
  subject: { type: "string" },
  token: { type: "string" },
  login: { type: "string" },
  issuer: { type: "string" },
  asset: { type: "string" },
  key: { type: "string" },
} as const;

/** The one thing that the command line names. */
export function readTarget(given: Given): RevokeTarget {
  const kinds = ["session", "subject", "token", "login", "asset", "key"] as const;
  const [kind, ...others] = kinds.filter((name) => given.one(name) !== undefined);
  if (kind === undefined || others.length > 0)
    return endMisused("Name one of --session, --subject, --token, --login, --asset and --key.");
  const value = given.one(kind) ?? "";
  const issuer = given.one("issuer");
  switch (kind) {
    case "subject":
    case "login":
      if (issuer === undefined) return endMisused(`--${kind} needs --issuer: two issuers may use the same name.`);
      return { [kind]: kind === "subject" ? { issuer, subject: value } : { issuer, sid: value } };
    case "token":
      return issuer === undefined ? wholeToken(value) : { token: { issuer, jti: value } };
    default:
      return { [kind]: value };
  }
}

/**
 * A token that was found somewhere, by its issuer and id. Nobody checks its signature: who may revoke may revoke what he
 * likes. It never stands on the command line, where every process of the machine and the shell's history could read it.
 */
function wholeToken(file: string): RevokeTarget {
  if (/^[\w-]{10,}\.[\w-]{10,}\.[\w-]*$/.test(file))
    return endMisused(
      "--token takes a file with the token, or - for standard input, or its jti with --issuer: a token on the command line can be read by others.",
    );
  const text = file === "-" ? readFileSync(0, "utf8") : readText(file, "the token");
  const { iss, jti, exp } = claimsOf(text.trim());
  if (typeof iss !== "string" || typeof jti !== "string" || jti === "")
    return endFailed(
      "The token has no iss and jti, so it has no name to revoke it by. End all that its viewer has with --subject <sub> --issuer <iss>: `npx stagedoor explain` shows both.",
    );
  const until = typeof exp === "number" ? { until: Math.ceil(exp) + longestTolerance } : {};
  return { token: { issuer: iss, jti }, ...until };
}

function claimsOf(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch {
    return endFailed(
      "That is no JWT. An opaque token ends with its session: sign out, or use --login <sid> --issuer <iss> or --subject <sub> --issuer <iss>.",
    );
  }
}
