import { existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type OperatorScope, operatorScopes } from "../../src/auth/operator-token.ts";
import { after, rfc3339, type Seconds, seconds, systemClock, type UnixSeconds } from "../../src/base/time.ts";
import { type OperatorKey, operatorKeySchema } from "../../src/keys/key.ts";
import { keysFor } from "../../src/keys/ring.ts";
import { introduced, longestHold } from "../../src/keys/rotation.ts";
import { type Command, endFailed, endMisused, type Given, good, type Outcome } from "../lib/command.ts";
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
with the ring's operator key, which is created if there is none. Anyone with the file can act as this operator: only you
can read the file, and the command does not print it.

  --name <name>        the operator's name, by which the credential can be revoked: A-Z a-z 0-9 . _ @ -
  --scope <scope>      a permission; repeatable (operator:read and operator:revoke):
                       operator:read    read sessions, refusals, keys and the catalog
                       operator:revoke  revoke sessions, viewers, tokens, logins and assets
                       operator:keys    revoke keys, and with each everything it signed
                       operator:assets  change the catalog
  --days <number>      its lifetime, at most 366 (90)
  --out <file>         the output file; - prints it (operator-<name>.jwt next to the ring)
  --ring <file>        the key ring (.stagedoor/keys.json of the project)`,
  run: async (given) => {
    const name = given.one("name") ?? endMisused("Name the operator: --name <name>.");
    if (!/^[A-Za-z0-9._@-]{1,64}$/.test(name)) endMisused("--name takes 1 to 64 characters of A-Z a-z 0-9 . _ @ -.");
    const scopes = readScopes(given);
    const lifetime = readDays(given.one("days") ?? "90");
    const ringFile = ringFileOf(given);
    const out = given.one("out") ?? join(dirname(ringFile), `operator-${name}.jwt`);
    if (out !== "-" && existsSync(out))
      endFailed(`${shortName(out)} exists already: name another file with --out, or delete it.`);
    const { key, isNew } = await signingKeyOf(given, ringFile);
    const { token, tokenId, kid, expiresAt } = await signOperatorToken(key, { name, scopes, lifetime });
    await recordSigned(ringFile, kid, expiresAt);
    const about = { name, scope: scopes.join(" "), tokenId, kid, expiresAt: rfc3339(expiresAt), keyMade: isNew };
    const next = nextSteps(ringFile, kid, isNew);
    if (out === "-") return good(token, { ...about, token }, next);
    write(out, token);
    return written(out, { ...about, file: out }, next);
  },
};

function written(out: string, about: { readonly [member: string]: unknown; scope: string }, next: string): Outcome {
  const { name, scope, tokenId, expiresAt } = about;
  return good(
    `${name}  (${scope}) until ${expiresAt}, written to ${shortName(out)}
Its id is ${tokenId}: \`npx stagedoor revoke --token ${shortName(out)}\` revokes it.

${next}
Then, for example: npx stagedoor revoke --session <id> --bearer ${shortName(out)}`,
    about,
  );
}

function readScopes(given: Given): readonly OperatorScope[] {
  const asked = given.all("scope").flatMap((text) => text.split(/[\s,]+/).filter((word) => word !== ""));
  if (given.all("scope").length === 0) return ["operator:read", "operator:revoke"];
  const known = operatorScopes.filter((scope) => asked.includes(scope));
  return known.length > 0 && known.length === new Set(asked).size
    ? known
    : endMisused(`--scope takes ${operatorScopes.join(", ")}.`);
}

function readDays(text: string): Seconds {
  const days = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return days >= 1 && days <= 366 ? seconds(days * 86_400) : endMisused("--days takes a number from 1 to 366.");
}

async function signingKeyOf(
  given: Given,
  file: string,
): Promise<{ readonly key: OperatorKey; readonly isNew: boolean }> {
  const missing = given.one("ring") !== undefined && !existsSync(file);
  const ring = missing ? { keys: [] } : await readRing(given);
  const key = operatorSigningKey(ring);
  if (key !== undefined) return { key, isNew: false };
  if (keysFor(ring, "operator").length > 0)
    return endFailed(
      `No operator key of ${shortName(file)} signs now: it holds public halves alone, or their time has not come or has run out. Use the ring with the private halves, or add a key with \`npx stagedoor keys new --purpose operator\`.`,
    );
  const now = systemClock();
  const made = await makeKey("operator", newKid("operator", file), now);
  const added = await changeRing(file, async ({ keys }) => {
    const all = introduced(keys, made, "operator", now);
    return { keys: all, result: all.at(-1) };
  });
  return { key: operatorKeySchema.parse(added), isNew: true };
}

/** Before the credential is handed out: `keys rotate` retires its key no sooner than it ends. */
async function recordSigned(file: string, kid: string, expiresAt: UnixSeconds): Promise<void> {
  // One that an earlier version signed with may have signed for as long as could be.
  const unknown = after(systemClock(), longestHold("operator", seconds(0)));
  await changeRing(file, async ({ keys }) => {
    const at = keys.findIndex((key) => key.purpose === "operator" && key.kid === kid);
    const key = keys[at];
    if (key?.purpose !== "operator" || (key.signedUntil ?? 0) >= expiresAt) return { keys, result: undefined };
    const signedUntil = Math.max(key.signedUntil ?? unknown, expiresAt);
    return { keys: keys.with(at, { ...key, signedUntil }), result: undefined };
  });
}

/** A file of its own, in one step, so that it is never there without being its owner's alone. */
function write(file: string, token: string): void {
  try {
    writeFileSync(file, `${token}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    endFailed(`${shortName(file)} cannot be written: ${reasonOf(error)}.`);
  }
}

function nextSteps(file: string, kid: string, isNew: boolean): string {
  if (file === devRingFile) return "The API of `npm start` takes it, and no deployment does.";
  const known = `The API takes it where it has the public half of ${kid}`;
  return isNew
    ? `${known}, which is new. Next: give it that:\n${uploadCommand(file)}`
    : `${known}. Where it does not have it yet:\n${uploadCommand(file)}`;
}
