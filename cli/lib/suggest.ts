/**
 * The edit distance of two texts; swapping two neighbouring letters is one edit (optimal string alignment). The small packages
 * for this, leven and fastest-levenshtein, count a swap as two edits, so that `kyes` would not be close to `keys`.
 */
function editDistance(left: string, right: string): number {
  let beforeLast: readonly number[] = [];
  let last: readonly number[] = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= right.length; column += 1) {
      const isSame = left[row - 1] === right[column - 1];
      const isSwapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
      current[column] = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (isSame ? 0 : 1),
        isSwapped && row > 1 && column > 1 ? (beforeLast[column - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
    }
    [beforeLast, last] = [last, current];
  }
  return last[right.length] ?? 0;
}

/**
 * The known word that was probably meant: at most a third of its letters differ, or it begins with the given word.
 *
 * @example closest("kyes", ["keys", "token"]); // "keys"
 */
export function closest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((name) => ({ name, typos: name.startsWith(word) && word.length > 1 ? 0 : editDistance(word, name) }))
    .filter(({ name, typos }) => typos <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.typos - b.typos);
  return ranked[0]?.name;
}
