import { readFileSync } from "node:fs";
import { after, rfc3339, systemClock } from "../../src/base/time.ts";
import { assetIdSchema, playScope } from "../../src/catalog/asset.ts";
import { problemFor } from "../../src/http/problems.ts";
import { keysFor } from "../../src/keys/ring.ts";
import { explainToken } from "../../src/operator/explain/explain-token.ts";
import { type Answered, type Command, endMisused, failed, type Given, good } from "../lib/command.ts";
import { signDevToken } from "../lib/dev-keys.ts";
import { catalogOption, readCatalog, readRing, ringOption } from "../lib/files.ts";
import { devIssuers, issuersIn } from "../lib/issuers.ts";
import { readDuration, readTime } from "../lib/text.ts";
import { answer } from "./explain.ts";

const inspectOptions = {
  inspect: { type: "string" },
  asset: { type: "string" },
  issuers: { type: "string" },
  country: { type: "string" },
  origin: { type: "string" },
  now: { type: "string" },
  ...catalogOption,
} as const;

const inspectHelp = `With --inspect, says what a token says, and what a start would be answered, by the API's own checks. Never prints the
token. Ends with 1 where it would be refused. Revocations, rate limits, running streams and your entitlement service are
known to a deployment alone, and not looked at.

  --inspect <token|->  the token; - reads it from standard input, which no history and no list of processes shows
  --asset <id>         the asset that is asked for (none: whether the token holds is all that is said)
  --issuers <file>     the issuers, as STAGEDOOR_ISSUERS has them (the development issuer, and the
                       identity worker of an API that runs on this machine); one that introspects is asked
  --country <code>     where the viewer is, and
  --origin <origin>    the page's origin, for an asset that asks for them
  --now <time>         as if it were this time: now, +8h, 1795000000, 2026-11-18T11:06:40Z (now)
  --catalog <file>     the catalog (fixtures/catalog.json of the project)`;

/** What a token says, and what a start would be answered. */
async function inspectToken(given: Given): Promise<Answered> {
  const token = tokenOf(given.one("inspect") ?? "");
  const now = readTime("now", given.one("now") ?? "now");
  const assetId = given.one("asset");
  const from = { country: given.one("country"), origin: given.one("origin") };
  if (assetId === undefined && (from.country ?? from.origin) !== undefined)
    endMisused("--country and --origin are for the asset that --asset names.");
  const file = given.one("issuers");
  const issuers = file === undefined ? devIssuers(await readRing(given), token) : issuersIn(file);
  const start = assetId === undefined ? undefined : { assetId, catalog: readCatalog(given), from };
  const explanation = await explainToken(token, { issuers }, now, start);
  const { refusal } = explanation;
  const status = refusal !== undefined ? problemFor(refusal.code).status : start === undefined ? null : 201;
  const { text, json, exit } = answer(explanation, now);
  return { exit, text, json: { ...json, asset: assetId ?? null, status } };
}

function tokenOf(given: string): string {
  const text = given === "-" ? readFileSync(0, "utf8").trim() : given;
  return text === "" || /\s/.test(text)
    ? endMisused("--inspect takes one token, or - and one on standard input.")
    : text;
}

const makingOptions = ["subject", "assets", "scope", "streams", "expires-in"] as const;
const inspectingOptions = Object.keys(inspectOptions);

export const tokenCommand: Command = {
  name: "token",
  summary: "print a bearer token of the development issuer, or say what a token opens",
  operands: [],
  options: {
    ...ringOption,
    subject: { type: "string" },
    assets: { type: "string" },
    scope: { type: "string" },
    streams: { type: "string" },
    "expires-in": { type: "string" },
    ...inspectOptions,
  },
  help: `Prints a bearer token of the development issuer, which the local API takes and no deployment does.
Its keys are those that \`npm start\` uses; they are made where there are none yet.

  --subject <text>     the viewer (demo-viewer)
  --assets <ids|*>     what the token opens: ids with commas between them, or * for all (*)
  --scope <scopes>     scopes with blanks between them (${playScope})
  --streams <number>   the viewer's stream limit (none)
  --expires-in <time>  how long it lasts: 900, 15m, 8h (15m)
  --ring <file>        the key ring (.stagedoor/keys.json of the project)

  curl -s localhost:8787/stream/start -H "Authorization: Bearer $(npx stagedoor token)" \\
    -H "Content-Type: application/json" -d '{"asset":"vod-ts"}'

${inspectHelp}

  npx stagedoor token | npx stagedoor token --inspect - --asset vod-ts`,
  run: async (given) => {
    const inspects = given.one("inspect") !== undefined;
    const astray = (inspects ? makingOptions : inspectingOptions).find((option) => given.one(option) !== undefined);
    if (astray !== undefined) endMisused(`--${astray} is ${inspects ? "for a token that is made" : "for --inspect"}.`);
    if (inspects) return inspectToken(given);
    const subject = given.one("subject") ?? "demo-viewer";
    if (subject === "") endMisused("--subject takes a text that is not empty.");
    const assets = readAssets(given.one("assets") ?? "*");
    const scope = given.one("scope") ?? playScope;
    if (!/^[\x21\x23-\x5b\x5d-\x7e]+( [\x21\x23-\x5b\x5d-\x7e]+)*$/.test(scope))
      endMisused("--scope takes scopes with one blank between them, such as stream:play.");
    const streams = readStreams(given.one("streams"));
    const lifetime = readDuration("expires-in", given.one("expires-in") ?? "15m");
    const ring = await readRing(given);
    if (!keysFor(ring, "token").some(({ d }) => d !== undefined))
      return failed(
        "The key ring holds no key of the development issuer. Leave --ring out to use the keys of `npm start`; for a deployment, get tokens from its own issuer.",
      );
    const expiresAt = rfc3339(after(systemClock(), lifetime));
    const token = await signDevToken(ring, { subject, assets, scope, ...streams, lifetimeSeconds: lifetime });
    return good(token, { token, subject, assets, scope, ...streams, expiresAt });
  },
};

function readStreams(text: string | undefined): { readonly streams?: number } {
  if (text === undefined) return {};
  return /^[1-9]\d{0,3}$/.test(text) ? { streams: Number(text) } : endMisused("--streams takes a number from 1 on.");
}

function readAssets(text: string): readonly string[] | "*" {
  if (text === "*") return "*";
  const ids = text.split(",");
  return ids.every((id) => assetIdSchema.safeParse(id).success)
    ? ids
    : endMisused("--assets takes ids of assets with commas between them, such as vod-ts,vod-aes, or '*' for all.");
}
