import { readFileSync } from "node:fs";
import { explainToken } from "../../src/flows/explain/token.ts";
import { faceOf } from "../../src/http/faces.ts";
import type { Given } from "./command.ts";
import { answer } from "./explanation-answer.ts";
import { catalogOption, readCatalog, readRing } from "./files.ts";
import { devIssuers, issuersIn } from "./issuers.ts";
import { type Answered, endMisused } from "./outcome.ts";
import { readTime } from "./times.ts";

export const inspectOptions = {
  inspect: { type: "string" },
  asset: { type: "string" },
  issuers: { type: "string" },
  country: { type: "string" },
  origin: { type: "string" },
  now: { type: "string" },
  ...catalogOption,
} as const;

export const inspectHelp = `With --inspect, says what a token says, and what a start would be answered, by the API's own checks. Never prints the
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
export async function inspectToken(given: Given): Promise<Answered> {
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
  const status = refusal !== undefined ? faceOf(refusal.code).status : start === undefined ? null : 201;
  const { text, json, exit } = answer(explanation, now);
  return { exit, text, json: { ...json, asset: assetId ?? null, status } };
}

function tokenOf(given: string): string {
  const text = given === "-" ? readFileSync(0, "utf8").trim() : given;
  return text === "" || /\s/.test(text)
    ? endMisused("--inspect takes one token, or - and one on standard input.")
    : text;
}
