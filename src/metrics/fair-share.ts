/**
 * At most `most` of `all`, in order: the latest of each code. A rare code keeps its place next to a frequent one, which
 * gets the places that the others leave.
 */
export function fairShare<One extends { readonly code: string }>(all: readonly One[], most: number): One[] {
  if (all.length <= most) return [...all];
  const counts = new Map<string, number>();
  for (const { code } of all) counts.set(code, (counts.get(code) ?? 0) + 1);
  const shares = sharesOf(counts, most);
  const kept: One[] = [];
  for (const one of all.toReversed()) {
    const left = shares.get(one.code) ?? 0;
    if (left === 0) continue;
    shares.set(one.code, left - 1);
    kept.push(one);
  }
  return kept.reverse();
}

/**
 * The places per code. Codes with the fewest entries come first, each with as many as it needs or an equal share of the
 * rest.
 */
function sharesOf(counts: ReadonlyMap<string, number>, most: number): Map<string, number> {
  const shares = new Map<string, number>();
  let left = most;
  for (const [code, count] of [...counts].toSorted(([, a], [, b]) => a - b)) {
    const share = Math.min(count, Math.floor(left / (counts.size - shares.size)));
    shares.set(code, share);
    left -= share;
  }
  return shares;
}
