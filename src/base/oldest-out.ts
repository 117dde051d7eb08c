/** Makes room for one more in a map that keeps at most `capacity`: the one that was put in first goes. */
export function makeRoom(map: Map<unknown, unknown>, capacity: number): void {
  if (map.size < capacity) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
