import { after, rfc3339, systemClock } from "../../src/base/seconds.ts";
import { assetIdSchema, playScope } from "../../src/catalog/asset.ts";
import { keysFor } from "../../src/keys/ring.ts";
import { signDevToken } from "../local/dev-token.ts";
import type { Command } from "./command.ts";
import { readRing, ringOption } from "./files.ts";
import { endMisused, failed, good } from "./outcome.ts";
import { readDuration } from "./times.ts";
import { inspectHelp, inspectOptions, inspectToken } from "./token-inspect.ts";

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

  --subject <text>     who asks (demo-viewer)
  --assets <ids|*>     what the token opens: ids with commas between them, or * for all (*)
  --scope <scopes>     scopes with blanks between them (${playScope})
  --streams <number>   how many streams he may run at once (any number)
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
