import { describe, expect, it } from "vitest";
import { seconds, after as timeAfter, unixSeconds } from "../../../src/base/time.ts";
import type { Happening } from "../../../src/metrics/event-log.ts";
import type { LiveSession, Report } from "../../../src/metrics/gathered.ts";
import { Gathering } from "../../../src/metrics/gathering.ts";
import { IsolateCounter } from "../../../src/metrics/isolate-counter.ts";

const start = unixSeconds(1_795_000_000);
const silence = seconds(120);

function stage() {
  const state = { now: start };
  const gathering = new Gathering(() => state.now, silence);
  let sequence = 0;
  const report = (parts: Partial<Report>) => {
    const from = { isolate: "a", sequence: ++sequence };
    gathering.report({ worker: "edge", from, counts: [], refusals: [], alive: [], ended: [], ...parts }, state.now);
  };
  const told = (after?: string) =>
    gathering.events(after, 100).events.map(({ type, data }) => [type, data.session, data.why]);
  return { state, gathering, report, told };
}

const session = (changes: Partial<LiveSession> = {}): LiveSession => ({
  ...{ sessionId: "s1", assetId: "film", subject: "ann", country: "DE" },
  ...{ startedAt: start, seenAt: start, expiresAt: timeAfter(start, seconds(3_600)) },
  ...changes,
});

describe("the events of a session", () => {
  it("are its start, once, and its end with the reason, however many isolates report them", () => {
    const { report, told } = stage();
    report({ alive: [session()] });
    report({ alive: [session({ seenAt: timeAfter(start, seconds(5)) })] });
    for (let i = 0; i < 2; i++) report({ ended: ["s1"], why: [["s1", "revoked"]] });
    expect(told()).toEqual([
      ["session.started", "s1", undefined],
      ["session.ended", "s1", "revoked"],
    ]);
  });

  it("say that it fell silent, or that its time was over", () => {
    const { state, report, told } = stage();
    report({ alive: [session(), session({ sessionId: "s2", expiresAt: timeAfter(start, seconds(60)) })] });
    state.now = timeAfter(start, silence);
    expect(told().slice(2)).toEqual([
      ["session.ended", "s1", "silent"],
      ["session.ended", "s2", "expired"],
    ]);
  });

  it("are no start of a session that a store without memory sees again", () => {
    const { report, told } = stage();
    report({ alive: [session({ startedAt: unixSeconds(start - 1_000) })] });
    expect(told()).toEqual([]);
  });
});

describe("the events of an isolate", () => {
  const reach = (subject: string) =>
    ({
      event: "refused",
      worker: "api",
      cause: "viewer",
      code: "stream_limit",
      reason: "",
      request: "r",
      asset: "film",
      subject,
    }) as const;

  it("are one per viewer and report, for a limit or a shared session", () => {
    const counter = new IsolateCounter(() => start);
    for (const subject of ["ann", "ann", "bob"]) counter.telemetry(reach(subject));
    counter.telemetry({ ...reach("ann"), code: "session_shared" });
    const { happened = [] } = counter.take() ?? {};
    expect(happened.map((one) => one.event !== "acted" && [one.event, one.data.subject])).toEqual([
      ["session.limit_reached", "ann"],
      ["session.limit_reached", "bob"],
      ["session.shared", "ann"],
    ]);
  });

  it("are operators' actions, of which revocations are events too", () => {
    const counter = new IsolateCounter(() => start);
    const act = { operator: "ann", through: "route", act: "revoke", kind: "asset", target: "film" };
    counter.telemetry({ event: "acted", ...act, outcome: "done" });
    counter.telemetry({ event: "acted", ...act, outcome: "store_unavailable" });
    const { gathering, report } = stage();
    report({ happened: counter.take()?.happened });
    expect(gathering.actions().map(({ outcome }) => outcome)).toEqual(["store_unavailable", "done"]);
    expect(gathering.events(undefined, 9).events).toMatchObject([
      { type: "revocation.created", data: { kind: "asset", value: "film", operator: "ann" } },
    ]);
  });
});

describe("the list of events", () => {
  const due = (id: string): Happening => ({
    event: "key.rotation_due",
    at: start,
    id,
    data: { key: "k", step: "retire" },
  });

  it("goes on after an event, has one with the same id once, and says if the event is forgotten", () => {
    const { gathering, report } = stage();
    report({ happened: [due("a"), due("b"), due("a")] });
    expect(gathering.events("a", 9)).toMatchObject({ missed: false, events: [{ id: "b" }] });
    expect(gathering.events("b", 9)).toEqual({ missed: false, events: [] });
    expect(gathering.events("gone", 9)).toMatchObject({ missed: true, events: [{ id: "a" }, { id: "b" }] });
  });

  it("keeps a thousand events and five hundred actions, which survive a restart", () => {
    const { gathering, report } = stage();
    for (let i = 0; i < 1_200; i++) report({ happened: [due(String(i))] });
    const next = stage().gathering;
    next.restore(gathering.kept());
    expect([next.events("199", 999).missed, next.events("200", 999).missed]).toEqual([true, false]);
  });
});
