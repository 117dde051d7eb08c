import * as z from "zod";
import { type Command, failed } from "../lib/command.ts";
import { callApi, operatorApiHelp, operatorApiOf, operatorApiOptions, parseResponse } from "../lib/operator-api.ts";
import { table } from "../lib/text.ts";

const figuresSchema = z.object({
  starts: z.object({ requested: z.number(), accepted: z.number() }),
  media: z.object({ requested: z.number(), accepted: z.number() }),
  refused: z.number(),
  origin: z.object({ requests: z.number(), failed: z.number(), seconds: z.number().optional() }),
  cache: z.object({ lookups: z.number(), hits: z.number() }),
  liveSeconds: z.number().optional(),
});
const responseSchema = z.object({
  worse: z.array(z.string()),
  lastHour: figuresSchema,
  dayBefore: figuresSchema,
  marks: z.array(z.object({ at: z.string(), kind: z.string(), state: z.string() })),
  today: z.array(figuresSchema),
});

type Figures = z.output<typeof figuresSchema>;
type Value = (figures: Figures) => number | undefined;

export const historyCommand: Command = {
  name: "history",
  summary: "compare the last hour with yesterday, and show the last 24 hours",
  operands: [],
  options: operatorApiOptions,
  help: `Prints starts, refusals, origin and cache of the last 24 hours, from the API's route /operator/history: a bar for each half hour,
the last hour, and the same hour of yesterday; then the releases and key steps of that time. --json prints everything, per
ten minutes. It ends with 1 if a figure is clearly worse than yesterday.

${operatorApiHelp("operator:read")}`,
  run: async (args) => {
    const api = await operatorApiOf(args, "operator:read");
    const response = await callApi(api, "GET", "/operator/history");
    if (!response.ok) return failed(response.message, response.body);
    const history = parseResponse(api, "/operator/history", response.body, responseSchema);
    return { exit: history.worse.length > 0 ? 1 : 0, text: historyText(history), json: response.body };
  },
};

const share = (part: number, whole: number) => (whole === 0 ? undefined : part / whole);
const percent = (value: number) => `${Math.floor(value * 1_000) / 10}%`;
const length = (value: number) => `${value.toFixed(3)} s`;

const figures: readonly (readonly [name: string, value: Value, text: (value: number) => string])[] = [
  ["starts", ({ starts }) => starts.requested, String],
  ["starts accepted", ({ starts }) => share(starts.accepted, starts.requested), percent],
  ["media served", ({ media }) => share(media.accepted, media.requested), percent],
  ["refusals", ({ refused }) => refused, String],
  ["origin's time", ({ origin }) => origin.seconds, length],
  ["origin's failures", ({ origin }) => origin.failed, String],
  ["cache hits", ({ cache }) => share(cache.hits, cache.lookups), percent],
  ["live delay", ({ liveSeconds }) => liveSeconds, length],
];

function historyText({ worse, lastHour, dayBefore, marks, today }: z.output<typeof responseSchema>): string {
  const rows = figures.map(([name, value, text]) => {
    const shown = (of: Figures) => {
      const found = value(of);
      return found === undefined ? "-" : text(found);
    };
    return [name, sparkline(today.map((of) => value(of) ?? 0)), shown(lastHour), shown(dayBefore)];
  });
  const headline = worse.length === 0 ? "No figure is clearly worse than yesterday." : "Worse than yesterday:";
  const steps = marks.map(({ at, kind, state }) => `${at}  ${kind === "version" ? "release" : "key"} ${state}`);
  return [
    [headline, ...worse.map((one) => `  ${one}.`)].join("\n"),
    table([["", "LAST 24 HOURS", "LAST HOUR", "A DAY BEFORE"], ...rows]),
    ...(steps.length === 0 ? [] : [["Releases and key steps:", ...steps.map((one) => `  ${one}`)].join("\n")]),
  ].join("\n\n");
}

const bars = "▁▂▃▄▅▆▇█";

/** One bar per three values, the highest of them, relative to the highest of all. */
function sparkline(values: readonly number[]): string {
  const highest = Math.max(0, ...values);
  const parts = Array.from({ length: Math.ceil(values.length / 3) }, (_, place) =>
    Math.max(0, ...values.slice(3 * place, 3 * place + 3)),
  );
  return parts.map((part) => (part === 0 ? " " : bars[Math.round((part / highest) * (bars.length - 1))])).join("");
}
