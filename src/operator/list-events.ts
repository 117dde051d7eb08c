import * as z from "zod";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";
import { rfc3339 } from "../base/time.ts";
import type { RouteTable } from "../http/route.ts";
import { type EventsAfter, eventTypes, type OperatorAction, type ServiceEvent } from "../metrics/event-log.ts";
import { fromStore } from "../sessions/session-context.ts";
import { maxListed, readListLimit } from "./list-sessions.ts";
import type { OperatorContext } from "./operator-context.ts";
import { type OperatorRoute, operatorRoute } from "./operator-route.ts";

const fact = (text: string) => z.string().exactOptional().describe(text);

/** An event as the route, `events --follow` and webhooks have it. */
const eventJsonSchema = z.strictObject({
  id: z.string().describe("The same wherever and however often the event is told."),
  type: z.enum(eventTypes),
  timestamp: z.iso.datetime(),
  data: z.strictObject({
    session: fact("A session's id."),
    asset: fact("An asset's id."),
    subject: fact("The keyed hash of the viewer, as in lists of sessions and refusals."),
    why: fact("Why the session ended: revoked, taken, shared, left (by its viewer), silent or expired."),
    kind: fact("What was revoked: session, subject, asset, token, login or key."),
    value: fact("Which one: an id; of a viewer, token or login a hash."),
    operator: fact("The name in the operator's credential."),
    key: fact("The kid of a key."),
    step: fact("The step of its rotation that is due."),
  }),
});

function eventJson({ id, type, at, data }: ServiceEvent): z.output<typeof eventJsonSchema> {
  const told = Object.entries(data).filter(([, value]) => value !== undefined);
  return { id, type, timestamp: rfc3339(at), data: Object.fromEntries(told) };
}

function eventsJson({ events, missed }: EventsAfter) {
  return { missed, events: events.map(eventJson) };
}

function actionsJson(actions: readonly OperatorAction[]) {
  return { actions: actions.map(({ at, ...action }) => ({ at: rfc3339(at), ...action })) };
}

type Unavailable = Refusal<"store_unavailable">;

async function listEvents(
  query: URLSearchParams,
  context: OperatorContext,
): Promise<Result<ReturnType<typeof eventsJson>, Unavailable | Refusal<"body_invalid">>> {
  const limit = readListLimit(query.get("limit") ?? undefined);
  if (!limit.ok) return limit;
  const after = query.get("after") ?? undefined;
  if (after !== undefined && after.length > 256)
    return refusal("body_invalid", "the event's id is too long", "after: give the id of an event");
  const events = await fromStore("the metrics object", context.gathered.events(after, limit.value), context);
  return events.ok ? ok(eventsJson(events.value)) : events;
}

async function listActions(context: OperatorContext): Promise<Result<ReturnType<typeof actionsJson>, Unavailable>> {
  const actions = await fromStore("the metrics object", context.gathered.actions(), context);
  return actions.ok ? ok(actionsJson(actions.value)) : actions;
}

export const eventRoutes: RouteTable<OperatorRoute> = {
  "/operator/events": {
    GET: operatorRoute({
      id: "listEvents",
      tag: "Operators",
      summary: "List events",
      description:
        "The last 1,000 events of sessions, revocations and keys, oldest first, about ten seconds after they happened. Repeat the " +
        "request with the id of the last event to follow them.",
      access: ["operator:read"],
      parameters: [
        {
          name: "after",
          in: "query",
          description: "The id of an event: returns those after it. `missed` is true if that event is forgotten.",
          schema: { type: "string" },
        },
        {
          name: "limit",
          in: "query",
          description: "Maximum number of events in the response.",
          schema: { type: "integer", minimum: 1, maximum: maxListed },
        },
      ],
      response: {
        status: 200,
        description: "The events.",
        body: {
          name: "Events",
          schema: z.strictObject({ missed: z.boolean(), events: z.array(eventJsonSchema) }),
        },
      },
      refusals: ["body_invalid", "store_unavailable"],
      run: ({ query }, context) => listEvents(query, context),
    }),
  },
  "/operator/actions": {
    GET: operatorRoute({
      id: "listActions",
      tag: "Operators",
      summary: "List operators' actions",
      description: "The last 500 actions and attempts of operators, by route and console, the last first.",
      access: ["operator:read"],
      response: {
        status: 200,
        description: "The actions.",
        body: {
          name: "Actions",
          schema: z.strictObject({
            actions: z.array(
              z.strictObject({
                at: z.iso.datetime(),
                operator: z.string().describe("The name in the operator's credential."),
                through: z.string().describe("route or console."),
                act: z.string().describe("revoke, lift, put, enforcement, remove, blackout or find."),
                kind: z.string().describe("What it was done to: session, subject, asset, token, login or key."),
                target: z.string().describe("Which one: an id; of a viewer, token or login a hash."),
                outcome: z.string().describe("done, or the code of the refusal."),
              }),
            ),
          }),
        },
      },
      refusals: ["store_unavailable"],
      run: (_, context) => listActions(context),
    }),
  },
};
