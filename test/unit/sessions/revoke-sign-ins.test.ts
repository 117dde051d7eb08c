import { beforeEach, describe, expect, it } from "vitest";
import type { SignIns } from "../../../src/auth/identity-credential.ts";
import { revoke } from "../../../src/sessions/revoke.ts";
import type { SessionContext } from "../../../src/sessions/session-context.ts";
import { operatorToken } from "../auth/operators.ts";
import { apiUrl } from "../auth/sources.ts";
import { codeOf, presenting, sessionService, usualRequest } from "./session-service.ts";

let service: Awaited<ReturnType<typeof sessionService>>;
let ended: SignIns[];
let end: NonNullable<SessionContext["identity"]>["end"];
beforeEach(async () => {
  service = await sessionService();
  ended = [];
  end = async (which) => {
    ended.push(which);
  };
});

async function revokeAs(body: object): Promise<string> {
  const nobody = async () => undefined;
  const identity = { issuer: apiUrl, sessions: nobody, end: (which: SignIns) => end(which), findUser: nobody };
  const context = { ...service.context(), identity };
  const authorization = `Bearer ${await operatorToken(service.operators)}`;
  const credential = presenting(authorization, context);
  return codeOf(await revoke({ ...usualRequest, credential, body: JSON.stringify(body) }, context));
}

describe("a revocation of a user of the identity worker", () => {
  it("is logged and ends their sign-in sessions, which could issue new tokens", async () => {
    expect(await revokeAs({ subject: { issuer: apiUrl, subject: "ann" } })).toBe("ok");
    expect(await revokeAs({ login: { issuer: apiUrl, sid: "login-1" } })).toBe("ok");
    expect(ended).toEqual([{ userId: "ann" }, { sessionId: "login-1" }]);
    expect((await service.entries()).map(({ kind }) => kind)).toContain("subject");
  });

  it("ends no sign-in session for another issuer, for another kind, or for a lift", async () => {
    await revokeAs({ subject: { issuer: "https://id.example", subject: "ann" } });
    await revokeAs({ token: { issuer: apiUrl, jti: "t-1" } });
    await revokeAs({ subject: { issuer: apiUrl, subject: "ann" }, lift: true });
    expect(ended).toEqual([]);
  });

  it("is refused as store_unavailable if the identity worker does not answer", async () => {
    end = () => Promise.reject(new Error("down"));
    expect(await revokeAs({ subject: { issuer: apiUrl, subject: "ann" } })).toBe("store_unavailable");
  });
});
