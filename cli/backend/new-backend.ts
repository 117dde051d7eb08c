import { backendName, highestBackendRate } from "../../src/auth/backend-token.ts";
import { backendIssuer } from "../../src/auth/credential.ts";
import { maxTokenLength } from "../../src/base/constants.ts";
import { rfc3339 } from "../../src/base/time.ts";
import { playScope } from "../../src/catalog/asset.ts";
import { type Args, type Command, endFailed, endInvalid, endMisused, type Outcome, succeeded } from "../lib/command.ts";
import { devRingFile, ringFileOf, ringOption, shortName } from "../lib/files.ts";
import { withGitWarning } from "../lib/git-ignored.ts";
import { localApi } from "../lib/operator-api.ts";
import { issueCredential, readDays, readOut, uploadStep, writeCredential } from "../lib/ring-credential.ts";
import { ringArgument } from "../lib/ring-file.ts";
import { readAssetIds, readScope } from "../lib/text.ts";

export const backendNewCommand: Command = {
  name: "backend new",
  summary: "issue a credential for a web backend that starts streams for its viewers",
  operands: [],
  options: {
    ...ringOption,
    name: { type: "string" },
    assets: { type: "string" },
    scope: { type: "string" },
    rate: { type: "string" },
    days: { type: "string" },
    out: { type: "string" },
  },
  help: `Issues a credential for a web backend that knows its viewers by itself, by a session cookie for example. The backend sends
it as a bearer token to POST /stream/start and names the viewer: docs/backends.md. It is signed with the ring's backend key,
which is created if there is none. Anyone with the output file can start streams for every viewer: only you can read the file.

  --name <name>        the backend's name, used in its viewers' issuer backend:<name>: A-Z a-z 0-9 . _ -
  --assets <ids|*>     the assets that it may start: ids separated by commas, or * for all, later ones too (*)
  --scope <scopes>     scopes separated by spaces, for assets that name their own (${playScope})
  --rate <number>      its requests per minute (6000)
  --days <number>      its lifetime, at most 366 (365)
  --out <file>         the output file; - prints it (backend-<name>.jwt next to the ring)
  --ring <file>        the key ring (.stagedoor/keys.json of the project)`,
  run: async (args) => {
    const name = args.value("name") ?? endMisused("--name is missing: give the backend's name, --name <name>.");
    if (!backendName.test(name)) endInvalid("name", name, "1 to 64 characters of A-Z a-z 0-9 . _ -");
    const assets = readAssetIds(args.value("assets") ?? "*");
    const scope = readScope(args.value("scope") ?? playScope);
    const rate = readRate(args.value("rate") ?? "6000");
    const lifetime = readDays(args.value("days") ?? "365");
    const ringFile = ringFileOf(args);
    const out = readOut(args, ringFile, `backend-${name}.jwt`);
    const claims = { issuer: backendIssuer, name, scope, lifetime, more: { assets, rate } };
    const issued = await issueCredential(args, ringFile, "backend", claims, checkLength);
    const { token, tokenId, kid, expiresAt, keyMade } = issued;
    const about = { name, assets, scope, rate, tokenId, kid, expiresAt: rfc3339(expiresAt), keyMade };
    const next = uploadStep(ringFile, kid, keyMade);
    if (out === "-") return withGitWarning(succeeded(token, { ...about, token }, next), [ringFile]);
    writeCredential(out, token);
    return withGitWarning(writtenOutcome(args, out, { ...about, file: out }, next), [out, ringFile]);
  },
};

function checkLength(token: string): void {
  if (token.length > maxTokenLength)
    endFailed(
      `The credential would be longer than the ${maxTokenLength} characters that the API reads: list fewer assets, or give --assets "*" and name each viewer's assets in viewer.assets. Nothing was written.`,
    );
}

function writtenOutcome(
  args: Args,
  out: string,
  about: { readonly [member: string]: unknown; readonly assets: readonly string[] | "*" },
  next: string,
): Outcome {
  const { name, assets, rate, tokenId, expiresAt } = about;
  const opens = assets === "*" ? "every asset" : assets.join(", ");
  return succeeded(
    `${name}  (${opens}; ${rate} requests per minute) until ${expiresAt}, written to ${shortName(out)}
Its id is ${tokenId}: \`npx stagedoor revoke --token ${shortName(out)}\` revokes it and ends the sessions that it started.

${next}
Then put it into a secret of the backend, such as STAGEDOOR_CREDENTIAL, and try it:
  curl -s ${ringFileOf(args) === devRingFile ? localApi : "$API"}/stream/start -H "Authorization: Bearer $(cat ${shortName(out)})" \\
    -H "Content-Type: application/json" -d '{"asset":"${assets === "*" ? "vod-ts" : assets[0]}","viewer":{"subject":"viewer-1"}}'
\`npx stagedoor token --inspect ${shortName(out)}${ringArgument(ringFileOf(args))}\` explains it.`,
    about,
  );
}

function readRate(text: string): number {
  const rate = /^[1-9]\d{0,6}$/.test(text) ? Number(text) : 0;
  return rate >= 1 && rate <= highestBackendRate
    ? rate
    : endInvalid("rate", text, "requests per minute, a number from 1 to 1000000");
}
