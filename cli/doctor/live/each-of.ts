/** What `look` finds for each, four at a time: a catalog may be long, and a host is not to be stormed. */
export async function eachOf<Item, Found>(
  items: readonly Item[],
  look: (item: Item) => Promise<readonly Found[]>,
): Promise<Found[]> {
  const found: Found[][] = [];
  const waiting = items.entries();
  const work = async () => {
    for (const [place, item] of waiting) found[place] = [...(await look(item))];
  };
  await Promise.all([work(), work(), work(), work()]);
  return found.flat();
}
