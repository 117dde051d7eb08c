import { readFileSync } from "node:fs";
import { decodeJwt, type JWTPayload } from "jose";
import { operatorIssuer } from "../../src/auth/operator-token.ts";
import { type Command, endFailed, endMisused, failed, type Given, good, type Outcome } from "../lib/command.ts";
import { readText } from "../lib/files.ts";
import { askApi, type OperatorApi, operatorApiOf, operatorApiOptions } from "../lib/operator-api.ts";
import { readTime } from "../lib/text.ts";

/** How far an issuer's clock may be off at most: for so long after its end a token may be taken. */
const longestTolerance = 300;

/** What is to be revoked, as the members of the body of `POST /operator/revocations`. */
interface RevokeTarget {
  readonly [kind: string]: unknown;
  /** Until when at least, where what is revoked says itself how long it lasts. */
  readonly until?: number;
}

const targetOptions = {
  session: { type: "string" },
  subject: { type: "string" },
  token: { type: "string" },
  login: { type: "string" },
  issuer: { type: "string" },
  asset: { type: "string" },
  key: { type: "string" },
} as const;

/** The one thing that the command line names. */
function readRevokeTarget(given: Given): RevokeTarget {
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
 * A leaked token, by its issuer and id. Its signature is not checked: an operator may revoke any token. It is never given
 * on the command line, where every process of the machine and the shell's history could read it.
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

export const revokeCommand: Command = {
  name: "revoke",
  summary: "end sessions before their time, everywhere within two seconds",
  operands: [],
  options: {
    ...operatorApiOptions,
    ...targetOptions,
    until: { type: "string" },
    lift: { type: "boolean" },
  },
  help: `Forbids what the media host would serve, by asking the API's /operator/revocations. Name one:

  --session <id>                       one playback session
  --subject <sub> --issuer <iss>       a viewer's sessions and bearer tokens so far; they can sign in again
  --token <file>                       a bearer token and the sessions that it started; - reads it from standard input.
                                       An operator's too: its issuer is ${operatorIssuer}
  --token <jti> --issuer <iss>         the same by its id
  --login <sid> --issuer <iss>         a session of sign-in: its tokens and the playback sessions that came from it
  --asset <id>                         an asset, for everybody
  --key <kid>                          a session or operator key that has leaked: nothing that it signed is taken

  --until <time>                       until then, and for a week at least: +30d, 2027-01-01T00:00:00Z. Without it a session is
                                       revoked for a week, when the longest has ended; a token in a file until it expires;
                                       everything else until --lift. A viewer whose tokens do not say when they were issued
                                       (iat) stays out until then
  --lift                               takes it back
  --api <url>                          the API, with its base path (http://localhost:8787)
  --bearer <file>                      an operator's credential with the scope operator:revoke, for --key operator:keys,
                                       which npx stagedoor operator new makes; - reads it from standard input.
                                       The local API takes one of the ring's own operator key, made without it.
  --ring <file>                        the key ring with that key`,
  run: async (given) => {
    if (given.one("token") === "-" && given.one("bearer") === "-")
      endMisused("Standard input holds one of them alone: put the token or the credential into a file.");
    const until = given.one("until");
    const body = {
      ...readRevokeTarget(given),
      ...(until !== undefined && { until: readTime("until", until) }),
      ...(given.on("lift") && { lift: true }),
    };
    const scope = given.one("key") === undefined ? "operator:revoke" : "operator:keys";
    return ask(await operatorApiOf(given, scope), body);
  },
};

/** How the API writes the end of what stays until it is lifted. */
const forGood = "9999-12-31T23:59:59Z";

async function ask(api: OperatorApi, body: object): Promise<Outcome> {
  const asked = await askApi(api, "POST", "/operator/revocations", body);
  const { answer } = asked;
  if (!asked.ok) return failed(asked.message, { ...answer });
  const { revoked, until } = answer;
  if (until === undefined) return good(`The ${revoked} is free again.`, answer);
  const warning = answer.known === false ? `There is no such ${revoked} now: check how it is spelt.` : undefined;
  const end = until === forGood ? "--lift takes it back" : until;
  return good(`The ${revoked} is revoked. The edge refuses it within two seconds, until ${end}.`, answer, warning);
}
