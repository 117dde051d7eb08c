import * as z from "zod";
import { type Command, failed } from "../lib/command.ts";
import { callApi, operatorApiHelp, operatorApiOf, operatorApiOptions, parseResponse } from "../lib/operator-api.ts";
import { coloured, table } from "../lib/text.ts";

const answeredSchema = z.object({
  requested: z.int(),
  accepted: z.int(),
  refused: z.object({ ours: z.int(), origin: z.int(), provider: z.int(), viewer: z.int() }),
});
const responseSchema = z.object({
  level: z.enum(["ok", "warning", "error"]),
  words: z.string(),
  why: z.string(),
  watching: z.int().optional(),
  minutes: z.int(),
  starts: answeredSchema.optional(),
  media: answeredSchema.optional(),
});

type Status = z.output<typeof responseSchema>;

export const statusCommand: Command = {
  name: "status",
  summary: "say whether viewers can start and watch, and whose fault it is if not",
  operands: [],
  options: operatorApiOptions,
  help: `Prints the headline of the console, from the API's route /operator/status: the starts and media requests of the last five
minutes, by what came of them. It ends with 1 if the headline is an error.

${operatorApiHelp("operator:read")}`,
  run: async (args) => {
    const api = await operatorApiOf(args, "operator:read");
    const response = await callApi(api, "GET", "/operator/status");
    if (!response.ok) return failed(response.message, response.body);
    const status = parseResponse(api, "/operator/status", response.body, responseSchema);
    return { exit: status.level === "error" ? 1 : 0, text: statusText(status), json: response.body };
  },
};

const marks = { ok: ["green", "OK"], warning: ["gray", "WARNING"], error: ["red", "ERROR"] } as const;

function statusText({ level, words, why, watching, minutes, starts, media }: Status): string {
  const [colour, mark] = marks[level];
  const rowOf = (name: string, answered: Status["starts"]) => {
    if (answered === undefined) return [];
    const { requested, accepted, refused } = answered;
    return [
      [name, ...[requested, accepted, refused.ours, refused.origin, refused.provider, refused.viewer].map(String)],
    ];
  };
  const heading = [`LAST ${minutes} MINUTES`, "REQUESTED", "ACCEPTED", "OURS", "ORIGIN", "PROVIDER", "VIEWER"];
  const figures = table([heading, ...rowOf("starts", starts), ...rowOf("media", media)]);
  const viewers = watching === undefined ? [] : [`${watching} watching.`];
  return [`${coloured(colour, `${mark}:`)} ${words}\n${why}`, figures, ...viewers].join("\n\n");
}
