import { describe, expect, it } from "vitest";
import type { Credential } from "../../../src/auth/credential.ts";
import type { QuotaStatus } from "../../../src/auth/rate-limit.ts";
import type { CredentialRefusal } from "../../../src/auth/request-credential.ts";
import { ok, type Result, refuse } from "../../../src/base/result.ts";
import { milliseconds, seconds, unixMilliseconds } from "../../../src/base/time.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { type SubjectLeasesNamespace, streamsOf } from "../../../src/platform/cloudflare/session-stores.ts";
import type { StreamsOf } from "../../../src/sessions/lease.ts";
import { watchRevocations } from "../../../src/sessions/revocation-watch.ts";
import type { SessionContext, SessionRequest } from "../../../src/sessions/session-context.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { memoryRevocationLog, memoryStreams } from "../../support/memory-stores.ts";
import { sessionContext } from "../api/start.ts";
import { newPair, token } from "../auth/tokens.ts";
import { runtimeBindings } from "../platform/runtime-bindings.ts";
import { in6Hours, now } from "../signing/session.ts";
import { asset, codeOf, opened, presenting, usualRequest } from "./session-service.ts";

const startRate = { name: "start-subject", quota: 3, window: seconds(3600) };
let viewerCount = 0;

/** Durable Objects if the runtime has them, otherwise memory; each call is recorded by its name. */
async function recordingStreams(calls: string[]): Promise<StreamsOf> {
  const namespace: unknown = Reflect.get((await runtimeBindings()) ?? {}, "SUBJECT_LEASES");
  const recorded = <Target extends object>(object: Target): Target =>
    new Proxy(object, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== "function") return method;
        return (...args: unknown[]) => {
          calls.push(String(name));
          return Reflect.apply(method, target, args);
        };
      },
    });
  if (!isNamespace(namespace)) {
    const memory = memoryStreams().streamsOf;
    return (...names) => recorded(memory(...names));
  }
  return streamsOf({
    idFromName: (name) => namespace.idFromName(name),
    get: (id) => recorded(namespace.get(id)),
  });
}

function isNamespace(value: unknown): value is SubjectLeasesNamespace<unknown> {
  return typeof value === "object" && value !== null && typeof Reflect.get(value, "idFromName") === "function";
}

/** Starts of a viewer that no other test uses, with every call to a store or a service. */
async function recordedStart(changes: Partial<SessionContext> = {}) {
  const issuer = await newPair("ES256");
  const base = await sessionContext([issuer]);
  const calls: string[] = [];
  const inMemory = memoryRevocationLog(() => clock());
  const log: SessionContext["log"] = {
    append: async (...entries) => {
      calls.push("append");
      return inMemory.append(...entries);
    },
    lift: inMemory.lift,
    shorten: inMemory.shorten,
    since: async (cursor) => {
      calls.push("since");
      return inMemory.since(cursor);
    },
  };
  let passed = 0;
  const clock = () => unixMilliseconds((now + passed) * 1000);
  const timer = () => () => undefined;
  const catalog = parseCatalog({ version: 1, assets: [asset("film"), asset("gone", { countries: { only: ["DE"] } })] });
  if (!catalog.ok) throw new Error("the test catalog is invalid");
  const context: SessionContext = {
    ...base,
    log,
    streams: await recordingStreams(calls),
    revocations: watchRevocations({ log, clock, timer, maxAge: milliseconds(2000), failure: "closed" }),
    limits: {
      ...base.limits,
      take: (...args) => {
        calls.push("limits");
        return base.limits.take(...args);
      },
    },
    catalog: async () => ok(catalog.value),
    settings: { ...base.settings, startRate, streamLimit: 2 },
    ...changes,
  };
  const sub = `viewer-${viewerCount++}`;
  const start = async (body: object = { asset: "film" }, more: Partial<SessionRequest> = {}, by = context) => {
    const credential = presenting(`Bearer ${await token(issuer, { sub, assets: "*" })}`, by);
    return startStream({ ...usualRequest, credential, body: JSON.stringify(body), ...more }, by);
  };
  const takeCalls = () => calls.splice(0);
  await context.revocations.current(() => undefined);
  takeCalls();
  const later = (by: number) => {
    passed += by;
  };
  return { context, start, takeCalls, later };
}

describe("a start", () => {
  it("calls one store once: the viewer's streams, which check the quota and the stream limit", async () => {
    const { start, takeCalls } = await recordedStart();
    opened(await start());
    expect(takeCalls()).toEqual(["claim"]);
    opened(await start());
    expect(codeOf(await start())).toBe("stream_limit");
    expect(codeOf(await start())).toBe("rate_limited");
    expect(takeCalls()).toEqual(["claim", "claim", "claim"]);
    expect(codeOf(await start())).toBe("rate_limited");
    expect(takeCalls()).toEqual([]);
  });

  it("with an entitlement service is counted before the service is asked, and claims its stream after that", async () => {
    const serviceCalls: string[][] = [];
    const service = await recordedStart({
      entitlement: async () => {
        serviceCalls.push(service.takeCalls());
        return ok({ streams: undefined, until: undefined });
      },
    });
    for (let i = 0; i < 2; i++) opened(await service.start());
    expect([serviceCalls, service.takeCalls()]).toEqual([[["take"], ["claim", "take"]], ["claim"]]);
  });

  it("that the entitlement service refuses claims no stream, and its quota protects the service and the stores", async () => {
    let serviceCalls = 0;
    const { start, takeCalls } = await recordedStart({
      entitlement: async () => {
        serviceCalls++;
        return refuse({ code: "entitlement_refused", reason: "not bought" } as const);
      },
    });
    const codes = [];
    for (let i = 0; i < 6; i++) codes.push(codeOf(await start()));
    expect(codes).toEqual([...Array(3).fill("entitlement_refused"), ...Array(3).fill("rate_limited")]);
    expect([serviceCalls, takeCalls()]).toEqual([3, ["take", "take", "take", "take"]]);
  });

  it.each([
    ["closed", "store_unavailable", 0],
    ["open", "ok", 1],
  ] as const)(
    "that cannot be counted asks the entitlement service only if stores fail open: %s",
    async (storeFailure, code, asks) => {
      let serviceCalls = 0;
      const entitlement = async () => {
        serviceCalls++;
        return ok({ streams: undefined, until: undefined });
      };
      const { context, start } = await recordedStart({ entitlement });
      const streams: StreamsOf = (...names) => ({
        ...context.streams(...names),
        take: () => Promise.reject(new Error("down")),
        claim: async () => ({ status: "granted", taken: [] }),
      });
      const settings = { ...context.settings, storeFailure };
      expect([codeOf(await start(undefined, {}, { ...context, streams, settings })), serviceCalls]).toEqual([
        code,
        asks,
      ]);
    },
  );

  it.each([
    ["an unknown asset", { asset: "none" }, "asset_unknown"],
    ["an asset whose conditions are not met", { asset: "gone" }, "country_forbidden"],
    ["a body without an asset", {}, "body_invalid"],
  ])("with %s calls no store", async (_, body, code) => {
    const { start, takeCalls } = await recordedStart();
    expect([codeOf(await start(body)), takeCalls()]).toEqual([code, []]);
  });

  it("of a revoked asset claims no stream", async () => {
    const { context, start, takeCalls, later } = await recordedStart();
    await context.log.append(
      [{ kind: "asset", value: "film", cause: "revoked", at: now, until: in6Hours }],
      "operator",
    );
    later(2);
    expect(codeOf(await start())).toBe("asset_revoked");
    expect(takeCalls()).toEqual(["append", "since"]);
  });

  it("reads the revocation log while the token is verified, and keeps the answer if the token is refused", async () => {
    const { context, start, takeCalls, later } = await recordedStart();
    later(2);
    const background: Promise<unknown>[] = [];
    const verified = Promise.withResolvers<Result<Credential, CredentialRefusal>>();
    const validating = Promise.withResolvers<void>();
    const validate = () => {
      validating.resolve();
      return verified.promise;
    };
    const credential = { ...usualRequest.credential, validate };
    const started = start(undefined, { credential, waitUntil: (work) => background.push(work) });
    await validating.promise;
    expect(takeCalls()).toEqual(["since"]);
    verified.resolve(refuse({ code: "token_invalid", reason: "not signed" }));
    expect(codeOf(await started)).toBe("token_invalid");
    await Promise.all(background);
    expect(context.revocations.atHand(() => undefined)).toBeDefined();
    opened(await start());
    expect(takeCalls()).toEqual(["claim"]);
  });

  it("is counted once even if it first ends streams that were revoked", async () => {
    const { context, start, takeCalls, later } = await recordedStart();
    const sessions = [opened(await start()), opened(await start())];
    for (const { sessionId: value } of sessions)
      await context.log.append([{ kind: "session", value, cause: "revoked", at: now, until: in6Hours }], "operator");
    later(2);
    takeCalls();
    const statuses: QuotaStatus[] = [];
    opened(await start(undefined, { onQuotaStatus: (status) => statuses.push(status) }));
    expect(takeCalls()).toEqual(["since", "claim", "end", "end", "claim"]);
    expect(statuses).toMatchObject([{ policy: startRate, remaining: 0 }]);
  });
});
