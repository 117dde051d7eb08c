import * as z from "zod";
import { type Command, endFailed, failed, good } from "../lib/command.ts";
import { askApi, operatorApiHelp, operatorApiOf, operatorApiOptions } from "../lib/operator-api.ts";
import { table } from "../lib/text.ts";

const answerSchema = z.object({
  count: z.int(),
  sessions: z.array(
    z.object({
      sessionId: z.string(),
      asset: z.string(),
      country: z.string(),
      startedAt: z.string(),
      lastSeenAt: z.string(),
      endsAt: z.string(),
    }),
  ),
});

export const sessionsCommand: Command = {
  name: "sessions",
  summary: "list the sessions that play now",
  operands: [],
  options: {
    ...operatorApiOptions,
    asset: { type: "string" },
    session: { type: "string" },
    limit: { type: "string" },
  },
  help: `Lists the playback sessions that hold a lease in a deployment, the last seen first, by asking the API's
/operator/sessions: asset, country, since when, when it was seen last, and when it ends. Times are UTC.

  --asset <id>     those of this asset alone
  --session <id>   this one alone
  --limit <n>      so many at most, up to 500 (100)
${operatorApiHelp("operator:read")}`,
  run: async (given) => {
    const query = new URLSearchParams();
    for (const name of ["asset", "session", "limit"]) {
      const value = given.one(name);
      if (value !== undefined) query.set(name, value);
    }
    const asked = await askApi(await operatorApiOf(given, "operator:read"), "GET", `/operator/sessions?${query}`);
    if (!asked.ok) return failed(asked.message, asked.answer);
    const read = answerSchema.safeParse(asked.answer);
    if (!read.success)
      return endFailed("The API answered something else than a list of sessions: is it of this version?");
    const { count, sessions } = read.data;
    if (sessions.length === 0) return good("No such session plays now.", asked.answer);
    const rows = sessions.map(({ sessionId, asset, country, startedAt, lastSeenAt, endsAt }) => [
      ...[sessionId, asset, country, startedAt, lastSeenAt, endsAt],
    ]);
    const text = table([["SESSION", "ASSET", "PLACE", "SINCE", "LAST SEEN", "ENDS"], ...rows]);
    const more = count > sessions.length ? `${sessions.length} of ${count} are listed.` : undefined;
    return good(text, asked.answer, more);
  },
};
