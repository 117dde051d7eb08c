import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type OperatorScope, operatorScopes } from "../../src/auth/operator-token.ts";
import { after, rfc3339, type Seconds, seconds, systemClock, type UnixSeconds } from "../../src/base/time.ts";
import { type OperatorKey, operatorKeySchema } from "../../src/keys/key.ts";
import { keysFor } from "../../src/keys/ring.ts";
import { introduced, longestHold } from "../../src/keys/rotation.ts";
import { type Args, type Command, endFailed, endInvalid, endMisused, type Outcome, succeeded } from "../lib/command.ts";
import { devRingFile, readRing, reasonOf, ringFileOf, ringOption, shortName } from "../lib/files.ts";
import { makeKey, newKid } from "../lib/make-key.ts";
import { operatorSigningKey, signOperatorToken } from "../lib/operator-api.ts";
import { changeRing, uploadCommand } from "../lib/ring-file.ts";

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
    const out = args.value("out") ?? join(dirname(ringFile), `operator-${name}.jwt`);
    if (out !== "-" && existsSync(out))
      endFailed(`${shortName(out)} exists already: delete it, or name another file with --out.`);
    const { key, isNew } = await signingKeyOf(args, ringFile);
    const { token, tokenId, kid, expiresAt } = await signOperatorToken(key, { name, scopes, lifetime });
    await recordExpiry(ringFile, kid, expiresAt);
    const about = { name, scope: scopes.join(" "), tokenId, kid, expiresAt: rfc3339(expiresAt), keyMade: isNew };
    const next = nextStep(ringFile, kid, isNew);
    if (out === "-") return succeeded(token, { ...about, token }, next);
    writeToken(out, token);
    return writtenOutcome(out, { ...about, file: out }, next);
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

function readDays(text: string): Seconds {
  const days = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return days >= 1 && days <= 366 ? seconds(days * 86_400) : endInvalid("days", text, "a number from 1 to 366");
}

async function signingKeyOf(args: Args, file: string): Promise<{ readonly key: OperatorKey; readonly isNew: boolean }> {
  const missing = args.value("ring") !== undefined && !existsSync(file);
  const ring = missing ? { keys: [] } : await readRing(args);
  const key = operatorSigningKey(ring);
  if (key !== undefined) return { key, isNew: false };
  if (keysFor(ring, "operator").length > 0)
    return endFailed(
      `${shortName(file)} has no operator key that can sign now: the ring has only public halves, or its keys are not yet or no longer valid. Use the ring with the private halves, or add a key with \`npx stagedoor keys new --purpose operator\`.`,
    );
  const now = systemClock();
  const newKey = await makeKey("operator", newKid("operator", file), now);
  const added = await changeRing(file, async ({ keys }) => {
    const all = introduced(keys, newKey, "operator", now);
    return { keys: all, result: all.at(-1) };
  });
  return { key: operatorKeySchema.parse(added), isNew: true };
}

/** Records a credential's expiry before it is issued, so that `keys rotate` does not retire the key earlier. */
async function recordExpiry(file: string, kid: string, expiresAt: UnixSeconds): Promise<void> {
  // A key without a recorded expiry may have signed a credential with the longest lifetime in an earlier version.
  const latest = after(systemClock(), longestHold("operator", seconds(0)));
  await changeRing(file, async ({ keys }) => {
    const index = keys.findIndex((key) => key.purpose === "operator" && key.kid === kid);
    const key = keys[index];
    if (key?.purpose !== "operator" || (key.signedUntil ?? 0) >= expiresAt) return { keys, result: undefined };
    const signedUntil = Math.max(key.signedUntil ?? latest, expiresAt);
    return { keys: keys.with(index, { ...key, signedUntil }), result: undefined };
  });
}

/** Creates the file with mode 0600 in one step, so that other users can never read it. */
function writeToken(file: string, token: string): void {
  try {
    writeFileSync(file, `${token}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    endFailed(`${shortName(file)} cannot be written: ${reasonOf(error)}.`);
  }
}

function nextStep(file: string, kid: string, isNew: boolean): string {
  if (file === devRingFile) return "Only the API of `npm start` accepts this credential.";
  return isNew
    ? `Next: upload the public half of the new key ${kid} to the API:\n${uploadCommand(file)}`
    : `The API accepts it if it has the public half of the key ${kid}. To upload it:\n${uploadCommand(file)}`;
}
