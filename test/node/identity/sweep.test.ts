import { expect, it } from "vitest";
import { sweepEnded } from "../../../src/identity/sweep.ts";
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
  expect(left("session")).toEqual([bob.userId]);
  expect(left("oauthRefreshToken")).toEqual([bob.userId, bob.userId]);
  expect(stage.told).toEqual([]);
});
