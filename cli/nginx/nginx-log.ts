import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { type Command, endFailed, succeeded } from "../lib/command.ts";
import { reasonOf, shortName } from "../lib/files.ts";

/** What replaces a secret. */
const gap = "[…]";

/**
 * A line of nginx's error log without grants and signatures: it repeats request lines, addresses of upstreams and referrers. All
 * queries go, because an origin's may have a credential as well; then what an alias hides, and every long text of the alphabet
 * that grants, tokens and signatures are written in, also where a client has percent-encoded it or the log has cut it off.
 *
 * @example `request: "GET /2D3RhFCi…/film/0.ts?seg=1796081940.TQkK… HTTP/1.1"` is `request: "GET /[…]/film/0.ts?[…]"`.
 */
export function withoutGrants(line: string): string {
  return line
    .replace(/\?[^"]*/g, `?${gap}`)
    .replace(/(\/~\/)[\w%-]+/g, `$1${gap}`)
    .replace(/[\w%-]{40,}/g, gap)
    .replace(/(?:\b|(?<=%3f|%26))(seg|list|key|file|tpl)(=|%3d)\d+(\.|%2e)[\w%-]*/gi, `$1$2${gap}`);
}

export const nginxLogCommand: Command = {
  name: "nginx-log",
  summary: "remove grants and signatures from nginx's error log",
  operands: [],
  options: { file: { type: "string" } },
  help: `Copies nginx's error log from standard input to standard output, line by line, without queries, grants and signatures. nginx has no
format for its error log, and repeats the request line of a failed request in it.

  nginx -g 'daemon off; error_log stderr warn;' 2>&1 | npx stagedoor nginx-log >> error.log

  --file <file>   read this file instead of standard input`,
  run: async (args) => {
    const file = args.value("file");
    const input = file === undefined ? process.stdin : createReadStream(file);
    try {
      for await (const line of createInterface({ input })) process.stdout.write(`${withoutGrants(line)}\n`);
    } catch (error) {
      return endFailed(`${shortName(file ?? "-")} (nginx's error log) cannot be read: ${reasonOf(error)}.`);
    }
    return succeeded("", {});
  },
};
