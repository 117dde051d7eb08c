import { isDeepStrictEqual } from "node:util";
import { decodeProtectedHeader, type JWTPayload } from "jose";
import type { Issuer } from "../../src/auth/issuer.ts";
import { isUnixSeconds, systemClock, systemTimer, type UnixSeconds, unixSeconds } from "../../src/base/time.ts";
import { explainToken } from "../../src/operator/explain/explain-token.ts";
import {
  type Args,
  type Command,
  type Completed,
  endFailed,
  failed,
  type Progress,
  succeeded,
} from "../lib/command.ts";
import { discover, type Provider } from "../lib/discovery.ts";
import { type Entry, entryFor, entryHelp, entryOptions, readDiscovery, settingsOf } from "../lib/entry-options.ts";
import { explained } from "../lib/explained.ts";
import { rewriteFile, shortName } from "../lib/files.ts";
import { claimMismatch, claimsOf, readTokenOption, trust } from "../lib/issuers.ts";
import { table } from "../lib/text.ts";
import { fileHelp, fileOption, type IssuersTarget, issuersIn, targetOf, withEntry } from "./issuers-target.ts";
import { tokenAdvice, wordsAt } from "./token-advice.ts";

export const issuersAddCommand: Command = {
  name: "issuers add",
  summary: "trust the tokens of an identity provider, by its discovery URL",
  operands: [],
  options: {
    discovery: { type: "string" },
    issuer: { type: "string" },
    ...entryOptions,
    ...fileOption,
    token: { type: "string" },
    replace: { type: "boolean" },
    "dry-run": { type: "boolean" },
  },
  help: `Reads a provider's metadata (OpenID Connect Discovery, RFC 8414) and its keys, and adds the issuer to a file in the form of
STAGEDOOR_ISSUERS, or to identity.issuers of a deployment's stagedoor.config.json, whose comments stay. It accepts only algorithms for which the provider publishes a key, and never none or a shared secret
(HS256). docs/identity-providers has a page each for Auth0, Keycloak, Cognito, Clerk, Firebase and Entra.

  --discovery <url>        the issuer of the tokens (iss), or the address of its metadata
  --issuer <iss>           the issuer in the metadata, if it does not belong to that address, as with version 1.0 of Entra
${entryHelp}

  --token <token>          a token, a file with it, or - for standard input: shows what it would open and what is missing.
                           A token that cannot start a stream changes no file. Its text is never printed
${fileHelp}
                           An issuers file is created, readable only by you, if there is none
  --replace                replace an entry of the same issuer
  --dry-run                show the entry, and write nothing

  npx stagedoor issuers add --discovery https://id.example.com --audience stagedoor --token viewer.jwt`,
  run: addIssuer,
};

async function addIssuer(args: Args, progress: Progress): Promise<Completed> {
  const url = readDiscovery(args.value("discovery"));
  const target = targetOf(args);
  const { file } = target;
  const option = args.value("token");
  const token = option === undefined ? undefined : readTokenOption("token", option);
  progress(`Reading the metadata of ${new URL(url).host} …`);
  const provider = await discover(url, { fetch, timer: systemTimer }, args.value("issuer"));
  if (!provider.ok) return failed(provider.refusal, { url });
  const entry = entryFor(provider.value, args);
  const hasAudience = entry.audience !== undefined;
  const settings = settingsOf(hasAudience ? entry : { ...entry, audience: "unknown" });
  const check = token === undefined ? undefined : await checkToken(token, settings, hasAudience, provider.value);
  const lines = [entryText(provider.value, entry), ...(check === undefined ? [] : ["", check.text])];
  const json = { entry, keys: provider.value.keys.usable, leftOut: provider.value.keys.leftOut, ...check?.json, file };
  const problem = hasAudience ? check?.problem : audienceMissing(settings, token !== undefined);
  if (problem !== undefined)
    return { exit: 1, text: lines.join("\n"), json: { ...json, written: false, error: problem }, note: problem };
  const outcome = args.flag("dry-run") ? "dry run" : await write(target, entry, args.flag("replace"));
  const written = outcome === "added" || outcome === "replaced";
  return succeeded([...lines, "", outcomeText(outcome, target)].join("\n"), { ...json, written });
}

function audienceMissing({ issuer }: Issuer, hasToken: boolean): string {
  const next = hasToken ? "What the token has is above, under Missing." : "--token <file> shows what a token has.";
  return `--audience is missing, so nothing was written: give the name of this service in the tokens of ${issuer}, --audience <name>. ${next}`;
}

function entryText({ issuer, jwksUri, keys, introspectionUrl }: Provider, entry: Entry): string {
  const rows = [
    ["Issuer", issuer],
    ["Keys", `${jwksUri} (${keys.usable === 1 ? "1 key" : `${keys.usable} keys`})`],
    ["Algorithms", keys.algorithms.join(", ")],
    ...(introspectionUrl === undefined
      ? []
      : [["Introspection", `${introspectionUrl} (not used: tokens are verified with the keys)`]]),
  ];
  return [table(rows), ...keys.leftOut, "", JSON.stringify(entry, null, 2)].join("\n");
}

interface TokenCheck {
  readonly text: string;
  readonly json: Readonly<Record<string, unknown>>;
  /** Why the token cannot start a stream with this entry. */
  readonly problem: string | undefined;
}

/** Explains a token as the API would judge it with this entry, at a time when the token had not expired. */
async function checkToken(
  token: string,
  settings: Issuer,
  hasAudience: boolean,
  { introspectionUrl }: Provider,
): Promise<TokenCheck> {
  const claims = claimsOf(token);
  if (claims === undefined)
    return endFailed(
      `--token is not a JWT, so its issuer must be asked about it.${introspectionUrl === undefined ? "" : ` Write an entry with introspection and the url ${introspectionUrl}: docs/reference/configuration.md, Issuers.`} If the provider has JWTs too, request one: docs/identity-providers/index.md.`,
    );
  const { now, note } = checkTime(claims);
  const advice = tokenAdvice(headerOf(token), claims, settings, hasAudience, now);
  // Without --audience, the rest is explained as if the token's own were given. Nothing is written then.
  const [named] = hasAudience ? [] : wordsAt(claims, settings.audienceClaim);
  const issuers = trust([named === undefined ? settings : { ...settings, audience: [named] }]);
  const explanation = await explainToken(token, { issuers }, now);
  const { text, json } = explained(explanation, now, hasAudience ? claimMismatch(token, issuers) : undefined);
  const missing = advice.map((line) => `  ${line}`).join("\n");
  const shownText = [
    "The token:",
    ...(note === undefined ? [] : [note]),
    text,
    ...(advice.length === 0 ? [] : ["", "Missing:", missing]),
  ].join("\n");
  const isAccepted = explanation.verdict === "accepted" && advice.length === 0;
  return {
    text: shownText,
    json: { token: json, missing: advice },
    problem: isAccepted
      ? undefined
      : `This token cannot start a stream with this entry, so nothing was written. ${advice.length === 0 ? "The reason is above." : "Add what is missing and run the command again; without --token the entry is written unchecked."}`,
  };
}

/** Tokens of some providers expire after a minute, so an expired one is judged as of its last second. */
function checkTime({ exp }: JWTPayload): { readonly now: UnixSeconds; readonly note: string | undefined } {
  const now = systemClock();
  const last: unknown = typeof exp === "number" ? Math.floor(exp) - 1 : undefined;
  if (!isUnixSeconds(last) || last >= now) return { now, note: undefined };
  return { now: unixSeconds(last), note: "It has expired; it is checked as of its last second." };
}

function headerOf(token: string): Readonly<Record<string, unknown>> {
  try {
    return { ...decodeProtectedHeader(token) };
  } catch {
    return {}; // the explanation says that it is malformed
  }
}

type Written = "added" | "replaced" | "unchanged" | "dry run";

/** Adds the entry to the file. An entry of the same issuer is only replaced if `replace` is true. */
function write(target: IssuersTarget, entry: Entry, replace: boolean): Promise<Written> {
  const { file, kind } = target;
  // An issuers file may have secrets; a deployment's file has none, and is committed.
  return rewriteFile<Written>(file, kind === "list" ? "secret" : "open", async (before) => {
    if (before === undefined && kind === "deployment")
      endFailed(`${shortName(file)} does not exist: \`npx stagedoor init <folder>\` makes a deployment.`);
    const { entries, settings } = before === undefined ? { entries: [], settings: [] } : issuersIn(target, before);
    const index = settings.findIndex(({ issuer }) => issuer === entry.issuer);
    if (index >= 0 && isDeepStrictEqual(entries[index], entry)) return { text: undefined, result: "unchanged" };
    if (index >= 0 && !replace)
      endFailed(
        `${shortName(file)} has another entry of ${String(entry.issuer)}, so nothing was written: add --replace to replace it. \`npx stagedoor issuers list --file ${shortName(file)}\` shows it.`,
      );
    const text = withEntry(target, before, entry, index < 0 ? entries.length : index);
    return { text, result: index < 0 ? "added" : "replaced" };
  });
}

function outcomeText(outcome: Written, { file, kind }: IssuersTarget): string {
  const name = shortName(file);
  const commands =
    kind === "deployment"
      ? ["npx stagedoor dev", "npx stagedoor deploy --env <staging|production>"]
      : [
          `npm start -- --issuers ${name}`,
          `npm run deploy -- --env <staging|production> --issuers ${name} --secrets-only`,
        ];
  const next = ["Next, on this machine and in a deployment:", ...commands].join("\n  ");
  switch (outcome) {
    case "added":
      return `Added to ${name}.\n\n${next}`;
    case "replaced":
      return `Replaced the entry of the same issuer in ${name}.\n\n${next}`;
    case "unchanged":
      return `${name} has exactly this entry: nothing was written.\n\n${next}`;
    case "dry run":
      return `Nothing was written (--dry-run). The entry would be added to ${name}.`;
  }
}
