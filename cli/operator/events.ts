import * as z from "zod";
import { type Command, failed, type Outcome, succeeded } from "../lib/command.ts";
import {
  callApi,
  type OperatorApi,
  operatorApiHelp,
  operatorApiOf,
  operatorApiOptions,
  parseResponse,
} from "../lib/operator-api.ts";

const eventSchema = z.object({
  id: z.string(),
  type: z.string(),
  timestamp: z.string(),
  data: z.record(z.string(), z.string()),
});
const responseSchema = z.object({ missed: z.boolean(), events: z.array(eventSchema) });

type Event = z.output<typeof eventSchema>;

/** How often `--follow` asks. Events arrive about every ten seconds. */
const interval = 2_000;

export const eventsCommand: Command = {
  name: "events",
  summary: "show what happens to sessions, revocations and keys",
  operands: [],
  options: { ...operatorApiOptions, follow: { type: "boolean" } },
  help: `Shows the last events from the API's route /operator/events: sessions that start and end (and why), limits that viewers meet,
revocations, rotations that are due. docs/operate/events.md describes each.

  --follow        go on with new events, until Ctrl-C; with --json one event per line
${operatorApiHelp("operator:read")}`,
  run: async (args) => {
    const api = await operatorApiOf(args, "operator:read");
    if (args.flag("follow")) return follow(api, args.flag("json") ? JSON.stringify : lineOf);
    const response = await callApi(api, "GET", path);
    if (!response.ok) return failed(response.message, response.body);
    const { events } = parseResponse(api, path, response.body, responseSchema);
    return succeeded(events.length === 0 ? "Nothing happened yet." : events.map(lineOf).join("\n"), response.body);
  },
};

const path = "/operator/events";

/** Writes new events as they come. It ends only if the API refuses or does not answer. */
async function follow(api: OperatorApi, write: (event: Event) => string): Promise<Outcome> {
  let last: string | undefined;
  for (;;) {
    const query = new URLSearchParams({ limit: "500", ...(last !== undefined && { after: last }) });
    const response = await callApi(api, "GET", `${path}?${query}`);
    if (!response.ok) return failed(response.message, response.body);
    const { events, missed } = parseResponse(api, path, response.body, responseSchema);
    if (missed) process.stderr.write("Some events are missing here: more than 1,000 happened since the last answer.\n");
    for (const event of events) process.stdout.write(`${write(event)}\n`);
    // After a loss the next answer begins with the newest event.
    last = events.at(-1)?.id ?? (missed ? undefined : last);
    await new Promise((resolve) => setTimeout(resolve, interval));
  }
}

/** `2026-12-01T20:00:00Z  session.ended  session=… asset=film why=revoked`. */
function lineOf({ timestamp, type, data }: Event): string {
  const facts = Object.entries(data).map(([name, value]) => `${name}=${value}`);
  return [timestamp, type.padEnd(longestType), facts.join(" ")].join("  ");
}

const longestType = "session.limit_reached".length;
