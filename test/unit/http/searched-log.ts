import { afterEach, expect } from "vitest";
import { secretsIn } from "../../cluster/secrets.ts";

const lines: string[] = [];

/** A log for tests. After each test its lines are searched for secrets. */
export function searchedLog(): { readonly log: (line: string) => void; readonly written: readonly string[] } {
  const written: string[] = [];
  const log = (line: string) => {
    written.push(line);
    lines.push(line);
  };
  return { log, written };
}

afterEach(() => {
  expect(lines.splice(0).flatMap((line) => secretsIn(line))).toEqual([]);
});
