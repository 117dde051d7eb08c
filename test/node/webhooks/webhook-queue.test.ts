import { Webhook } from "standardwebhooks";
import { describe, expect, it } from "vitest";
import { seconds, systemTimer, type Timer, after as timeAfter, unixSeconds } from "../../../src/base/time.ts";
import { EventLog, type ServiceEvent } from "../../../src/metrics/event-log.ts";
import { openSqlite } from "../../../src/platform/node/sqlite-database.ts";
import { type WebhookOutcome, type WebhookPorts, WebhookQueue } from "../../../src/webhooks/webhook-queue.ts";
import { type WebhookEndpoint, webhookSecretsSchema, webhooksSchema } from "../../../src/webhooks/webhook-settings.ts";

const secretOf = (letter: string) => `whsec_${btoa(letter.repeat(32))}`;
const start = unixSeconds(Math.floor(Date.now() / 1_000));
const url = "https://app.example/hooks";

interface Received {
  readonly url: string;
  readonly headers: Headers;
  readonly body: string;
}

/** Queues over one database and one list of events, with endpoints that answer as the test says. */
function stage(endpoints: readonly WebhookEndpoint[] = [{ url }], secrets = [secretOf("a")]) {
  const log = new EventLog();
  const state = { now: start, answer: (_: string): number | "late" | "down" => 204 };
  const received: Received[] = [];
  const outcomes: WebhookOutcome[] = [];
  const claimed = new Set<string>();
  const ports: WebhookPorts = {
    store: openSqlite(":memory:", { durable: false }),
    events: async (after, limit) => log.after(after, limit),
    fetch: async (to, { headers, body }) => {
      received.push({ url: to, headers, body });
      const answer = state.answer(to);
      if (answer === "down") throw new Error("refused");
      if (answer === "late") return new Promise(() => undefined);
      return new Response(answer === 204 ? null : "moved", { status: answer });
    },
    clock: () => state.now,
    timer: systemTimer,
    onOutcome: (outcome) => void outcomes.push(outcome),
  };
  const queueOf = (changes: Partial<WebhookPorts> = {}) =>
    new WebhookQueue({ endpoints, secrets }, { ...ports, ...changes });
  const happen = (id: string, changes: Partial<ServiceEvent> = {}) =>
    log.add({ id, type: "session.started", at: state.now, data: { session: id, asset: "film" }, ...changes });
  const sent = () => received.map(({ body }) => JSON.parse(body).data.session);
  return { state, received, outcomes, queueOf, happen, sent, claimed };
}

describe("a webhook", () => {
  it("gets each event once, in order, signed so that the specification's own library accepts it", async () => {
    const { queueOf, happen, received, sent, outcomes } = stage([{ url }], [secretOf("a"), secretOf("b")]);
    const queue = queueOf();
    for (const id of ["s 1", "s 2"]) happen(id);
    await queue.deliver();
    await queue.deliver();
    happen("s 3");
    await queueOf().deliver();
    expect([sent(), outcomes]).toEqual([
      ["s 1", "s 2", "s 3"],
      ["delivered", "delivered", "delivered"],
    ]);
    const [{ headers, body } = { headers: new Headers(), body: "" }] = received;
    for (const letter of ["a", "b"])
      expect(new Webhook(secretOf(letter)).verify(body, Object.fromEntries(headers))).toEqual({
        type: "session.started",
        timestamp: new Date(start * 1_000).toISOString().replace(".000Z", "Z"),
        data: { session: "s 1", asset: "film" },
      });
    expect(() => new Webhook(secretOf("c")).verify(body, Object.fromEntries(headers))).toThrow();
    expect(headers.get("webhook-id")).toBe("evt_s_1");
  });

  it("gets only the events that it asks for", async () => {
    const { queueOf, happen, sent } = stage([{ url, events: ["session.ended"] }]);
    happen("a");
    happen("b", { type: "session.ended" });
    await queueOf().deliver();
    expect(sent()).toEqual(["b"]);
  });

  it("that is new gets no history", async () => {
    const { queueOf, happen, sent, state } = stage();
    happen("old");
    state.now = timeAfter(start, seconds(60));
    happen("new");
    await queueOf().deliver();
    expect(sent()).toEqual(["new"]);
  });

  it.each<[string, number | "down"]>([
    ["refuses", 500],
    ["redirects", 307],
    ["cannot be reached", "down"],
  ])("that %s gets the event again with growing waits, then the next one, and delays no other", async (_, answer) => {
    const other = "https://other.example/hooks";
    const { queueOf, happen, state, outcomes, received } = stage([{ url }, { url: other }]);
    const queue = queueOf();
    state.answer = (to) => (to === url ? answer : 200);
    happen("a");
    const waits: number[] = [];
    for (let attempt = 0; attempt < 7; attempt++) {
      const next = (await queue.deliver()) ?? state.now;
      waits.push(next - state.now);
      state.now = next;
    }
    expect(waits).toEqual([5, 30, 120, 600, 1_800, 7_200, 25_000]);
    expect(received.filter((one) => one.url === other).length).toBe(1);
    await queue.deliver();
    expect(outcomes.filter((outcome) => outcome !== "delivered")).toEqual([...Array(7).fill("failed"), "dropped"]);
    state.answer = () => 200;
    happen("b");
    await queue.deliver();
    expect(received.at(-1)?.body).toContain('"session":"b"');
  });

  it("that calls an event wrong gets it three times, and then the next one", async () => {
    const { queueOf, happen, state, outcomes, sent } = stage();
    state.answer = () => (sent().at(-1) === "a" ? 400 : 200);
    const queue = queueOf();
    for (const id of ["a", "b"]) happen(id);
    for (let turn = 0; turn < 3; turn++) {
      await queue.deliver();
      state.now = timeAfter(state.now, seconds(60));
    }
    expect([sent(), outcomes]).toEqual([
      ["a", "a", "a", "b"],
      ["failed", "failed", "dropped", "delivered"],
    ]);
  });

  it("gets all events of several pages, and a turn ends after ten seconds", async () => {
    const { queueOf, happen, state, sent } = stage([{ url, events: ["session.ended"] }]);
    const queue = queueOf();
    happen("first", { type: "session.ended" });
    await queue.deliver();
    for (let i = 0; i < 600; i++) happen(`other ${i}`);
    for (const id of ["a", "b", "c"]) happen(id, { type: "session.ended" });
    expect(await queue.deliver()).toBe(state.now);
    state.answer = () => {
      state.now = timeAfter(state.now, seconds(6));
      return 200;
    };
    expect(await queue.deliver()).toBe(state.now);
    expect(sent()).toEqual(["first", "a", "b"]);
    await queue.deliver();
    expect(sent()).toEqual(["first", "a", "b", "c"]);
  });

  it("that does not answer in ten seconds has failed, and the request is aborted", async () => {
    const { queueOf, happen, state, outcomes } = stage();
    state.answer = () => "late";
    happen("a");
    const signals: AbortSignal[] = [];
    const atOnce: Timer = (_, ring) => {
      ring();
      return () => undefined;
    };
    const fetch: WebhookPorts["fetch"] = (_, { signal }) => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    await queueOf({ timer: atOnce, fetch }).deliver();
    expect([outcomes, signals.map(({ aborted }) => aborted)]).toEqual([["failed"], [true]]);
  });

  it("is sent to by one of several processes with one database, and by one of several machines with one claim", async () => {
    const { queueOf, happen, sent, claimed } = stage();
    happen("a");
    await Promise.all([queueOf().deliver(), queueOf().deliver()]);
    expect(sent()).toEqual(["a"]);
    const claim = async (name: string) => {
      const isFirst = !claimed.has(name);
      claimed.add(name);
      return isFirst;
    };
    const machines = [stage(), stage()];
    for (const machine of machines) {
      machine.happen("b");
      await machine.queueOf({ claim }).deliver();
    }
    expect(machines.flatMap((machine) => machine.sent())).toEqual(["b"]);
  });

  it("counts events that were forgotten before its turn", async () => {
    const { queueOf, happen, outcomes, state } = stage();
    const queue = queueOf();
    happen("first");
    await queue.deliver();
    for (let i = 0; i < 1_001; i++) happen(`later ${i}`);
    state.answer = () => 500;
    await queue.deliver();
    expect(outcomes).toEqual(["delivered", "dropped", "failed"]);
  });
});

describe("the setting of webhooks", () => {
  it.each([
    ["plain HTTP", { url: "http://app.example/" }],
    ["a password in the URL", { url: "https://a:b@app.example/" }],
    ["an unknown event", { url, events: ["session.paused"] }],
    ["a misspelt member", { url, event: ["session.ended"] }],
  ])("refuses %s", (_, endpoint) => {
    expect(webhooksSchema.safeParse([endpoint]).success).toBe(false);
  });

  it.each(["", "whsec_c2hvcnQ=", secretOf("a").slice(6), `${secretOf("a")},${secretOf("b")}`])(
    "refuses the secret %j",
    (text) => {
      expect(webhookSecretsSchema.safeParse(text).success).toBe(false);
    },
  );

  it("has one secret, or several for a rotation", () => {
    const two = `${secretOf("a")} ${secretOf("b")}`;
    expect(webhookSecretsSchema.parse(two)).toEqual([secretOf("a"), secretOf("b")]);
  });

  it("refuses one url twice", () => {
    const one = { url };
    expect([webhooksSchema.safeParse([one]).success, webhooksSchema.safeParse([one, one]).success]).toEqual([
      true,
      false,
    ]);
  });
});
