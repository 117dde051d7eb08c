import { beforeEach, describe, expect, it } from "vitest";
import type { SignIns } from "../../../src/auth/identity-credential.ts";
import { revoke } from "../../../src/sessions/revoke.ts";
import type { SessionContext } from "../../../src/sessions/session-context.ts";
import { operatorToken } from "../auth/operators.ts";
import { apiUrl } from "../auth/sources.ts";
import { codeOf, presenting, sessionStage, usualRequest } from "./session-stage.ts";

let stage: Awaited<ReturnType<typeof sessionStage>>;
let ended: SignIns[];
let end: NonNullable<SessionContext["identity"]>["end"];
beforeEach(async () => {
  stage = await sessionStage();
  ended = [];
  end = async (which) => {
    ended.push(which);
  };
});

async function revoked(body: object): Promise<string> {
  const identity = { issuer: apiUrl, sessions: async () => undefined, end: (which: SignIns) => end(which) };
  const context = { ...stage.context(), identity };
  const authorization = `Bearer ${await operatorToken(stage.operators)}`;
  const credential = presenting(authorization, context);
  return codeOf(await revoke({ ...usualRequest, credential, body: JSON.stringify(body) }, context));
}

describe("a revocation of somebody who signed in here", () => {
  it("ends his sessions of sign-in, which would give out new tokens, once the log has it", async () => {
    expect(await revoked({ subject: { issuer: apiUrl, subject: "ann" } })).toBe("ok");
    expect(await revoked({ login: { issuer: apiUrl, sid: "login-1" } })).toBe("ok");
    expect(ended).toEqual([{ userId: "ann" }, { sessionId: "login-1" }]);
    expect((await stage.entries()).map(({ kind }) => kind)).toContain("subject");
  });

  it("leaves them alone for another issuer's, for anything else, and where it is lifted", async () => {
    await revoked({ subject: { issuer: "https://id.example", subject: "ann" } });
    await revoked({ token: { issuer: apiUrl, jti: "t-1" } });
    await revoked({ subject: { issuer: apiUrl, subject: "ann" }, lift: true });
    expect(ended).toEqual([]);
  });

  it("is not done where the identity worker does not answer: 503, and it may be asked for again", async () => {
    end = () => Promise.reject(new Error("down"));
    expect(await revoked({ subject: { issuer: apiUrl, subject: "ann" } })).toBe("store_unavailable");
  });
});
