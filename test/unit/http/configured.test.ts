import { describe, expect, it } from "vitest";
import { ok, refuse } from "../../../src/base/result.ts";
import { configuredBy } from "../../../src/http/configured.ts";

function worker(faults: readonly string[]) {
  const lines: { readonly fault: string; readonly request: string }[] = [];
  const read = () => (faults.length > 0 ? refuse(faults) : ok("settings"));
  const answer = configuredBy(
    "api",
    read,
    (line) => lines.push(JSON.parse(line)),
    async () => ok("parts"),
  );
  return { lines, ask: () => answer({}, async (parts) => new Response(parts)) };
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

  it("and one that is not answers for itself", async () => {
    const { lines, ask } = worker([]);
    expect([await (await ask()).text(), lines]).toEqual(["parts", []]);
  });
});
