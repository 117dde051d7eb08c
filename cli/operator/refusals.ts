import * as z from "zod";
import { isRefusalCode, problemFor } from "../../src/http/problems.ts";
import { type Command, endMisused, failed, succeeded } from "../lib/command.ts";
import { callApi, operatorApiHelp, operatorApiOf, operatorApiOptions, parseResponse } from "../lib/operator-api.ts";
import { table } from "../lib/text.ts";
import { lookUp, refusalsText, viewerHelp, viewerIn, viewerOptions } from "./viewer.ts";

const refusalSchema = z.object({
  at: z.string(),
  worker: z.string(),
  code: z.string(),
  reason: z.string(),
  request: z.string(),
});
const responseSchema = z.object({ total: z.record(z.string(), z.int()), recent: z.array(refusalSchema) });

const filters = ["code", "asset", "country", "asn", "player"];

/** The number of refusals in the table; --json has all that are kept. */
const shownRefusals = 10;

export const refusalsCommand: Command = {
  name: "refusals",
  summary: "list the refusals of the last hour, or explain one",
  operands: [],
  options: {
    ...operatorApiOptions,
    ...{ request: { type: "string" }, code: { type: "string" }, asset: { type: "string" } },
    ...{ country: { type: "string" }, asn: { type: "string" }, player: { type: "string" } },
    ...viewerOptions,
  },
  help: `Counts the refused requests of the last hour by code, and lists the latest ones with their reasons, from the API's route
/operator/refusals. Times are UTC.

  --request <id>   explain one refusal by the Request-Id in the viewer's response
  --code <code>    list the kept refusals with this code; also --asset, --country, --asn (a network's number) and --player
                   (npx stagedoor breakdown counts all refusals by these)
${viewerHelp}
${operatorApiHelp("operator:read")}`,
  run: async (args) => {
    const request = args.value("request");
    const asked = ["request", ...filters].flatMap((name) => {
      const value = args.value(name);
      return value === undefined ? [] : [[name, value]];
    });
    const query = asked.length === 0 ? "" : `?${new URLSearchParams(asked)}`;
    const viewer = viewerIn(args);
    if (viewer !== undefined && request !== undefined)
      return endMisused("Name --request or a viewer: a Request-Id is of one refusal.");
    const more = filters.filter((name) => args.value(name) !== undefined).map((name) => `--${name}`);
    if (more.length > 0 && (viewer ?? request) !== undefined)
      return endMisused(`Omit ${more.join(" and ")}: a viewer's refusals are all listed, and a Request-Id is of one.`);
    const api = await operatorApiOf(args, "operator:read");
    if (viewer !== undefined) {
      const found = await lookUp(api, viewer);
      if (!found.ok) return failed(found.message, found.body);
      const { refusals } = found.found;
      return succeeded(refusals.length === 0 ? "No refusals of this viewer are kept." : refusalsText(refusals), {
        refusals: found.body.refusals,
      });
    }
    const response = await callApi(api, "GET", `/operator/refusals${query}`);
    if (!response.ok) return failed(response.message, response.body);
    const { total, recent } = parseResponse(api, "/operator/refusals", response.body, responseSchema);
    if (request === undefined) return succeeded(summaryText(asked.length === 0 ? total : {}, recent), response.body);
    const [refusal] = recent;
    return refusal === undefined
      ? failed("Not found: only the latest refusals are kept. Search the worker's log for the Request-Id.")
      : succeeded(refusalText(refusal), { ...refusal });
  },
};

type Refusal = z.output<typeof refusalSchema>;

function summaryText(total: Readonly<Record<string, number>>, recent: readonly Refusal[]): string {
  const counts = Object.entries(total).toSorted(([, a], [, b]) => b - a);
  if (counts.length === 0 && recent.length === 0) return "No such request was refused lately.";
  const totals =
    counts.length === 0 ? "" : table([["COUNT", "CODE"], ...counts.map(([code, count]) => [String(count), code])]);
  const rows = recent
    .slice(0, shownRefusals)
    .map(({ at, worker, code, request, reason }) => [at, worker, code, request, reason]);
  return [totals, table([["AT", "WORKER", "CODE", "REQUEST", "WHY"], ...rows])]
    .filter((part) => part !== "")
    .join("\n\n");
}

function refusalText({ at, worker, code, reason }: Refusal): string {
  const problem = isRefusalCode(code) ? problemFor(code) : undefined;
  const heading = `${code}${problem === undefined ? "" : ` (${problem.status}). ${problem.title}.`}`;
  const rows = [
    ["  When", at],
    ["  Worker", worker],
    ["  Why", reason],
    ...(problem === undefined ? [] : [["  What to do", problem.detail]]),
  ];
  return `${heading}\n${table(rows)}`;
}
