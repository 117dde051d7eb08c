import { expect, it } from "vitest";
import { sweepEnded } from "../../../src/identity/end-sign-ins.ts";
import { identityStage, refresh, signIn, takeTokens } from "./stage.ts";

it("what has ended by itself is swept out, a token that was traded in only once it would have ended anyhow", async () => {
  const stage = await identityStage();
  const ann = await signIn(stage, "ann@example.com");
  const bob = await signIn(stage, "bob@example.com");
  const [anns, bobs] = [await takeTokens(stage, ann), await takeTokens(stage, bob)];
  await refresh(stage, anns.refresh_token);
  await refresh(stage, bobs.refresh_token);
  const past = new Date(Date.now() - 1000).toISOString();
  for (const table of ["session", "oauthRefreshToken"])
    stage.database.prepare(`UPDATE ${table} SET expiresAt = ? WHERE userId = ?`).run(past, ann.userId);
  await sweepEnded(stage.parts);
  const left = (table: string) =>
    stage.database
      .prepare(`SELECT userId FROM ${table}`)
      .all()
      .map((row) => row.userId);
  expect(left("oauthRefreshToken")).toEqual([bob.userId, bob.userId]);
});

it("a session is swept out once its last film has ended, which takes away nothing and so is told nobody", async () => {
  const stage = await identityStage();
  const ann = await signIn(stage, "ann@example.com");
  const ids = () => stage.database.prepare("SELECT id FROM session").all();
  const endedFor = (seconds: number) => {
    const end = new Date(Date.now() - seconds * 1000).toISOString();
    stage.database.prepare("UPDATE session SET expiresAt = ?").run(end);
    return sweepEnded(stage.parts);
  };
  const lastFilm = 900 + 604_800;
  await endedFor(lastFilm - 10);
  expect(ids()).toEqual([{ id: ann.sessionId }]);
  await endedFor(lastFilm + 10);
  expect(ids()).toEqual([]);
  expect(stage.told).toEqual([]);
});
