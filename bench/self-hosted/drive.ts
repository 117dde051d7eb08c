import { spawn } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BenchRequest, loadClient } from "../load.ts";

/** Sends requests in turn for a while, 16 at a time over persistent connections, and resolves with their number. */
export type Drive = (port: number, requests: readonly BenchRequest[], expected: number) => Promise<number>;

const concurrency = 16;
/** Seconds of a measurement with wrk, and the requests of one without it. */
const duration = 2;
const batch = 4_000;

/** Loads a server with wrk, which keeps it busy; Node's own client is slower than nginx. */
export const wrk: Drive = async (port, requests, expected) => {
  const folder = mkdtempSync(join(tmpdir(), "stagedoor-wrk-"));
  const script = join(folder, "requests.lua");
  writeFileSync(script, lua(requests, expected));
  const words = ["-t1", `-c${concurrency}`, `-d${duration}s`, "-s", script, `http://127.0.0.1:${port}`];
  const output = await outputOf("wrk", words);
  const [, count = "0"] = /(\d+) requests in/.exec(output) ?? [];
  const [, wrong = "1"] = /wrong answers: (\d+)/.exec(output) ?? [];
  if (wrong !== "0" || Number(count) === 0) throw new Error(`${wrong} answers of ${count} were not ${expected}`);
  return Number(count);
};

/** The same by Node's own client. */
export const ownClient: Drive = async (port, requests, expected) => {
  const client = loadClient(port, concurrency);
  const sent = Array.from({ length: batch }, (_, i) => requests[i % requests.length]).filter(
    (one) => one !== undefined,
  );
  await client.send(sent, expected).finally(client.close);
  return sent.length;
};

/** `loadClient` as a script of wrk. A quotation mark of Lua cannot be in a target. */
function lua(requests: readonly BenchRequest[], expected: number): string {
  const list = requests.map(({ method, target, headers = {}, body }) => {
    const fields = Object.entries(headers).map(([name, value]) => `["${name}"]=[[${value}]]`);
    return `wrk.format("${method}", [[${target}]], {${fields.join(",")}}${body === undefined ? "" : `, [[${body}]]`})`;
  });
  return `local threads = {}
local at = 0
wrong = 0
setup = function(thread) table.insert(threads, thread) end
init = function() requests = {${list.join(",\n")}} end
request = function() at = at % #requests + 1; return requests[at] end
response = function(status) if status ~= ${expected} then wrong = wrong + 1 end end
done = function()
  local sum = 0
  for _, thread in ipairs(threads) do sum = sum + thread:get("wrong") end
  print("wrong answers: " .. sum)
end
`;
}

function outputOf(program: string, words: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words);
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.once("error", reject);
    child.once("close", () => resolve(output));
  });
}
