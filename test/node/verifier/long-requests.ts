import { canonicalQuery } from "../../../src/base/canonical-path.ts";
import { aliasOf } from "../../unit/base/odd-aliases.ts";
import { in5Minutes, now } from "../../unit/signing/session.ts";
import { client, sign } from "./requests.ts";
import type { Case } from "./worlds.ts";

/**
 * Long queries, which cost interpreters most if each character or parameter does, and texts of which njs 0.7.9 reads beyond the end: with
 * characters outside ASCII, a multiple of 32 long, and a global match as their last.
 */
export const longCases: readonly Case[] = [
  ...["'", "=", "&", "%", "%2c", "%41", "a=&", "&a=b", "a%", "%C3%A9"].flatMap((piece) =>
    [32, 4000, 7424].flatMap((length) => {
      const text = piece.repeat(length).slice(0, length);
      return [
        { target: `${sign({ path: "/film/A/0.ts" })}&${text}`, client, now: in5Minutes },
        { target: sign({ path: "/film/A/0.ts", query: canonicalQuery(text).slice(0, length) }), client, now },
      ];
    }),
  ),
  ...["bad=1.", "seg=x.", "seg=1.5."].map((start) => ({
    target: `${sign({ path: "/film/A/0.ts" })}${`&${start}${"A".repeat(22)}`.repeat(250)}`,
    client,
    now,
  })),
  ...[21, 25, 53, 57].map((count) => ({
    target: sign({ path: `/film/${aliasOf(`a;${"x".repeat(count)}%C3%A9%2541`).path}` }),
    client,
    now,
  })),
];
