import * as z from "zod";
import { maxListed } from "../../src/operator/list-sessions.ts";
import { type Command, endInvalid, endMisused, failed, succeeded } from "../lib/command.ts";
import { callApi, operatorApiHelp, operatorApiOf, operatorApiOptions, parseResponse } from "../lib/operator-api.ts";
import { readSessionId, table } from "../lib/text.ts";
import { lookUp, sessionsText, viewerHelp, viewerIn, viewerOptions } from "./viewer.ts";

const responseSchema = z.object({
  count: z.int(),
  sessions: z.array(
    z.object({
      sessionId: z.string(),
      asset: z.string(),
      country: z.string(),
      player: z.string().optional(),
      startedAt: z.string(),
      lastSeenAt: z.string(),
      endsAt: z.string(),
    }),
  ),
});

export const sessionsCommand: Command = {
  name: "sessions",
  summary: "list the running sessions",
  operands: [],
  options: {
    ...operatorApiOptions,
    asset: { type: "string" },
    session: { type: "string" },
    country: { type: "string" },
    asn: { type: "string" },
    player: { type: "string" },
    ...viewerOptions,
    limit: { type: "string" },
  },
  help: `Lists the running playback sessions (those with a lease), most recently seen first, with asset, country, start, last
request and expiry. The data comes from the API's route /operator/sessions. Times are UTC. For a viewer, the sessions of the
last hour are listed too (npx stagedoor viewer shows more).

  --asset <id>     only the sessions of this asset
  --session <id>   only this session
  --country <code> only those in this country, such as DE
  --asn <number>   only those in this network, where the platform tells it
  --player <name>  only those of this player's family, such as Chrome or AVPlayer
${viewerHelp}
  --limit <n>      the maximum number of sessions, up to 500 (100)
${operatorApiHelp("operator:read")}`,
  run: async (args) => {
    const query = new URLSearchParams();
    const [session, limit] = [args.value("session"), args.value("limit")];
    if (session !== undefined) readSessionId(session);
    if (limit !== undefined && (!/^\d{1,4}$/.test(limit) || Number(limit) < 1 || Number(limit) > maxListed))
      endInvalid("limit", limit, `a whole number from 1 to ${maxListed}`);
    for (const name of ["asset", "session", "country", "asn", "player", "limit"]) {
      const value = args.value(name);
      if (value !== undefined) query.set(name, value);
    }
    const viewer = viewerIn(args);
    if (viewer !== undefined && query.size > 0)
      return endMisused(
        `Omit ${[...query.keys()].map((name) => `--${name}`).join(" and ")}: a viewer's sessions are all listed.`,
      );
    const api = await operatorApiOf(args, "operator:read");
    if (viewer !== undefined) {
      const found = await lookUp(api, viewer);
      if (!found.ok) return failed(found.message, found.body);
      return succeeded(sessionsText(found.found.sessions), { sessions: found.body.sessions });
    }
    const response = await callApi(api, "GET", `/operator/sessions?${query}`);
    if (!response.ok) return failed(response.message, response.body);
    const { count, sessions } = parseResponse(api, "/operator/sessions", response.body, responseSchema);
    if (sessions.length === 0) return succeeded("No matching session is running.", response.body);
    const rows = sessions.map(({ sessionId, asset, country, player = "-", startedAt, lastSeenAt, endsAt }) => [
      ...[sessionId, asset, country, player, startedAt, lastSeenAt, endsAt],
    ]);
    const text = table([["SESSION", "ASSET", "COUNTRY", "PLAYER", "STARTED", "LAST SEEN", "EXPIRES"], ...rows]);
    const note = count > sessions.length ? `${sessions.length} of ${count} sessions are listed.` : undefined;
    return succeeded(text, response.body, note);
  },
};
