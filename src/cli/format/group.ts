/**
 * Items that belong together, for formats that show them so.
 */

/** The items of each key, keys in the order in which they first come. */
export function groupsOf<Item, Key>(
  items: readonly Item[],
  keyOf: (item: Item) => Key,
): ReadonlyMap<Key, readonly Item[]> {
  const groups = new Map<Key, Item[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

/** The lines of several groups, with an empty line between two. */
export function spaced(groups: readonly (readonly string[])[]): string[] {
  return groups.flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]));
}
