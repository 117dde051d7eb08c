import { beforeEach, describe, expect, it } from "vitest";
import type { BeforeAsking } from "../../../src/auth/introspection.ts";
import { seconds } from "../../../src/base/time.ts";
import type { OpenedSession } from "../../../src/sessions/open-session.ts";
import type { SessionRequest } from "../../../src/sessions/session-context.ts";
import { token } from "../auth/tokens.ts";
import { now } from "../signing/session.ts";
import { codeOf, here, opened, presenting, sessionStage, usualRequest } from "./session-stage.ts";

const refusedRateAddress = { name: "refused-address", quota: 3, window: seconds(3600) };
const ann = { sub: "ann" };

let stage: Awaited<ReturnType<typeof sessionStage>>;
let mine: OpenedSession;
/** How often somebody was asked about a credential. */
let asked: number;
let standings: string[];
beforeEach(async () => {
  stage = await sessionStage({ settings: { refusedRateAddress } });
  mine = opened(await stage.start({ asset: "film" }, ann));
  asked = 0;
  standings = [];
});

const onQuotaStatus: SessionRequest["onQuotaStatus"] = ({ policy, remaining }) =>
  void standings.push(`${policy.name} ${remaining}`);

type Route = "show" | "renew" | "end";

/** Shows the session to who sends this in Authorization, from an address. `local`: nobody else has to be asked about it. */
async function show(authorization: string, address = here.address, route: Route = "show", local = false) {
  const credential = presenting(authorization, stage.context());
  const counting = {
    ...credential,
    validate: async (before?: BeforeAsking) => {
      const allowed = local ? undefined : await before?.();
      if (allowed?.ok === false) return allowed;
      asked++;
      return credential.validate();
    },
  };
  const more = { credential: counting, client: { ...here, address }, onQuotaStatus };
  return codeOf(await stage[route](mine, ann, more));
}

describe("refused credentials on the routes of a session", () => {
  it("are counted by address, and for one with too many nobody is asked about a further one", async () => {
    const codes: string[] = [];
    for (let i = 0; i < 10; i++) codes.push(await show(`Bearer made-up-${i}`));
    expect(codes).toEqual([...Array(3).fill("token_invalid"), ...Array(7).fill("rate_limited")]);
    // The fourth was one too many, which nobody knew before.
    expect(asked).toBe(4);
    expect(standings.slice(0, 7)).toEqual([
      ...["refused-address 2", "refused-network 29", "refused-address 1", "refused-network 28"],
      ...["refused-address 0", "refused-network 27", "refused-address 0"],
    ]);
    for (const route of ["renew", "end"] as const)
      expect(await show("Bearer x", here.address, route)).toBe("rate_limited");
    expect([await show("Bearer made-up", "198.51.100.1"), asked]).toEqual(["token_invalid", 5]);
    expect(stage.counted).toContainEqual({ event: "limited", policy: "refused-address" });
    stage.later(3600);
    expect(await show("Bearer made-up")).toBe("token_invalid");
  });

  it("take nothing from a neighbour in the network, nor from a token that is judged here", async () => {
    for (let i = 0; i < 10; i++) await show(`Bearer made-up-${i}`);
    expect(await show("Bearer made-up", "192.0.2.77")).toBe("token_invalid");
    const good = `Bearer ${await token(stage.issuer, ann)}`;
    for (const route of ["show", "renew"] as const) {
      expect(await show(good, "192.0.2.77", route)).toBe("ok");
      expect(await show(good, here.address, route, true)).toBe("ok");
    }
    expect(await show(good, here.address, "show")).toBe("rate_limited");
  });

  it("are not counted where they were judged here: nobody was asked", async () => {
    for (let i = 0; i < 10; i++) expect(await show("Bearer made-up", here.address, "show", true)).toBe("token_invalid");
    expect(standings).toEqual([]);
  });

  it("of ten addresses use up their network's quota for what has to be asked about", async () => {
    for (let i = 0; i < 11; i++) for (let j = 0; j < 3; j++) await show("Bearer made-up", `192.0.2.${i + 100}`);
    expect(await show("Bearer made-up", "192.0.2.200")).toBe("rate_limited");
    expect(standings.at(-1)).toBe("refused-network 0");
    expect(await show(`Bearer ${await token(stage.issuer, ann)}`, "192.0.2.200", "renew", true)).toBe("ok");
  });

  it("cost who sends a good one nothing: he is neither counted nor told of a limit", async () => {
    for (let i = 0; i < 10; i++) opened(await stage.show(mine, ann, { onQuotaStatus }));
    expect(standings).toEqual([]);
  });

  it("are not those that have ended, nor our own failures, nor another viewer's", async () => {
    const failing: SessionRequest["credential"] = {
      ...usualRequest.credential,
      read: () => ({ ok: true, value: { is: "bearer", token: "x", form: "opaque" } }),
      validate: async () => ({ ok: false, refusal: { code: "store_unavailable", reason: "down" } }),
    };
    for (let i = 0; i < 5; i++) {
      expect(codeOf(await stage.show(mine, { ...ann, exp: now - 61 }, { onQuotaStatus }))).toBe("token_expired");
      expect(codeOf(await stage.show(mine, ann, { credential: failing, onQuotaStatus }))).toBe("store_unavailable");
      expect(codeOf(await stage.show(mine, { sub: "bob" }, { onQuotaStatus }))).toBe("session_forbidden");
    }
    expect(standings).toEqual([]);
  });

  it("are counted by cookie as by token", async () => {
    const credential: SessionRequest["credential"] = {
      read: () => ({ ok: true, value: { is: "cookie", cookie: "a=b" } }),
      validate: async (before) => {
        const allowed = await before?.();
        return allowed?.ok === false ? allowed : { ok: false, refusal: { code: "sign_in_required", reason: "ended" } };
      },
      invalidate: () => undefined,
    };
    const codes: string[] = [];
    for (let i = 0; i < 4; i++) codes.push(codeOf(await stage.show(mine, ann, { credential })));
    expect(codes.slice(2)).toEqual(["sign_in_required", "rate_limited"]);
  });
});
