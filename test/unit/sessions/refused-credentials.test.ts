import { beforeEach, describe, expect, it } from "vitest";
import type { BeforeAsking } from "../../../src/auth/introspection.ts";
import type { RateRefusal } from "../../../src/auth/rate-limit.ts";
import { seconds } from "../../../src/base/time.ts";
import type { OpenedSession } from "../../../src/sessions/open-session.ts";
import type { SessionRequest } from "../../../src/sessions/session-context.ts";
import { token } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { codeOf, here, opened, presenting, sessionService, usualRequest } from "./session-service.ts";

const refusedRateAddress = { name: "refused-address", quota: 3, window: seconds(3600) };
const ann = { sub: "ann" };

let service: Awaited<ReturnType<typeof sessionService>>;
let session: OpenedSession;
/** The number of credentials that were validated. */
let validations: number;
let statuses: string[];
beforeEach(async () => {
  service = await sessionService({ settings: { refusedRateAddress } });
  session = opened(await service.start({ asset: "film" }, ann));
  validations = 0;
  statuses = [];
});

const onQuotaStatus: SessionRequest["onQuotaStatus"] = ({ policy, remaining }) =>
  void statuses.push(`${policy.name} ${remaining}`);

type Route = "show" | "renew" | "end";

/** Requests the session from an address. `local`: the credential is validated without calling another service. */
async function show(authorization: string, address = here.address, route: Route = "show", local = false) {
  const credential = presenting(authorization, service.context());
  const counting = {
    ...credential,
    validate: async (before?: BeforeAsking<RateRefusal>) => {
      const allowed = local ? undefined : await before?.();
      if (allowed?.ok === false) return allowed;
      validations++;
      return credential.validate();
    },
  };
  const more = { credential: counting, client: { ...here, address }, onQuotaStatus };
  return codeOf(await service[route](session, ann, more));
}

describe("refused credentials on the routes of a session", () => {
  it("are counted per address, and beyond the quota no credential from there is validated", async () => {
    const codes: string[] = [];
    for (let i = 0; i < 10; i++) codes.push(await show(`Bearer made-up-${i}`));
    expect(codes).toEqual([...Array(3).fill("token_invalid"), ...Array(7).fill("rate_limited")]);
    // The fourth exceeds the quota, which is known only after its validation.
    expect(validations).toBe(4);
    expect(statuses.slice(0, 7)).toEqual([
      ...["refused-address 2", "refused-network 29", "refused-address 1", "refused-network 28"],
      ...["refused-address 0", "refused-network 27", "refused-address 0"],
    ]);
    for (const route of ["renew", "end"] as const)
      expect(await show("Bearer x", here.address, route)).toBe("rate_limited");
    expect([await show("Bearer made-up", "198.51.100.1"), validations]).toEqual(["token_invalid", 5]);
    expect(service.counted).toContainEqual({ event: "limited", policy: "refused-address" });
    service.later(3600);
    expect(await show("Bearer made-up")).toBe("token_invalid");
  });

  it("do not block another address of the network, or a token that is verified locally", async () => {
    for (let i = 0; i < 10; i++) await show(`Bearer made-up-${i}`);
    expect(await show("Bearer made-up", "192.0.2.77")).toBe("token_invalid");
    const good = `Bearer ${await token(service.issuer, ann)}`;
    for (const route of ["show", "renew"] as const) {
      expect(await show(good, "192.0.2.77", route)).toBe("ok");
      expect(await show(good, here.address, route, true)).toBe("ok");
    }
    expect(await show(good, here.address, "show")).toBe("rate_limited");
  });

  it("are not counted if they were verified locally", async () => {
    for (let i = 0; i < 10; i++) expect(await show("Bearer made-up", here.address, "show", true)).toBe("token_invalid");
    expect(statuses).toEqual([]);
  });

  it("from ten addresses use up their network's quota, except for tokens that are verified locally", async () => {
    for (let i = 0; i < 11; i++) for (let j = 0; j < 3; j++) await show("Bearer made-up", `192.0.2.${i + 100}`);
    expect(await show("Bearer made-up", "192.0.2.200")).toBe("rate_limited");
    expect(statuses.at(-1)).toBe("refused-network 0");
    expect(await show(`Bearer ${await token(service.issuer, ann)}`, "192.0.2.200", "renew", true)).toBe("ok");
  });

  it("do not include valid credentials, which report no quota either", async () => {
    for (let i = 0; i < 10; i++) opened(await service.show(session, ann, { onQuotaStatus }));
    expect(statuses).toEqual([]);
  });

  it("do not include expired tokens, store failures and other viewers' tokens", async () => {
    const failing: SessionRequest["credential"] = {
      ...usualRequest.credential,
      read: () => ({ ok: true, value: { kind: "bearer", token: "x", form: "opaque" } }),
      validate: async () => ({ ok: false, refusal: { code: "store_unavailable", reason: "down" } }),
    };
    for (let i = 0; i < 5; i++) {
      expect(codeOf(await service.show(session, { ...ann, exp: now - 61 }, { onQuotaStatus }))).toBe("token_expired");
      expect(codeOf(await service.show(session, ann, { credential: failing, onQuotaStatus }))).toBe(
        "store_unavailable",
      );
      expect(codeOf(await service.show(session, { sub: "bob" }, { onQuotaStatus }))).toBe("session_forbidden");
    }
    expect(statuses).toEqual([]);
  });

  it("are counted for cookies as for tokens", async () => {
    const credential: SessionRequest["credential"] = {
      read: () => ({ ok: true, value: { kind: "cookie", cookie: "a=b" } }),
      validate: async (before) => {
        const allowed = await before?.();
        return allowed?.ok === false ? allowed : { ok: false, refusal: { code: "sign_in_required", reason: "ended" } };
      },
      invalidate: () => undefined,
    };
    const codes: string[] = [];
    for (let i = 0; i < 4; i++) codes.push(codeOf(await service.show(session, ann, { credential })));
    expect(codes.slice(2)).toEqual(["sign_in_required", "rate_limited"]);
  });
});
