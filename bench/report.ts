import { quantile, type Ratio, type Rounds, speedRatio } from "./measure.ts";

/** The target ratios of the project. */
const targets: Readonly<Record<string, number>> = {
  "vod1200.shared.node": 5000,
  "vod1200.session.node": 250,
  "edge.workerd": 0.93,
  "edge.fresh.workerd": 0.6,
  "start.workerd": 0.2,
  "start.node": 0.5,
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
];

export class Report {
  readonly #ratios = new Map<string, Ratio>();
  readonly #microseconds: Record<string, number> = {};

  /** Records how much faster `ours` was than `theirs`. */
  compare(name: string, ours: Rounds, theirs: Rounds): void {
    this.#ratios.set(name, speedRatio(ours, theirs));
  }

  /** Records the time of one unit. */
  took(name: string, rounds: Rounds): void {
    this.#microseconds[name] = rounded(quantile(rounds, 0.5));
  }

  /** An object with ratios by name, their quartiles, and microseconds per playlist, request or check. */
  json(): string {
    const ratios: Record<string, number> = {};
    const spread: Record<string, readonly [number, number]> = {};
    for (const [name, { value, low, high }] of this.#ratios) {
      ratios[name] = rounded(value);
      spread[name] = [rounded(low), rounded(high)];
    }
    return JSON.stringify({ ratios, spread, targets, microseconds: this.#microseconds });
  }

  table(): string {
    const lines = [row("ratio", "", "half of all rounds", "target", "meaning")];
    for (const [name, meaning] of meanings) {
      const ratio = this.#ratios.get(name);
      if (ratio === undefined) continue;
      const { value, low, high } = ratio;
      lines.push(row(name, formatted(value), `${formatted(low)} to ${formatted(high)}`, verdict(name, value), meaning));
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
  return value >= 100 ? Math.round(value).toLocaleString("en") : value.toPrecision(3);
}
