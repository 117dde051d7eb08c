import * as z from "zod";
import { type Args, type Command, endMisused, failed, succeeded } from "../lib/command.ts";
import {
  callApi,
  type OperatorApi,
  operatorApiHelp,
  operatorApiOf,
  operatorApiOptions,
  parseResponse,
} from "../lib/operator-api.ts";
import { table } from "../lib/text.ts";

/** The options that name one viewer. */
export const viewerOptions = {
  issuer: { type: "string" },
  subject: { type: "string" },
  email: { type: "string" },
} as const;

/** The help text of {@link viewerOptions}. */
export const viewerHelp = `  --issuer <iss>   with --subject: the issuer of the viewer's tokens
  --subject <sub>  the viewer's name there
  --email <addr>   or the address of an account of the identity service; each look-up is a line of the log`;

const sessionSchema = z.object({
  sessionId: z.string(),
  asset: z.string(),
  country: z.string(),
  startedAt: z.string(),
  lastSeenAt: z.string(),
  endsAt: z.string(),
  state: z.string(),
});
const refusalSchema = z.object({
  at: z.string(),
  worker: z.string(),
  code: z.string(),
  reason: z.string(),
  request: z.string(),
});
const stepSchema = z.object({ part: z.string(), state: z.string(), text: z.string() });
const responseSchema = z.object({
  issuer: z.string(),
  subject: z.string(),
  sessions: z.array(sessionSchema),
  refusals: z.array(refusalSchema),
  revocation: z
    .object({
      at: z.string(),
      until: z.string().nullable(),
      author: z.string().optional(),
      reason: z.string().optional(),
    })
    .optional(),
  start: z
    .object({
      verdict: z.string(),
      code: z.string().nullable(),
      reason: z.string().optional(),
      grants: z.string().optional(),
      steps: z.array(stepSchema),
    })
    .optional(),
});

export type FoundViewer = z.output<typeof responseSchema>;

/** The viewer that the options name, as in the body of `POST /operator/viewer`; undefined if they name none. */
export function viewerIn(args: Args): Readonly<Record<string, unknown>> | undefined {
  const [issuer, subject, email] = [args.value("issuer"), args.value("subject"), args.value("email")];
  if (email !== undefined) {
    if (issuer === undefined && subject === undefined) return { email };
    return endMisused("--email names the viewer alone: omit --issuer and --subject.");
  }
  if (issuer === undefined && subject === undefined) return undefined;
  if (issuer === undefined || subject === undefined)
    return endMisused(
      `--${issuer === undefined ? "issuer" : "subject"} is missing: a viewer is named by --issuer and --subject together, or by --email.`,
    );
  return { viewer: { issuer, subject } };
}

/** Looks a viewer up: the API's response, or its refusal in words. */
export async function lookUp(
  api: OperatorApi,
  body: Readonly<Record<string, unknown>>,
): Promise<
  | { readonly ok: true; readonly found: FoundViewer; readonly body: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly message: string; readonly body: Readonly<Record<string, unknown>> }
> {
  const response = await callApi(api, "POST", "/operator/viewer", body);
  if (!response.ok) return response;
  const found = parseResponse(api, "/operator/viewer", response.body, responseSchema);
  return { ok: true, found, body: response.body };
}

export const viewerCommand: Command = {
  name: "viewer",
  summary: "show one viewer's sessions and refusals, and whether they can start a stream",
  operands: [],
  options: {
    ...operatorApiOptions,
    ...viewerOptions,
    ...{
      asset: { type: "string" },
      country: { type: "string" },
      region: { type: "string" },
      address: { type: "string" },
      origin: { type: "string" },
    },
  },
  help: `Shows what the API's route /operator/viewer knows of one viewer: sessions that run or that ended within the hour, refusals
with their reasons, and a revocation. With --asset it also simulates a start with a fresh token. Times are UTC.

${viewerHelp}
  --asset <id>     simulate a start of this asset
  --country <cc>   the viewer's country for it, such as DE
  --region <code>  their region, for an asset with places, such as US-CA
  --address <ip>   the viewer's address
  --origin <url>   the site that plays it
${operatorApiHelp("operator:read")}`,
  run: async (args) => {
    const named = viewerIn(args);
    if (named === undefined)
      return endMisused("Name a viewer: --issuer and --subject, or --email for an account of the identity service.");
    const names = ["asset", "country", "region", "address", "origin"] as const;
    const [asset, country, region, address, origin] = names.map((name) => args.value(name));
    if (asset === undefined && (country ?? region ?? address ?? origin) !== undefined)
      return endMisused(
        "--asset is missing: --country, --region, --address and --origin are those of a start to simulate.",
      );
    const start = asset === undefined ? {} : { start: { asset, country, region, address, origin } };
    const response = await lookUp(await operatorApiOf(args, "operator:read"), { ...named, ...start });
    if (!response.ok) return failed(response.message, response.body);
    return succeeded(viewerText(response.found), response.body);
  },
};

function viewerText({ issuer, subject, sessions, refusals, revocation, start }: FoundViewer): string {
  const revoked =
    revocation === undefined
      ? []
      : [
          `Revoked at ${revocation.at}: sessions and tokens until then are refused. To undo: npx stagedoor revoke --lift.`,
        ];
  const simulated = start === undefined ? [] : [startText(start)];
  return [
    `${subject} at ${issuer}`,
    ...revoked,
    sessionsText(sessions),
    refusals.length === 0 ? "No refusals are kept." : refusalsText(refusals),
    ...simulated,
  ].join("\n\n");
}

/** A viewer's sessions as a table. */
export function sessionsText(sessions: FoundViewer["sessions"]): string {
  if (sessions.length === 0) return "No session is running or known of the last hour.";
  const rows = sessions.map(({ sessionId, asset, country, state, startedAt, lastSeenAt }) => [
    ...[sessionId, asset, country, state, startedAt, lastSeenAt],
  ]);
  return table([["SESSION", "ASSET", "COUNTRY", "STATE", "STARTED", "LAST SEEN"], ...rows]);
}

/** Refusals as a table. */
export function refusalsText(refusals: FoundViewer["refusals"]): string {
  const rows = refusals.map(({ at, worker, code, request, reason }) => [at, worker, code, request, reason]);
  return table([["AT", "WORKER", "CODE", "REQUEST", "WHY"], ...rows]);
}

function startText({ verdict, code, reason, grants, steps }: NonNullable<FoundViewer["start"]>): string {
  const outcome =
    verdict === "refused" ? `A start would be refused: ${code}. ${reason}.` : `A start would be accepted: ${grants}.`;
  const marks: Readonly<Record<string, string>> = { pass: "ok", fail: "NO" };
  return [outcome, table(steps.map(({ part, state, text }) => [`  ${marks[state] ?? "--"}`, part, text]))].join("\n");
}
