import { quantile, type Ratio, type Rounds, speedRatio } from "./measure.ts";

/** The target ratios of the project. */
const targets: Readonly<Record<string, number>> = {
  "vod1200.shared.node": 5000,
  "vod1200.session.node": 250,
  "edge.workerd": 0.93,
  "edge.fresh.workerd": 0.6,
  "start.workerd": 0.2,
  "start.node": 0.5,
  "playlist.ruled.node": 0.9,
};

/** The meaning of each ratio, in the order of the table. */
const meanings: readonly (readonly [name: string, meaning: string])[] = [
  [
    "vod1200.shared.node",
    "a 1,200-segment film for one of 1,000 viewers, times faster than m3u8-parser + getSignedUrl",
  ],
  ["vod1200.session.node", "the same, each segment's signature bound to the viewer's session"],
  ["live6.shared.node", "a 6-segment live window for one of 1,000 viewers"],
  ["live6.session.node", "the same, bound to the session"],
  ["vod1200.shared.workerd", "the film in workerd, against the same by hand in workerd"],
  ["vod1200.session.workerd", "bound to the session, in workerd"],
  ["live6.shared.workerd", "the live window in workerd"],
  ["live6.session.workerd", "bound to the session, in workerd"],
  ["edge.workerd", "requests per second of the edge worker, checked ÷ unchecked"],
  ["edge.fresh.workerd", "the same if every request is the first of its viewer"],
  ["start.workerd", "POST /stream/start ÷ a bare Hono app that verifies the token with jose"],
  ["start.node", "the same in Node, without a network"],
  [
    "playlist.ruled.node",
    "a live playlist of an asset with every kind of rule and a blackout ÷ one without rules, in Node",
  ],
  [
    "function.served.njs",
    "the CloudFront Function in njs for a granted segment, in times of a function that does nothing",
  ],
  ["function.renewed.njs", "the same for a 307 to a fresh URL"],
  ["function.forwarded.njs", "the same for a playlist, which goes to the manifest host"],
  ["function.refused.njs", "the same for an invalid signature"],
  ["function.served.node", "a granted segment in V8, with the globals that CloudFront has"],
  ["function.renewed.node", "a 307 in V8"],
  ["function.forwarded.node", "a playlist in V8"],
  ["function.refused.node", "an invalid signature in V8"],
];

/** The meaning of each count, in the order of the table, and the most that it may be. */
const counted: readonly (readonly [name: string, meaning: string, most?: number])[] = [
  ["uri.shared", "bytes that a segment's line has more than in the origin's playlist", 40],
  ["uri.canned", "the same with CloudFront's own signed URLs, canned policy"],
  ["uri.custom", "the same with a custom policy"],
  ["signatures.shared", "signatures for a 1,200-segment film, 1,000 viewers within a step: HMACs", 1200],
  ["signatures.byHand", "the same by hand: one RSA signature per segment and viewer"],
  ["signatures.wildcards", "the same by hand with wildcards: one RSA signature per viewer"],
  ["function.bytes", "the CloudFront Function, of 10,240 bytes that CloudFront accepts", 10_240],
  ["store.sessions", "ended sessions that a KeyValueStore of 5 MB holds"],
  ["store.logins", "the same for logins"],
  ["packed.keys", "session keys for which the packed entry has room"],
  ["packed.assets", "revoked assets that it names, with two keys; more are in its filter"],
  ["filter.100", "of 100 requests of other viewers, those that go to the manifest host while 100 viewers are revoked"],
  ["filter.1000", "the same while 1,000 viewers are revoked"],
];

export class Report {
  readonly #ratios = new Map<string, Ratio>();
  readonly #microseconds: Record<string, number> = {};
  readonly #counts: Record<string, number> = {};

  /** Records how much faster `ours` was than `theirs`. */
  compare(name: string, ours: Rounds, theirs: Rounds): void {
    this.#ratios.set(name, speedRatio(ours, theirs));
  }

  /** Records the time of one unit. */
  took(name: string, rounds: Rounds): void {
    this.#microseconds[name] = rounded(quantile(rounds, 0.5));
  }

  /** Records what is counted and the same in every run. */
  count(counts: Readonly<Record<string, number>>): void {
    Object.assign(this.#counts, counts);
  }

  /** An object with ratios by name, their quartiles, counts, and microseconds per playlist, request or check. */
  json(): string {
    const ratios: Record<string, number> = {};
    const spread: Record<string, readonly [number, number]> = {};
    for (const [name, { value, low, high }] of this.#ratios) {
      ratios[name] = rounded(value);
      spread[name] = [rounded(low), rounded(high)];
    }
    return JSON.stringify({ ratios, spread, targets, counts: this.#counts, microseconds: this.#microseconds });
  }

  table(): string {
    const lines = [row("ratio", "", "half of all rounds", "target", "meaning")];
    for (const [name, meaning] of meanings) {
      const ratio = this.#ratios.get(name);
      if (ratio === undefined) continue;
      const { value, low, high } = ratio;
      lines.push(row(name, formatted(value), `${formatted(low)} to ${formatted(high)}`, verdict(name, value), meaning));
    }
    lines.push("");
    for (const [name, meaning, most] of counted) {
      const value = this.#counts[name];
      if (value === undefined) continue;
      const target = most === undefined ? "" : `≤ ${formatted(most)} ${value <= most ? "met" : "MISSED"}`;
      lines.push(row(name, formatted(value), "", target, meaning));
    }
    lines.push("", "Microseconds (medians): a playlist, a request, or a check");
    for (const [name, value] of Object.entries(this.#microseconds))
      lines.push(`  ${name.padEnd(30)}${formatted(value).padStart(12)}`);
    return lines.join("\n");
  }
}

function verdict(name: string, value: number): string {
  const target = targets[name];
  if (target === undefined) return "";
  return `≥ ${formatted(target)} ${value >= target ? "met" : "MISSED"}`;
}

function row(name: string, value: string, spread: string, target: string, meaning: string): string {
  return `${name.padEnd(25)}${value.padStart(9)}  ${spread.padEnd(20)}${target.padEnd(15)}${meaning}`;
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function formatted(value: number): string {
  return value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
