import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { after, seconds, systemClock } from "../../../src/base/time.ts";
import { sqliteStores } from "../../../src/platform/node/node-stores.ts";

const folder = mkdtempSync(join(tmpdir(), "stagedoor-stores-"));
const stores = sqliteStores(join(folder, "stores.sqlite"), { leaseTtl: seconds(90) });
afterAll(async () => {
  await stores.close();
  rmSync(folder, { recursive: true });
});

it("a process hears of its own revocations at once, so that it need not wait for its next reading of the log", async () => {
  let heard = 0;
  stores.onRevocation(() => heard++);
  const at = systemClock();
  const entry = { kind: "asset", value: "film", cause: "revoked", at, until: after(at, seconds(60)) } as const;
  await stores.revocations.append([entry], "operator");
  expect(heard).toBe(1);
  await stores.revocations.lift("asset", "film");
  expect(heard).toBe(2);
});
