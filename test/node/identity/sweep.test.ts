import { expect, it } from "vitest";
import { findUser, sweepEnded } from "../../../src/identity/end-sign-ins.ts";
import { identityStage, refresh, requestTokens, signIn } from "./stage.ts";

it("the sweep removes expired rows, but keeps an exchanged token until its own expiry", async () => {
  const stage = await identityStage();
  const ann = await signIn(stage, "ann@example.com");
  const bob = await signIn(stage, "bob@example.com");
  const [anns, bobs] = [await requestTokens(stage, ann), await requestTokens(stage, bob)];
  await refresh(stage, anns.refresh_token);
  await refresh(stage, bobs.refresh_token);
  const past = new Date(Date.now() - 1000).toISOString();
  for (const table of ["session", "oauthRefreshToken"])
    stage.database.prepare(`UPDATE ${table} SET expiresAt = ? WHERE userId = ?`).run(past, ann.userId);
  await sweepEnded(stage.parts);
  const userIds = (table: string) =>
    stage.database
      .prepare(`SELECT userId FROM ${table}`)
      .all()
      .map((row) => row.userId);
  expect(userIds("oauthRefreshToken")).toEqual([bob.userId, bob.userId]);
});

it("the sweep removes a session only after its last possible film, and logs nothing", async () => {
  const stage = await identityStage();
  const ann = await signIn(stage, "ann@example.com");
  const ids = () => stage.database.prepare("SELECT id FROM session").all();
  const sweepAfter = (seconds: number) => {
    const end = new Date(Date.now() - seconds * 1000).toISOString();
    stage.database.prepare("UPDATE session SET expiresAt = ?").run(end);
    return sweepEnded(stage.parts);
  };
  const lastFilm = 900 + 604_800;
  await sweepAfter(lastFilm - 10);
  expect(ids()).toEqual([{ id: ann.sessionId }]);
  await sweepAfter(lastFilm + 10);
  expect(ids()).toEqual([]);
  expect(stage.logged).toEqual([]);
});

it("a user is found by e-mail address, whatever its case, and nobody by another", async () => {
  const stage = await identityStage();
  const { userId } = await signIn(stage, "ann@example.com");
  const answer = async (body: unknown) => {
    const request = new Request("https://api.example.com/internal/find-user", {
      method: "POST",
      body: JSON.stringify(body),
    });
    const response = await findUser(request, stage.parts);
    return response.status === 200 ? await response.json() : response.status;
  };
  expect(await answer({ email: "ann@example.com" })).toEqual({ userId });
  expect(await answer({ email: "Ann@Example.com" })).toEqual({ userId });
  expect(await answer({ email: "bob@example.com" })).toEqual({ userId: null });
  for (const body of [{}, { email: 1 }, { email: "ann@example.com", password: "x" }])
    expect(await answer(body)).toBe(400);
});
