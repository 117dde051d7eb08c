import { describe, expect, it } from "vitest";
import { ok, refuse } from "../../../src/base/result.ts";
import type { TelemetryEvent } from "../../../src/metrics/telemetry.ts";
import { configuredBy } from "../../../src/platform/cloudflare/worker-shell.ts";

function worker(faults: readonly string[]) {
  const counted: TelemetryEvent[] = [];
  const lines: { readonly fault: string; readonly request: string }[] = [];
  const read = () => (faults.length > 0 ? refuse(faults) : ok("settings"));
  const handle = configuredBy(
    "api",
    read,
    (line) => lines.push(JSON.parse(line)),
    () => (event) => counted.push(event),
    async () => ok("parts"),
  );
  return { lines, counted, send: () => handle({}, async (parts) => new Response(parts)) };
}

describe("a worker", () => {
  it("with an invalid configuration logs each error once, under the Request-Id of all its responses", async () => {
    const { lines, send } = worker(["A: is wrong", "B: is wrong"]);
    const responses = [await send(), await send()];
    const [id = "none"] = responses.map(({ headers }) => headers.get("Request-Id") ?? undefined);
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(responses.map(({ status, headers }) => [status, headers.get("Request-Id")])).toEqual([
      [500, id],
      [500, id],
    ]);
    expect(lines.map(({ fault, request }) => [fault, request])).toEqual([
      ["A: is wrong", id],
      ["B: is wrong", id],
    ]);
  });

  it("with an invalid configuration counts each of its responses, so that an alert can fire", async () => {
    const { counted, send } = worker(["A: is wrong"]);
    const request = (await send()).headers.get("Request-Id");
    await send();
    const code = "configuration_invalid";
    const refused = { event: "refused", worker: "api", code, cause: "ours", reason: "see the log", request };
    expect(counted).toEqual([refused, refused]);
  });

  it("with a valid configuration responds by itself, and logs and counts nothing", async () => {
    const { lines, counted, send } = worker([]);
    expect([await (await send()).text(), lines, counted]).toEqual(["parts", [], []]);
  });
});
