import { describe, expect, it } from "vitest";
import type { Credential } from "../../../src/auth/credential.ts";
import type { QuotaStatus } from "../../../src/auth/rate-limit.ts";
import { ok, type Refusal, type Result, refuse } from "../../../src/base/result.ts";
import { milliseconds, seconds, unixMilliseconds } from "../../../src/base/time.ts";
import { parseCatalog } from "../../../src/catalog/catalog.ts";
import { type SubjectLeasesNamespace, streamsOf } from "../../../src/platform/cloudflare/object-clients.ts";
import type { StreamsOf } from "../../../src/sessions/lease.ts";
import { watchRevocations } from "../../../src/sessions/revocation-watch.ts";
import type { SessionContext, SessionRequest } from "../../../src/sessions/session-context.ts";
import { startStream } from "../../../src/sessions/start-stream.ts";
import { memoryRevocationLog, memoryStreams } from "../../support/memory-stores.ts";
import { sessionContext } from "../api/start.ts";
import { newPair, token } from "../auth/tokens.ts";
import { runtimeBindings } from "../platform/runtime-bindings.ts";
import { in6Hours, now } from "../signing/session.ts";
import { asset, codeOf, opened, presenting, usualRequest } from "./session-stage.ts";

const startRate = { name: "start-subject", quota: 3, window: seconds(3600) };
let made = 0;

/** Durable Objects where the runtime has them, and memory elsewhere: each question is noted by its name. */
async function notedStreams(questions: string[]): Promise<StreamsOf> {
  const namespace: unknown = Reflect.get((await runtimeBindings()) ?? {}, "SUBJECT_LEASES");
  const noted = <Asked extends object>(asked: Asked): Asked =>
    new Proxy(asked, {
      get: (target, name) => {
        const method: unknown = Reflect.get(target, name);
        if (typeof method !== "function") return method;
        return (...given: unknown[]) => {
          questions.push(String(name));
          return Reflect.apply(method, target, given);
        };
      },
    });
  if (!isNamespace(namespace)) {
    const memory = memoryStreams().streamsOf;
    return (...names) => noted(memory(...names));
  }
  return streamsOf({
    idFromName: (name) => namespace.idFromName(name),
    get: (id) => noted(namespace.get(id)),
  });
}

function isNamespace(found: unknown): found is SubjectLeasesNamespace<unknown> {
  return typeof found === "object" && found !== null && typeof Reflect.get(found, "idFromName") === "function";
}

/** The start of a viewer whom no other test knows, and every question that it asks a store or a service. */
async function counted(changes: Partial<SessionContext> = {}) {
  const issuer = await newPair("ES256");
  const base = await sessionContext([issuer]);
  const questions: string[] = [];
  const inMemory = memoryRevocationLog(() => clock());
  const log: SessionContext["log"] = {
    append: async (...entries) => {
      questions.push("append");
      return inMemory.append(...entries);
    },
    lift: inMemory.lift,
    shorten: inMemory.shorten,
    since: async (cursor) => {
      questions.push("since");
      return inMemory.since(cursor);
    },
  };
  let passed = 0;
  const clock = () => unixMilliseconds((now + passed) * 1000);
  const timer = () => () => undefined;
  const catalog = parseCatalog({ version: 1, assets: [asset("film"), asset("gone", { countries: { only: ["DE"] } })] });
  if (!catalog.ok) throw new Error("the catalog of these tests is faulty");
  const context: SessionContext = {
    ...base,
    log,
    streams: await notedStreams(questions),
    revocations: watchRevocations({ log, clock, timer, maxAge: milliseconds(2000), failure: "closed" }),
    limits: {
      ...base.limits,
      take: (...taken) => {
        questions.push("limits");
        return base.limits.take(...taken);
      },
    },
    catalog: async () => ok(catalog.value),
    settings: { ...base.settings, startRate, streamLimit: 2 },
    ...changes,
  };
  const sub = `viewer-${made++}`;
  const start = async (body: object = { asset: "film" }, more: Partial<SessionRequest> = {}, by = context) => {
    const credential = presenting(`Bearer ${await token(issuer, { sub, assets: "*" })}`, by);
    return startStream({ ...usualRequest, credential, body: JSON.stringify(body), ...more }, by);
  };
  const asked = () => questions.splice(0);
  await context.revocations.current(() => undefined);
  asked();
  const later = (by: number) => {
    passed += by;
  };
  return { context, start, asked, later };
}

describe("a start", () => {
  it("asks one store once: the viewer's streams, which count it and give it its place", async () => {
    const { start, asked } = await counted();
    opened(await start());
    expect(asked()).toEqual(["claim"]);
    opened(await start());
    expect(codeOf(await start())).toBe("stream_limit");
    expect(codeOf(await start())).toBe("rate_limited");
    expect(asked()).toEqual(["claim", "claim", "claim"]);
    expect(codeOf(await start())).toBe("rate_limited");
    expect(asked()).toEqual([]);
  });

  it("is counted before the entitlement service is asked, and claims its place after that: two questions", async () => {
    const services: string[][] = [];
    const stage = await counted({
      entitlement: async () => {
        services.push(stage.asked());
        return ok({ streams: undefined, until: undefined });
      },
    });
    for (let i = 0; i < 2; i++) opened(await stage.start());
    expect([services, stage.asked()]).toEqual([[["take"], ["claim", "take"]], ["claim"]]);
  });

  it("that the service refuses claims nothing, and floods neither the service nor the stores", async () => {
    let services = 0;
    const { start, asked } = await counted({
      entitlement: async () => {
        services++;
        return refuse({ code: "entitlement_refused", reason: "not bought" } as const);
      },
    });
    const codes = [];
    for (let i = 0; i < 6; i++) codes.push(codeOf(await start()));
    expect(codes).toEqual([...Array(3).fill("entitlement_refused"), ...Array(3).fill("rate_limited")]);
    expect([services, asked()]).toEqual([3, ["take", "take", "take", "take"]]);
  });

  it.each([
    ["closed", "store_unavailable", 0],
    ["open", "ok", 1],
  ] as const)(
    "asks the service only where it was counted, or the operator wants it so: %s",
    async (storeFailure, code, asks) => {
      let services = 0;
      const entitlement = async () => {
        services++;
        return ok({ streams: undefined, until: undefined });
      };
      const { context, start } = await counted({ entitlement });
      const streams: StreamsOf = (...names) => ({
        ...context.streams(...names),
        take: () => Promise.reject(new Error("down")),
        claim: async () => ({ status: "granted", taken: [] }),
      });
      const settings = { ...context.settings, storeFailure };
      expect([codeOf(await start(undefined, {}, { ...context, streams, settings })), services]).toEqual([code, asks]);
    },
  );

  it.each([
    ["an asset that the catalog lacks", { asset: "none" }, "asset_unknown"],
    ["an asset whose conditions are not fulfilled", { asset: "gone" }, "country_forbidden"],
    ["a body that names none", {}, "body_invalid"],
  ])("with %s asks nothing", async (_, body, code) => {
    const { start, asked } = await counted();
    expect([codeOf(await start(body)), asked()]).toEqual([code, []]);
  });

  it("of an asset that was revoked claims nothing", async () => {
    const { context, start, asked, later } = await counted();
    await context.log.append(
      [{ kind: "asset", value: "film", cause: "revoked", at: now, until: in6Hours }],
      "operator",
    );
    later(2);
    expect(codeOf(await start())).toBe("asset_revoked");
    expect(asked()).toEqual(["append", "since"]);
  });

  it("asks what is revoked while the token is verified, and keeps the answer where the token is refused", async () => {
    const { context, start, asked, later } = await counted();
    later(2);
    const behind: Promise<unknown>[] = [];
    const verified = Promise.withResolvers<Result<Credential, Refusal>>();
    const asking = Promise.withResolvers<void>();
    const validate = () => {
      asking.resolve();
      return verified.promise;
    };
    const credential = { ...usualRequest.credential, validate };
    const started = start(undefined, { credential, waitUntil: (work) => behind.push(work) });
    await asking.promise;
    expect(asked()).toEqual(["since"]);
    verified.resolve(refuse({ code: "token_invalid", reason: "not signed" }));
    expect(codeOf(await started)).toBe("token_invalid");
    await Promise.all(behind);
    expect(context.revocations.atHand(() => undefined)).toBeDefined();
    opened(await start());
    expect(asked()).toEqual(["claim"]);
  });

  it("counts once where it makes room among streams that were forbidden meanwhile", async () => {
    const { context, start, asked, later } = await counted();
    const sessions = [opened(await start()), opened(await start())];
    for (const { sessionId: value } of sessions)
      await context.log.append([{ kind: "session", value, cause: "revoked", at: now, until: in6Hours }], "operator");
    later(2);
    asked();
    const standings: QuotaStatus[] = [];
    opened(await start(undefined, { onQuotaStatus: (standing) => standings.push(standing) }));
    expect(asked()).toEqual(["since", "claim", "end", "end", "claim"]);
    expect(standings).toMatchObject([{ policy: startRate, remaining: 0 }]);
  });
});
