import { type OperatorScope, operatorIssuer, operatorScopes } from "../../src/auth/operator-token.ts";
import { rfc3339 } from "../../src/base/time.ts";
import { type Args, type Command, endInvalid, endMisused, type Outcome, succeeded } from "../lib/command.ts";
import { ringFileOf, ringOption, shortName } from "../lib/files.ts";
import { withGitWarning } from "../lib/git-ignored.ts";
import { issueCredential, readDays, readOut, uploadStep, writeCredential } from "../lib/ring-credential.ts";

export const operatorNewCommand: Command = {
  name: "operator new",
  summary: "issue an operator's credential",
  operands: [],
  options: {
    ...ringOption,
    name: { type: "string" },
    scope: { type: "string", multiple: true },
    days: { type: "string" },
    out: { type: "string" },
  },
  help: `Issues an operator's credential: a JWT that the API accepts as a bearer token on the operators' routes only. It is signed
with the ring's operator key, which is created if there is none. Anyone with the output file can act as this operator:
only you can read the file.

  --name <name>        the operator's name, used to revoke the credential: A-Z a-z 0-9 . _ @ -
  --scope <scope>      a permission; repeatable (operator:read and operator:revoke):
                       operator:read    read sessions, refusals, keys and the catalog
                       operator:revoke  revoke sessions, viewers, tokens, logins and assets
                       operator:keys    revoke keys, and everything that they signed
                       operator:assets  change the catalog
  --days <number>      its lifetime, at most 366 (90)
  --out <file>         the output file; - prints it (operator-<name>.jwt next to the ring)
  --ring <file>        the key ring (.stagedoor/keys.json of the project)`,
  run: async (args) => {
    const name = args.value("name") ?? endMisused("--name is missing: give the operator's name, --name <name>.");
    if (!/^[A-Za-z0-9._@-]{1,64}$/.test(name)) endInvalid("name", name, "1 to 64 characters of A-Z a-z 0-9 . _ @ -");
    const scopes = readScopes(args);
    const lifetime = readDays(args.value("days") ?? "90");
    const ringFile = ringFileOf(args);
    const out = readOut(args, ringFile, `operator-${name}.jwt`);
    const scope = scopes.join(" ");
    const issued = await issueCredential(args, ringFile, "operator", { issuer: operatorIssuer, name, scope, lifetime });
    const { token, tokenId, kid, expiresAt, keyMade } = issued;
    const about = { name, scope, tokenId, kid, expiresAt: rfc3339(expiresAt), keyMade };
    const next = uploadStep(ringFile, kid, keyMade);
    if (out === "-") return withGitWarning(succeeded(token, { ...about, token }, next), [ringFile]);
    writeCredential(out, token);
    return withGitWarning(writtenOutcome(out, { ...about, file: out }, next), [out, ringFile]);
  },
};

function writtenOutcome(
  out: string,
  about: { readonly [member: string]: unknown; scope: string },
  next: string,
): Outcome {
  const { name, scope, tokenId, expiresAt } = about;
  return succeeded(
    `${name}  (${scope}) until ${expiresAt}, written to ${shortName(out)}
Its id is ${tokenId}: \`npx stagedoor revoke --token ${shortName(out)}\` revokes it.

${next}
Then, for example: npx stagedoor revoke --session <id> --bearer ${shortName(out)}`,
    about,
  );
}

function readScopes(args: Args): readonly OperatorScope[] {
  const names = args.values("scope").flatMap((text) => text.split(/[\s,]+/).filter((word) => word !== ""));
  if (args.values("scope").length === 0) return ["operator:read", "operator:revoke"];
  const scopes = operatorScopes.filter((scope) => names.includes(scope));
  return scopes.length > 0 && scopes.length === new Set(names).size
    ? scopes
    : endInvalid("scope", names.join(" "), operatorScopes.join(", "));
}
