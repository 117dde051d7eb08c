import { describe, expect, it } from "vitest";
import { catalog, hour, listStates, make, now, rotate, run, stageEachTest } from "./ring-stage.ts";

stageEachTest();

describe("keys remove", () => {
  const remove = (kid: string, ...more: string[]) => run("keys", "remove", "--kid", kid, ...more);

  it("removes a retired key and an unused next key, and refuses an active key", async () => {
    await make("session", "s1");
    await make("session", "s2");
    expect(await remove("s1")).toMatchObject({ exit: 1, note: expect.stringContaining("s1 is active") });
    expect((await remove("s2")).exit).toBe(0);
    await rotate("--at-once", "--kid", "s3");
    expect(await listStates()).toEqual(["s1 retired", "s3 active"]);
    expect((await remove("s1")).json).toMatchObject({ kid: "s1", state: "retired" });
    expect(await listStates()).toEqual(["s3 active"]);
    expect((await remove("s1")).note).toContain('has no key "s1"');
  });

  it("keeps a key that the clock activates before every worker can do without it", async () => {
    await make("session", "s1");
    const nbf = (after: number) => String(now() + after);
    await make("session", "soon", "--nbf", nbf(hour - 1));
    await make("session", "later", "--nbf", nbf(hour));
    expect(await remove("soon")).toMatchObject({ exit: 1, note: expect.stringContaining("2027-01-01T00:59:59Z") });
    expect((await remove("soon", "--head-start", "10m")).exit).toBe(0);
    expect((await remove("later")).exit).toBe(0);
  });

  it("keeps a next CloudFront key that an asset names", async () => {
    await make("cloudfront", "K1", "--type", "ec");
    await make("cloudfront", "K2", "--type", "ec");
    const named = catalog({ cdn: "cloudfront-signed", cloudfront: { keyPairId: "K2" } });
    expect((await remove("K2")).exit).toBe(2);
    expect(await remove("K2", "--catalog", named)).toMatchObject({ exit: 1, note: expect.stringContaining("film0") });
    expect((await remove("K2", "--catalog", catalog({}))).exit).toBe(0);
  });
});
