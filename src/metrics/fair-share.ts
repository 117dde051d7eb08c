interface Shared {
  readonly code: string;
  /** The viewer, if they are known. */
  readonly subject?: string | undefined;
}

/**
 * At most `most` of `all`, in order: the latest of each kind, which is a code of known viewers or of unknown ones. A
 * rare kind keeps its place next to a frequent one, which gets the places that the others leave: a flood of invalid
 * tokens does not push out the refusal of a viewer who calls support.
 */
export function fairShare<One extends Shared>(all: readonly One[], most: number): One[] {
  if (all.length <= most) return [...all];
  const counts = new Map<string, number>();
  for (const one of all) counts.set(kindOf(one), (counts.get(kindOf(one)) ?? 0) + 1);
  const shares = sharesOf(counts, most);
  const kept: One[] = [];
  for (const one of all.toReversed()) {
    const kind = kindOf(one);
    const left = shares.get(kind) ?? 0;
    if (left === 0) continue;
    shares.set(kind, left - 1);
    kept.push(one);
  }
  return kept.reverse();
}

function kindOf({ code, subject }: Shared): string {
  return subject === undefined ? code : `${code} of a viewer`;
}

/**
 * The places per kind. Kinds with the fewest entries come first, each with as many as it needs or an equal share of the
 * rest.
 */
function sharesOf(counts: ReadonlyMap<string, number>, most: number): Map<string, number> {
  const shares = new Map<string, number>();
  let left = most;
  for (const [kind, count] of [...counts].toSorted(([, a], [, b]) => a - b)) {
    const share = Math.min(count, Math.floor(left / (counts.size - shares.size)));
    shares.set(kind, share);
    left -= share;
  }
  return shares;
}
