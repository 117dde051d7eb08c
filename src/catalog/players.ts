import * as z from "zod";
import { RememberedTexts } from "../base/bounded-map.ts";
import { ok, type Refusal, type Result, refusal } from "../base/result.ts";

const longestGlob = 128;
const mostGlobs = 20;

/** Longer User-Agents are cut. */
const longestUserAgent = 512;

export const playersSchema = z
  .strictObject({
    except: z
      .array(
        z
          .string()
          .min(1)
          .max(longestGlob, `Use at most ${longestGlob} characters.`)
          .regex(/^[\x20-\x7e]*$/, "Use ASCII characters without control characters.")
          .refine((glob) => !/^\*+$/.test(glob), "Name a part of the User-Agent: this glob refuses every player."),
      )
      .min(1)
      .max(mostGlobs)
      .describe(
        "Globs of User-Agents: `*` covers any characters, `?` one, and case does not count: `*Kodi*`, `Lavf/*`. The first " +
          `${longestUserAgent} characters of the header are compared.`,
      ),
  })
  .describe(
    "The players that may not start it or load its playlists: 403 player_refused. Any program can send any User-Agent, so this " +
      "keeps out players that say what they are, for example one with a known fault.",
  );

export type Players = z.output<typeof playersSchema>;

/**
 * Whether an asset accepts the player with this User-Agent, `""` without the header. Undefined, for a viewer whose
 * backend did not name it, is refused.
 */
export function checkPlayer(
  players: Players,
  userAgent: string | undefined,
): Result<undefined, Refusal<"player_refused">> {
  if (userAgent === undefined)
    return refusal("player_refused", "the asset refuses some players, and the client's is not known");
  const refusing = remembered.of(players, userAgent.slice(0, longestUserAgent), firstCovering);
  if (refusing < 0) return ok(undefined);
  const glob = JSON.stringify(players.except[refusing]);
  return refusal("player_refused", `the glob ${glob} of players.except covers the client's User-Agent`);
}

/**
 * A glob as an automaton whose states are the bits of numbers. State i: the first i characters of the glob, without its
 * stars, are covered. All states advance at once, so the time for a text is its length times the glob's words of 32
 * bits, at most five, whatever the glob is: `*a*a*a*b` costs what `a` costs.
 */
interface Automaton {
  /** By character code: the states that the character leads to. */
  readonly into: ReadonlyMap<number, Uint32Array>;
  /** The states that every character leads to: those of `?`. */
  readonly any: Uint32Array;
  /** The states with a star after them, which stay. */
  readonly stays: Uint32Array;
  /** The number of the last state: the whole glob is covered. */
  readonly last: number;
}

/** Many viewers have the same player. */
const remembered = new RememberedTexts<Players, number>(500);

/** The number of the first glob that covers a User-Agent; -1 without one. */
function firstCovering(players: Players, userAgent: string): number {
  const text = userAgent.toLowerCase();
  return automataOf(players).findIndex((automaton) => covers(automaton, text));
}

/** Per list of the catalog, which is read once per version. */
const automata = new WeakMap<Players, readonly Automaton[]>();

function automataOf(players: Players): readonly Automaton[] {
  const known = automata.get(players);
  if (known !== undefined) return known;
  const compiled = players.except.map(compile);
  automata.set(players, compiled);
  return compiled;
}

function compile(glob: string): Automaton {
  const symbols = [...glob.toLowerCase()].filter((symbol) => symbol !== "*");
  const words = (symbols.length >> 5) + 1;
  const [any, stays] = [new Uint32Array(words), new Uint32Array(words)];
  const into = new Map<number, Uint32Array>();
  let state = 0;
  for (const symbol of glob.toLowerCase()) {
    if (symbol === "*") {
      setBit(stays, state);
      continue;
    }
    state++;
    if (symbol === "?") {
      setBit(any, state);
      continue;
    }
    const code = symbol.charCodeAt(0);
    const states = into.get(code) ?? new Uint32Array(words);
    setBit(states, state);
    into.set(code, states);
  }
  // What a question mark covers, every character covers.
  for (const states of into.values())
    for (let word = 0; word < words; word++) states[word] = at(states, word) | at(any, word);
  return { into, any, stays, last: state };
}

function covers({ into, any, stays, last }: Automaton, text: string): boolean {
  const states = new Uint32Array(any.length);
  states[0] = 1;
  for (let i = 0; i < text.length; i++) {
    const reached = into.get(text.charCodeAt(i)) ?? any;
    let carry = 0;
    for (let word = 0; word < states.length; word++) {
      const now = at(states, word);
      states[word] = (((now << 1) | carry) & at(reached, word)) | (now & at(stays, word));
      carry = now >>> 31;
    }
  }
  return ((at(states, last >> 5) >>> (last & 31)) & 1) === 1;
}

function setBit(words: Uint32Array, bit: number): void {
  words[bit >> 5] = at(words, bit >> 5) | (1 << (bit & 31));
}

function at(words: Uint32Array, word: number): number {
  return words[word] ?? 0;
}
