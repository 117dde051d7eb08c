import { styleText } from "node:util";
import { dispatch } from "./dispatch.ts";
import { printed } from "./lib/command.ts";

const words = process.argv.slice(2);
const outcome = await dispatch(words, (line) => console.error(line));
const { stdout, stderr } = printed(outcome, words.includes("--json"));
if (stdout !== "") console.log(stdout);
if (stderr !== "") console.error(outcome.exit === 0 ? stderr : highlighted(stderr));
process.exitCode = outcome.exit;

/** An error with its first line in red, if standard error is a terminal and NO_COLOR is not set. */
function highlighted(message: string): string {
  const [first = "", ...others] = message.split("\n");
  return [styleText("red", first, { stream: process.stderr }), ...others].join("\n");
}
