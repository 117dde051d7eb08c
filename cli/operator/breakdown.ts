import * as z from "zod";
import { groupings } from "../../src/metrics/gathered.ts";
import { type Command, endInvalid, failed, succeeded } from "../lib/command.ts";
import { callApi, operatorApiHelp, operatorApiOf, operatorApiOptions, parseResponse } from "../lib/operator-api.ts";
import { table } from "../lib/text.ts";

const responseSchema = z.object({
  count: z.int(),
  groups: z.array(
    z.object({
      value: z.string(),
      watching: z.int(),
      refused: z.int(),
      causes: z.object({ ours: z.int(), origin: z.int(), provider: z.int(), viewer: z.int() }),
      codes: z.record(z.string(), z.int()),
      observed: z.record(z.string(), z.int()).default({}),
    }),
  ),
});

/** How many groups are printed without --json. */
const shown = 30;

export const breakdownCommand: Command = {
  name: "breakdown",
  summary: "group sessions and refusals by asset, country, network or player",
  operands: [],
  options: { ...operatorApiOptions, by: { type: "string" }, code: { type: "string" } },
  help: `Groups the running sessions and the refusals of the last hour, the group with the most refusals first, from the API's route
/operator/breakdown. A refusal counts by its cause: this service (OURS), the origin, the identity provider, or the viewer. OBSERVED are
requests that were served because their asset is in observe or off.

  --by <what>     ${groupings.join(", ")} (asset); asn is the client's network, where the platform tells it
  --code <code>   only refusals with this code
${operatorApiHelp("operator:read")}`,
  run: async (args) => {
    const [by, code] = [args.value("by") ?? "asset", args.value("code")];
    if (!groupings.some((one) => one === by)) endInvalid("by", by, groupings.join(", "));
    const query = new URLSearchParams({ by, ...(code !== undefined && { code }) });
    const api = await operatorApiOf(args, "operator:read");
    const response = await callApi(api, "GET", `/operator/breakdown?${query}`);
    if (!response.ok) return failed(response.message, response.body);
    const { count, groups } = parseResponse(api, "/operator/breakdown", response.body, responseSchema);
    if (count === 0) return succeeded("No session runs, and nothing was refused in the last hour.", response.body);
    const isObserving = groups.some(({ observed }) => Object.keys(observed).length > 0);
    const rows = groups
      .slice(0, shown)
      .map(({ value, watching, refused, causes, codes, observed }) => [
        ...[value, String(watching), String(refused)],
        ...[causes.ours, causes.origin, causes.provider, causes.viewer].map(String),
        Object.keys(codes)[0] ?? "-",
        ...(isObserving ? [observedText(observed)] : []),
      ]);
    const heading = [
      by.toUpperCase(),
      "WATCHING",
      "REFUSED",
      "OURS",
      "ORIGIN",
      "PROVIDER",
      "VIEWER",
      "MOST OFTEN",
      ...(isObserving ? ["OBSERVED"] : []),
    ];
    const note = count > shown ? `${Math.min(shown, groups.length)} of ${count} groups are printed.` : undefined;
    return succeeded(table([heading, ...rows]), response.body, note);
  },
};

function observedText(observed: Readonly<Record<string, number>>): string {
  return Object.entries(observed)
    .map(([code, count]) => `${code} ${count}`)
    .join(", ");
}
