import * as z from "zod";
import { isRefusalCode, problemFor } from "../../src/http/problems.ts";
import { type Command, endFailed, failed, good } from "../lib/command.ts";
import { askApi, operatorApiHelp, operatorApiOf, operatorApiOptions } from "../lib/operator-api.ts";
import { table } from "../lib/text.ts";

const refusalSchema = z.object({
  at: z.string(),
  worker: z.string(),
  code: z.string(),
  reason: z.string(),
  request: z.string(),
});
const answerSchema = z.object({ total: z.record(z.string(), z.int()), recent: z.array(refusalSchema) });

/** How many of the last ones are shown to people; the answer for programs has all that are kept. */
const shownOnes = 10;

export const refusalsCommand: Command = {
  name: "refusals",
  summary: "say what was refused in the last hour, and why a request was",
  operands: [],
  options: { ...operatorApiOptions, request: { type: "string" } },
  help: `Counts what a deployment has refused in the last hour by its code, and shows the last ones with their reasons, by
asking the API's /operator/refusals. Times are UTC.

  --request <id>   why this one was refused: the Request-Id of the answer that the viewer got
${operatorApiHelp("operator:read")}`,
  run: async (given) => {
    const request = given.one("request");
    const query = request === undefined ? "" : `?${new URLSearchParams({ request })}`;
    const asked = await askApi(await operatorApiOf(given, "operator:read"), "GET", `/operator/refusals${query}`);
    if (!asked.ok) return failed(asked.message, asked.answer);
    const read = answerSchema.safeParse(asked.answer);
    if (!read.success) return endFailed("The API answered something else than refusals: is it of this version?");
    const { total, recent } = read.data;
    if (request === undefined) return good(hourWords(total, recent), asked.answer);
    const [found] = recent;
    return found === undefined
      ? failed("Not found: only the latest refusals are kept. Search the worker's log for the Request-Id.")
      : good(oneWords(found), { ...found });
  },
};

type Told = z.output<typeof refusalSchema>;

function hourWords(total: Readonly<Record<string, number>>, recent: readonly Told[]): string {
  const counts = Object.entries(total).toSorted(([, a], [, b]) => b - a);
  if (counts.length === 0) return "Nothing was refused in the last hour.";
  const summed = table([["COUNT", "CODE"], ...counts.map(([code, count]) => [String(count), code])]);
  const last = recent
    .slice(0, shownOnes)
    .map(({ at, worker, code, request, reason }) => [at, worker, code, request, reason]);
  return `${summed}\n\n${table([["AT", "WORKER", "CODE", "REQUEST", "WHY"], ...last])}`;
}

function oneWords({ at, worker, code, reason }: Told): string {
  const problem = isRefusalCode(code) ? problemFor(code) : undefined;
  const first = `${code}${problem === undefined ? "" : ` (${problem.status}). ${problem.title}.`}`;
  const rows = [
    ["  When", at],
    ["  Worker", worker],
    ["  Why", reason],
    ...(problem === undefined ? [] : [["  What to do", problem.detail]]),
  ];
  return `${first}\n${table(rows)}`;
}
