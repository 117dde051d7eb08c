#!/usr/bin/env node
import { dispatch } from "./commands/dispatch.ts";
import type { Outcome } from "./commands/outcome.ts";

const words = process.argv.slice(2);
const outcome = await dispatch(words);
print(outcome, words.includes("--json"));
process.exitCode = outcome.exit;

function print(outcome: Outcome, asJson: boolean): void {
  if (outcome.exit === 2) {
    console.error(outcome.message);
    return;
  }
  if (asJson) console.log(JSON.stringify(outcome.json, null, 2));
  else if (outcome.text !== "") console.log(outcome.text);
  if (outcome.note !== undefined) console.error(outcome.note);
}
