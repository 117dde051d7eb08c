import { after, rfc3339, systemClock } from "../../src/base/time.ts";
import { playScope } from "../../src/catalog/asset.ts";
import { problemFor } from "../../src/http/problems.ts";
import { keysFor } from "../../src/keys/ring.ts";
import { explainToken } from "../../src/operator/explain/explain-token.ts";
import { type BackendViewer, backendViewerSchema } from "../../src/sessions/backend-viewer.ts";
import {
  type Args,
  type Command,
  type Completed,
  checkOneInput,
  endInvalid,
  endMisused,
  failed,
  succeeded,
} from "../lib/command.ts";
import { signDevToken } from "../lib/dev-keys.ts";
import { explained } from "../lib/explained.ts";
import { catalogOption, readRing, ringOption } from "../lib/files.ts";
import {
  backendSources,
  claimMismatch,
  devIssuers,
  ownCredentialNote,
  readIssuers,
  readTokenOption,
} from "../lib/issuers.ts";
import { defaultCatalogName, startProgram } from "../lib/project.ts";
import { readAssetIds, readDuration, readScope, readTime } from "../lib/text.ts";
import { defaultCatalogNote, readWhichCatalog } from "../lib/which-catalog.ts";

const inspectOptions = {
  inspect: { type: "string" },
  asset: { type: "string" },
  issuers: { type: "string" },
  country: { type: "string" },
  origin: { type: "string" },
  viewer: { type: "string" },
  now: { type: "string" },
  ...catalogOption,
  api: { type: "string" },
  bearer: { type: "string" },
} as const;

const inspectHelp = `With --inspect, explains a token's claims and whether a start with it would succeed, by the API's own checks. Never prints
the token. Exits with 1 if the token or the start would be refused. Does not check revocations, rate limits, running streams
and your entitlement service, which only a deployment knows.

  --inspect <token>    the token, a file with it, or - for standard input: a file keeps it out of the shell's history
  --asset <id>         the asset to start (default: check only the token)
  --issuers <file>     the issuers, in the form of STAGEDOOR_ISSUERS; their keys are fetched, and a token is introspected if
                       its issuer requires that (default: the development issuer, and the identity worker of a local API)
  --country <code>     the viewer's country, for an asset with countries
  --origin <origin>    the page's origin, for an asset with origins
  --viewer <viewer>    with a backend's credential: the viewer, as an id or as JSON: '{"subject":"user-17","country":"DE"}'
  --now <time>         the time to check at: now, +8h, 1795000000, 2026-11-18T11:06:40Z (now)
  --catalog <file>     the catalog (${defaultCatalogName})
  --api <url>          the API of a service whose live catalog is used instead; ${startProgram}: http://localhost:8787
  --bearer <file>      an operator's credential for it with the scope operator:read`;

/** Explains a token, and a start with it if --asset is given. */
async function inspectToken(args: Args): Promise<Completed> {
  checkOneInput(args, ["inspect", "bearer"]);
  const token = readTokenOption("inspect", args.value("inspect") ?? "");
  const now = readTime("now", args.value("now") ?? "now");
  const assetId = args.value("asset");
  const from = { country: args.value("country"), origin: args.value("origin") };
  if (assetId === undefined && (from.country ?? from.origin) !== undefined)
    endMisused("--country and --origin need --asset: they are conditions of an asset.");
  const viewer = readViewer(args.value("viewer"));
  if (viewer !== undefined && assetId === undefined) endMisused("--viewer needs --asset: it is the viewer of a start.");
  if (viewer !== undefined && (from.country ?? from.origin) !== undefined)
    endMisused("--country and --origin are members of --viewer, because a backend names where its viewer is.");
  const file = args.value("issuers");
  const sources = (await backendSources(token, () => readRing(args))) ?? {
    issuers: file === undefined ? devIssuers(await readRing(args), token) : readIssuers(file),
  };
  const start = assetId === undefined ? undefined : { assetId, catalog: await readWhichCatalog(args), from, viewer };
  const explanation = await explainToken(token, sources, now, start);
  const { refusal } = explanation;
  const status = refusal !== undefined ? problemFor(refusal.code).status : start === undefined ? null : 201;
  const { text, json, exit } = explained(explanation, now, claimMismatch(token, sources.issuers));
  const catalogNote = refusal?.code === "asset_unknown" ? defaultCatalogNote(args) : undefined;
  return {
    exit,
    text,
    json: { ...json, asset: assetId ?? null, status },
    note: ownCredentialNote(token) ?? catalogNote,
  };
}

const issueOptions = ["subject", "assets", "scope", "streams", "max-height", "expires-in"] as const;
const inspectOnlyOptions = Object.keys(inspectOptions);

export const tokenCommand: Command = {
  name: "token",
  summary: "issue a bearer token of the development issuer, or explain a token",
  operands: [],
  options: {
    ...ringOption,
    subject: { type: "string" },
    assets: { type: "string" },
    scope: { type: "string" },
    streams: { type: "string" },
    "max-height": { type: "string" },
    "expires-in": { type: "string" },
    ...inspectOptions,
  },
  help: `Prints a bearer token of the development issuer, which only a local API accepts. The keys are those of \`${startProgram}\`, and
are made if there are none.

  --subject <text>     the viewer (demo-viewer)
  --assets <ids|*>     the assets that the token opens: ids separated by commas, or * for all (*)
  --scope <scopes>     scopes separated by spaces (${playScope})
  --streams <number>   the viewer's stream limit (none)
  --max-height <px>    the tallest video of the viewer's plan (none)
  --expires-in <time>  the token's lifetime: 900, 15m, 8h (15m)
  --ring <file>        the key ring (.stagedoor/keys.json of the project)

  curl -s localhost:8787/stream/start -H "Authorization: Bearer $(npx stagedoor token)" \\
    -H "Content-Type: application/json" -d '{"asset":"vod-ts"}'

${inspectHelp}

  npx stagedoor token | npx stagedoor token --inspect - --asset vod-ts`,
  run: async (args) => {
    const isInspecting = args.value("inspect") !== undefined;
    const misplaced = (isInspecting ? issueOptions : inspectOnlyOptions).find(
      (option) => args.value(option) !== undefined,
    );
    if (misplaced !== undefined)
      endMisused(isInspecting ? `--${misplaced} cannot be used with --inspect.` : `--${misplaced} needs --inspect.`);
    if (isInspecting) return inspectToken(args);
    const subject = args.value("subject") ?? "demo-viewer";
    if (subject === "") endMisused("--subject must not be empty.");
    const assets = readAssetIds(args.value("assets") ?? "*");
    const scope = readScope(args.value("scope") ?? playScope);
    const streams = readStreams(args.value("streams"));
    const lifetime = readDuration("expires-in", args.value("expires-in") ?? "15m");
    const ring = await readRing(args);
    if (!keysFor(ring, "token").some(({ d }) => d !== undefined))
      return failed(
        `The key ring has no key of the development issuer. Omit --ring to use the keys of \`${startProgram}\`. Tokens for a deployment come from its own issuer.`,
      );
    const expiresAt = rfc3339(after(systemClock(), lifetime));
    const plan = { ...streams, ...readQuality(args.value("max-height")) };
    const token = await signDevToken(ring, { subject, assets, scope, ...plan, lifetimeSeconds: lifetime });
    return succeeded(token, { token, subject, assets, scope, ...plan, expiresAt });
  },
};

function readQuality(text: string | undefined): { readonly quality?: { readonly maxHeight: number } } {
  if (text === undefined) return {};
  return /^[1-9]\d{0,4}$/.test(text)
    ? { quality: { maxHeight: Number(text) } }
    : endInvalid("max-height", text, "a number of pixels, such as 720");
}

function readStreams(text: string | undefined): { readonly streams?: number } {
  if (text === undefined) return {};
  return /^[1-9]\d{0,3}$/.test(text)
    ? { streams: Number(text) }
    : endInvalid("streams", text, "a number from 1 to 9999");
}

function readViewer(text: string | undefined): BackendViewer | undefined {
  if (text === undefined) return undefined;
  const viewer = backendViewerSchema.safeParse(text.startsWith("{") ? jsonIn(text) : { subject: text });
  if (viewer.success) return viewer.data;
  const [issue] = viewer.error.issues;
  const where = issue === undefined || issue.path.length === 0 ? "" : `${issue.path.join(".")}: `;
  return endInvalid(
    "viewer",
    text,
    `an id, or an object as in the API's body (${where}${issue?.message ?? "invalid"})`,
  );
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
