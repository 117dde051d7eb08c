import { describe, expect, it } from "vitest";
import { ok, refuse } from "../../../src/base/result.ts";
import type { TelemetryEvent } from "../../../src/metrics/telemetry.ts";
import { configuredBy } from "../../../src/platform/cloudflare/worker-shell.ts";

function worker(faults: readonly string[]) {
  const counted: TelemetryEvent[] = [];
  const lines: { readonly fault: string; readonly request: string }[] = [];
  const read = () => (faults.length > 0 ? refuse(faults) : ok("settings"));
  const answer = configuredBy(
    "api",
    read,
    (line) => lines.push(JSON.parse(line)),
    () => (event) => counted.push(event),
    async () => ok("parts"),
  );
  return { lines, counted, ask: () => answer({}, async (parts) => new Response(parts)) };
}

describe("a worker that is configured wrongly", () => {
  it("names the lines of its log, which it writes once, by the Request-Id of each answer", async () => {
    const { lines, ask } = worker(["A: is wrong", "B: is wrong"]);
    const answers = [await ask(), await ask()];
    const [id = "none"] = answers.map(({ headers }) => headers.get("Request-Id") ?? undefined);
    expect(id).toMatch(/^[0-9a-f]{16}$/);
    expect(answers.map(({ status, headers }) => [status, headers.get("Request-Id")])).toEqual([
      [500, id],
      [500, id],
    ]);
    expect(lines.map(({ fault, request }) => [fault, request])).toEqual([
      ["A: is wrong", id],
      ["B: is wrong", id],
    ]);
  });

  it("counts each of its answers, so that somebody is woken who looks at no log", async () => {
    const { counted, ask } = worker(["A: is wrong"]);
    const request = (await ask()).headers.get("Request-Id");
    await ask();
    const refused = { event: "refused", worker: "api", code: "configuration_invalid", reason: "see the log", request };
    expect(counted).toEqual([refused, refused]);
  });

  it("and one that is not answers for itself", async () => {
    const { lines, counted, ask } = worker([]);
    expect([await (await ask()).text(), lines, counted]).toEqual(["parts", [], []]);
  });
});
