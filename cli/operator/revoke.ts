import { decodeJwt, type JWTPayload } from "jose";
import { operatorIssuer } from "../../src/auth/operator-token.ts";
import { systemClock } from "../../src/base/time.ts";
import { revokedKinds } from "../../src/sessions/blackout.ts";
import { revocationKinds } from "../../src/sessions/revocation.ts";
import {
  type Args,
  type Command,
  checkOneInput,
  endFailed,
  endInvalid,
  endMisused,
  failed,
  type Outcome,
  succeeded,
} from "../lib/command.ts";
import { readTextOrInput } from "../lib/files.ts";
import { callApi, type OperatorApi, operatorApiOf, operatorApiOptions } from "../lib/operator-api.ts";
import { readFuture, readSessionId } from "../lib/text.ts";

/** The largest clock tolerance that an issuer can have: so long after its expiry a token may be accepted. */
const longestTolerance = 300;

/** The target of a revocation, in the form of the body of `POST /operator/revocations`. */
interface RevokeTarget {
  readonly [kind: string]: unknown;
  /** The end of the revocation, if the target has an expiry. */
  readonly until?: number;
}

/** An entry of the list of revocations as `npx stagedoor revocations` prints it: `subject:<digest>`. */
function readEntry(text: string): RevokeTarget {
  const [kind = "", ...rest] = text.split(":");
  const value = rest.join(":");
  if (!revokedKinds.some((one) => one === kind) || value === "")
    return endInvalid(
      "entry",
      text,
      `<kind>:<value> as npx stagedoor revocations prints it; kinds: ${revokedKinds.join(", ")}`,
    );
  return { entry: { kind, value } };
}

const targetOptions = {
  session: { type: "string" },
  subject: { type: "string" },
  token: { type: "string" },
  login: { type: "string" },
  issuer: { type: "string" },
  asset: { type: "string" },
  key: { type: "string" },
  entry: { type: "string" },
} as const;

/** The target that the options name. */
function readTarget(args: Args): RevokeTarget {
  const kinds = [...revocationKinds, "entry"] as const;
  const [kind, ...others] = kinds.filter((name) => args.value(name) !== undefined);
  if (kind === undefined || others.length > 0)
    return endMisused("Give exactly one of --session, --subject, --token, --login, --asset, --key and --entry.");
  const value = args.value(kind) ?? "";
  const issuer = args.value("issuer");
  switch (kind) {
    case "subject":
    case "login":
      if (issuer === undefined) return endMisused(`--${kind} needs --issuer: two issuers may use the same name.`);
      return { [kind]: kind === "subject" ? { issuer, subject: value } : { issuer, sid: value } };
    case "session":
      return { session: readSessionId(value) };
    case "entry":
      return args.flag("lift") ? readEntry(value) : endMisused("--entry needs --lift: it names a revocation to undo.");
    case "token":
      return issuer === undefined ? readTokenFile(value) : { token: { issuer, jti: value } };
    default:
      return { [kind]: value };
  }
}

/**
 * A leaked token, by its issuer and id. Its signature is not checked: an operator can revoke any token. A token as an argument
 * is refused, because other processes and the shell's history can read it.
 */
function readTokenFile(file: string): RevokeTarget {
  if (/^[\w-]{10,}\.[\w-]{10,}\.[\w-]*$/.test(file))
    return endMisused(
      "--token must be a file with the token, - for standard input, or the token's jti with --issuer: a token on the command line can be read by others.",
    );
  const { iss, jti, exp } = claimsOf(readTextOrInput(file, "the token").trim());
  if (typeof iss !== "string" || typeof jti !== "string" || jti === "")
    return endFailed(
      "The token has no iss and jti, so it cannot be revoked alone. Revoke all tokens and sessions of its viewer with --subject <sub> --issuer <iss>: `npx stagedoor token --inspect` shows both.",
    );
  // The sessions that an expired token started may still run.
  const until =
    typeof exp === "number" ? { until: Math.max(Math.ceil(exp) + longestTolerance, systemClock() + 60) } : {};
  return { token: { issuer: iss, jti }, ...until };
}

function claimsOf(token: string): JWTPayload {
  try {
    return decodeJwt(token);
  } catch {
    return endFailed(
      "The token is not a JWT. An opaque token ends with its sign-in session: sign out, or use --login <sid> --issuer <iss> or --subject <sub> --issuer <iss>.",
    );
  }
}

export const revokeCommand: Command = {
  name: "revoke",
  summary: "end sessions, tokens, viewers, assets or keys",
  operands: [],
  options: {
    ...operatorApiOptions,
    ...targetOptions,
    until: { type: "string" },
    reason: { type: "string" },
    lift: { type: "boolean" },
  },
  help: `Revokes one of these, through the API's route /operator/revocations:

  --session <id>                       a playback session
  --subject <sub> --issuer <iss>       a viewer's sessions and bearer tokens up to now; the viewer can sign in again
  --token <file>                       a bearer token, and the sessions that it started; - reads it from standard input.
                                       Also an operator's credential
  --token <jti> --issuer <iss>         the same by its id; the issuer of operators is ${operatorIssuer}
  --login <sid> --issuer <iss>         a sign-in session: its tokens, and the playback sessions that they started
  --asset <id>                         an asset, for all viewers
  --key <kid>                          a leaked session or operator key: all its signatures are refused

  --until <time>                       the end of the revocation: +30d, 2027-01-01T00:00:00Z. It lasts at least a week.
                                       Without it a session is revoked for a week, the longest lifetime of a session; a token
                                       in a file until it expires; everything else until --lift. A viewer whose tokens have no
                                       iat (time of issue) cannot play until then
                                       A place in which an asset must not be played: npx stagedoor assets blackout
  --reason <text>                      why, in one line; other operators see it with your name (npx stagedoor revocations)
  --lift                               undo the revocation
  --entry <kind>:<value> --lift        undo one of npx stagedoor revocations
  --api <url>                          the API, with its base path (http://localhost:8787)
  --bearer <file>                      an operator's credential with the scope operator:revoke, for --key operator:keys
                                       (npx stagedoor operator new); - reads it from standard input.
                                       For a local API the ring's own operator key signs one
  --ring <file>                        the key ring with that key (.stagedoor/keys.json of the project)`,
  run: async (args) => {
    checkOneInput(args, ["token", "bearer"]);
    const until = args.value("until");
    const body = {
      ...readTarget(args),
      ...(until !== undefined && { until: readFuture("until", until) }),
      ...(args.value("reason") !== undefined && { reason: args.value("reason") }),
      ...(args.flag("lift") && { lift: true }),
    };
    const isKey = args.value("key") !== undefined || args.value("entry")?.startsWith("key:") === true;
    const scope = isKey ? "operator:keys" : "operator:revoke";
    return sendRevocation(await operatorApiOf(args, scope), body);
  },
};

/** The API's value for a revocation that lasts until it is lifted. */
const untilLifted = "9999-12-31T23:59:59Z";

export async function sendRevocation(api: OperatorApi, request: object): Promise<Outcome> {
  const response = await callApi(api, "POST", "/operator/revocations", request);
  const { body } = response;
  if (!response.ok) return failed(response.message, { ...body });
  const { revoked, until } = body;
  if (until === undefined) return succeeded(`The revocation of the ${revoked} was lifted.`, body);
  const warning =
    body.known === false
      ? `No such ${revoked === "blackout" ? "asset" : revoked} is known now: check the spelling.`
      : undefined;
  const end = until === untilLifted ? "you lift the revocation with --lift" : until;
  return succeeded(
    `The ${revoked} is ${revoked === "blackout" ? "in force" : "revoked"}. The edge refuses it within two seconds, a CloudFront Function in about 20, until ${end}.`,
    body,
    warning,
  );
}
