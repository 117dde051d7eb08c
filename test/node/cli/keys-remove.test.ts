import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { dispatch } from "../../../cli/commands/dispatch.ts";
import { folder } from "./command-line.ts";

vi.setConfig({ testTimeout: 60_000 });

const hour = 3600;
let place = "";
let ring = "";
beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2027, 0, 1) });
  place = folder();
  ring = join(place, "keys.json");
  return () => vi.useRealTimers();
});

const now = () => Math.floor(Date.now() / 1000);

async function run(...words: readonly string[]) {
  const outcome = await dispatch([...words, "--ring", ring]);
  if (outcome.exit === 2) return { exit: 2, text: "", json: Object({}), note: outcome.message };
  return { ...outcome, json: Object(outcome.json), note: outcome.note ?? "" };
}
const make = (purpose: string, kid: string, ...more: string[]) =>
  run("keys", "new", "--purpose", purpose, "--kid", kid, ...more);
const rotate = (...more: string[]) => run("keys", "rotate", ...more);
const listed = async (): Promise<string[]> =>
  (await run("keys", "list")).json.keys.map(({ kid, state }: { kid: string; state: string }) => `${kid} ${state}`);

function catalog(...assets: readonly object[]): string {
  const file = join(place, "catalog.json");
  const whole = assets.map((asset, i) => ({
    id: `film${i}`,
    origin: { type: "r2", binding: "MEDIA", prefix: `film${i}/` },
    entry: "index.m3u8",
    ...asset,
  }));
  writeFileSync(file, JSON.stringify({ version: 1, assets: whole }));
  return file;
}

describe("keys remove", () => {
  const remove = (kid: string, ...more: string[]) => run("keys", "remove", "--kid", kid, ...more);

  it("takes out a retired key, and a next one that never signed, and no other", async () => {
    await make("session", "s1");
    await make("session", "s2");
    expect(await remove("s1")).toMatchObject({ exit: 1, note: expect.stringContaining("s1 is active") });
    expect((await remove("s2")).exit).toBe(0);
    await rotate("--at-once", "--kid", "s3");
    expect(await listed()).toEqual(["s1 retired", "s3 active"]);
    expect((await remove("s1")).json).toMatchObject({ kid: "s1", state: "retired" });
    expect(await listed()).toEqual(["s3 active"]);
    expect((await remove("s1")).note).toContain('has no key "s1"');
  });

  it("leaves a key that the clock brings into use before every worker would be without it", async () => {
    await make("session", "s1");
    const nbf = (after: number) => String(now() + after);
    await make("session", "soon", "--nbf", nbf(hour - 1));
    await make("session", "later", "--nbf", nbf(hour));
    expect(await remove("soon")).toMatchObject({ exit: 1, note: expect.stringContaining("2027-01-01T00:59:59Z") });
    expect((await remove("soon", "--head-start", "10m")).exit).toBe(0);
    expect((await remove("later")).exit).toBe(0);
  });

  it("leaves a next CloudFront key that an asset names", async () => {
    await make("cloudfront", "K1", "--type", "ec");
    await make("cloudfront", "K2", "--type", "ec");
    const named = catalog({ cdn: "cloudfront", cloudfront: { keyPairId: "K2" } });
    expect((await remove("K2")).exit).toBe(2);
    expect(await remove("K2", "--catalog", named)).toMatchObject({ exit: 1, note: expect.stringContaining("film0") });
    expect((await remove("K2", "--catalog", catalog({}))).exit).toBe(0);
  });
});
