import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, vi } from "vitest";
import { dispatch } from "../../../cli/dispatch.ts";
import { folder } from "./command-line.ts";

/** The start of each test. */
const start = Date.UTC(2027, 0, 1);
export const hour = 3600;

/** The folder of the current test, and its ring file. */
export let place = "";
export let ring = "";

/** Gives each test of a file its own folder and clock, which only {@link pass} moves. */
export function stageEachTest(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["Date"], now: start });
    place = folder();
    ring = join(place, "keys.json");
    return () => vi.useRealTimers();
  });
}

export const pass = (length: number) => vi.setSystemTime(Date.now() + length * 1000);
export const now = () => Math.floor(Date.now() / 1000);

export async function run(...words: readonly string[]) {
  const outcome = await dispatch([...words, "--ring", ring]);
  if (outcome.exit === 2) return { exit: 2, text: "", json: Object({}), note: outcome.message };
  return { ...outcome, json: Object(outcome.json), note: outcome.note ?? "" };
}
export const make = (purpose: string, kid: string, ...more: string[]) =>
  run("keys", "new", "--purpose", purpose, "--kid", kid, ...more);
export const rotate = (...more: string[]) => run("keys", "rotate", ...more);
export const listStates = async (): Promise<string[]> =>
  (await run("keys", "list")).json.keys.map(({ kid, state }: { kid: string; state: string }) => `${kid} ${state}`);

export function catalog(...assets: readonly object[]): string {
  const file = join(place, "catalog.json");
  const complete = assets.map((asset, i) => ({
    id: `film${i}`,
    origin: { type: "r2", binding: "MEDIA", prefix: `film${i}/` },
    entry: "index.m3u8",
    ...asset,
  }));
  writeFileSync(file, JSON.stringify({ version: 1, assets: complete }));
  return file;
}
