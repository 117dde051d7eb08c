import * as z from "zod";
import { makeRoom } from "../base/bounded-map.ts";
import { isUnixSeconds, type UnixSeconds } from "../base/time.ts";

/** What happens to sessions, revocations and keys, as webhooks and `events --follow` tell it. */
export const eventTypes = [
  "session.started",
  "session.ended",
  "session.limit_reached",
  "session.shared",
  "revocation.created",
  "revocation.lifted",
  "key.rotation_due",
] as const;
export type EventType = (typeof eventTypes)[number];

/** Facts of an event. None is a secret: a subject is a keyed hash, and a revoked token or login a hash. */
interface EventData {
  readonly session?: string | undefined;
  readonly asset?: string | undefined;
  /** The keyed hash of the viewer, as in lists of sessions and refusals. */
  readonly subject?: string | undefined;
  /** Why a session ended: `revoked`, `taken`, `shared`, `left` (by the viewer), `silent` or `expired`. */
  readonly why?: string | undefined;
  /** What was revoked, and which one. */
  readonly kind?: string | undefined;
  readonly value?: string | undefined;
  /** The operator who did it. */
  readonly operator?: string | undefined;
  /** A key, and its step that is due. */
  readonly key?: string | undefined;
  readonly step?: string | undefined;
}

/** An event. `id` is the same wherever and however often it is told. */
export interface ServiceEvent {
  readonly id: string;
  readonly type: EventType;
  readonly at: UnixSeconds;
  readonly data: EventData;
}

/** What an operator did or tried. */
export interface OperatorAction {
  readonly at: UnixSeconds;
  readonly operator: string;
  readonly through: string;
  readonly act: string;
  readonly kind: string;
  /** What it was done to; for a viewer, token or login a hash. */
  readonly target: string;
  /** `done`, or the code of a refusal. */
  readonly outcome: string;
}

/** Something that an isolate reports: an event without the id that its place in the report gives it, or an action. */
export type Happening =
  | { readonly event: EventType; readonly at: UnixSeconds; readonly data: EventData; readonly id?: string | undefined }
  | ({ readonly event: "acted" } & OperatorAction);

export interface EventsAfter {
  /** Oldest first. */
  readonly events: readonly ServiceEvent[];
  /** Whether events between the asked one and the first of these are forgotten, or the asked one is unknown. */
  readonly missed: boolean;
}

const most = { events: 1_000, actions: 500 };

/** The last events and operators' actions, in memory. Each list is bounded, and many sessions do not push out the actions. */
export class EventLog {
  /** By their ids, oldest first. */
  readonly #events = new Map<string, ServiceEvent>();
  #actions: readonly OperatorAction[] = [];

  /** Adds what a report says; `name` is the report's own, from which events without an id get one. */
  addAll(happenings: readonly Happening[], name: string): void {
    for (const [place, happening] of happenings.entries()) {
      if (happening.event === "acted") {
        const { event: _, ...action } = happening;
        this.#actions = [...this.#actions, action].slice(-most.actions);
        const told = eventOfAction(action);
        if (told !== undefined) this.add({ id: `${name}-${place}`, ...told });
      } else {
        const { event: type, at, data, id = `${name}-${place}` } = happening;
        this.add({ id, type, at, data });
      }
    }
  }

  /** Adds an event; false if one with its id is known. */
  add(event: ServiceEvent): boolean {
    if (this.#events.has(event.id)) return false;
    makeRoom(this.#events, most.events);
    this.#events.set(event.id, event);
    return true;
  }

  /** The events after the one with this id; all without one. */
  after(id: string | undefined, limit: number): EventsAfter {
    const all = [...this.#events.values()];
    if (id === undefined) return { events: all.slice(-limit), missed: false };
    const place = all.findIndex((event) => event.id === id);
    return { events: all.slice(place + 1, place + 1 + limit), missed: place < 0 };
  }

  /** The last first. */
  actions(): readonly OperatorAction[] {
    return this.#actions.toReversed();
  }

  kept(): { readonly events: readonly ServiceEvent[]; readonly actions: readonly OperatorAction[] } {
    return { events: [...this.#events.values()], actions: this.#actions };
  }

  restore({ events, actions }: ReturnType<EventLog["kept"]>): void {
    for (const event of events) this.add(event);
    this.#actions = actions;
  }
}

/** A revocation that was made or lifted is an event too. */
function eventOfAction({ at, operator, act, kind, target: value, outcome }: OperatorAction) {
  if (outcome !== "done" || (act !== "revoke" && act !== "lift")) return undefined;
  const type: EventType = act === "revoke" ? "revocation.created" : "revocation.lifted";
  return { type, at, data: { kind, value, operator } };
}

const time = z.number().refine(isUnixSeconds);
const short = z.string().max(256);
const fact = short.optional();
const dataSchema = z.object({
  session: fact,
  asset: fact,
  subject: fact,
  why: fact,
  kind: fact,
  value: fact,
  operator: fact,
  key: fact,
  step: fact,
});

export const actionSchema = z.object({
  at: time,
  operator: short,
  through: short,
  act: short,
  kind: short,
  target: short,
  outcome: short,
});

export const serviceEventSchema = z.object({ id: short, type: z.enum(eventTypes), at: time, data: dataSchema });

export const happeningSchema = z.union([
  actionSchema.extend({ event: z.literal("acted") }),
  z.object({ event: z.enum(eventTypes), at: time, data: dataSchema, id: short.optional() }),
]);

export const eventsSchema = z.object({ events: z.array(serviceEventSchema), missed: z.boolean() });
