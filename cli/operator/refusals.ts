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

/** The number of refusals in the table; --json has all that are kept. */
const shownRefusals = 10;

export const refusalsCommand: Command = {
  name: "refusals",
  summary: "list the refusals of the last hour, or explain one",
  operands: [],
  options: { ...operatorApiOptions, request: { type: "string" }, ...viewerOptions },
  help: `Counts the refused requests of the last hour by code, and lists the latest ones with their reasons, from the API's route
/operator/refusals. Times are UTC.

  --request <id>   explain one refusal by the Request-Id in the viewer's response
${viewerHelp}
${operatorApiHelp("operator:read")}`,
  run: async (args) => {
    const request = args.value("request");
    const query = request === undefined ? "" : `?${new URLSearchParams({ request })}`;
    const viewer = viewerIn(args);
    if (viewer !== undefined && request !== undefined)
      return endMisused("Name --request or a viewer: a Request-Id is of one refusal.");
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
    if (request === undefined) return succeeded(summaryText(total, recent), response.body);
    const [refusal] = recent;
    return refusal === undefined
      ? failed("Not found: only the latest refusals are kept. Search the worker's log for the Request-Id.")
      : succeeded(refusalText(refusal), { ...refusal });
  },
};

type Refusal = z.output<typeof refusalSchema>;

function summaryText(total: Readonly<Record<string, number>>, recent: readonly Refusal[]): string {
  const counts = Object.entries(total).toSorted(([, a], [, b]) => b - a);
  if (counts.length === 0) return "No request was refused in the last hour.";
  const totals = table([["COUNT", "CODE"], ...counts.map(([code, count]) => [String(count), code])]);
  const rows = recent
    .slice(0, shownRefusals)
    .map(({ at, worker, code, request, reason }) => [at, worker, code, request, reason]);
  return `${totals}\n\n${table([["AT", "WORKER", "CODE", "REQUEST", "WHY"], ...rows])}`;
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
