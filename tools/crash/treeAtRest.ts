/**
 * The containers of our own tree as the daemon knows them, and as its log makes them, as texts that are equal when these
 * are.
 */
import { setTimeout } from 'node:timers/promises';
import { textOf } from '../../events/bytes.ts';
import { pathOf } from '../../projections/hierarchy.ts';
import type { World } from '../../projections/world.ts';
import type { HttpReader } from '../../src/http/client.ts';
import { isRefusal } from '../../src/kernel/errno.ts';

const restLimitMs = 30_000;

/** As the daemon knows them, when no release waits for its agent any more. */
export async function treeAtRest(reader: HttpReader): Promise<string> {
  for (const endMs = performance.now() + restLimitMs; ; await setTimeout(50)) {
    const { waiting, agents } = await reader.status();
    if (waiting === 0 && agents.length === 0) break;
    if (performance.now() > endMs) throw new Error(`${waiting} releases still wait for their agent`);
  }
  const tree = await reader.ask({ kind: 'tree', path: '/', tree: 'tasktrail' });
  if (isRefusal(tree)) throw new Error(`reading the tree: ${tree.saw}`);
  return textOfTree(
    tree.map(({ path, tasks, notifyOnRelease }) => ({ path, tasks, notify: notifyOnRelease })),
  );
}

/** The same of what a log has made. */
export function treeIn({ hierarchy }: World): string {
  const containers = [...hierarchy.root.children.values()];
  return textOfTree(
    containers.map((container) => ({
      path: textOf(pathOf(container)),
      tasks: container.tasks.size,
      notify: container.notify,
    })),
  );
}

/** Without the root's tasks, which come and go. */
function textOfTree(
  containers: readonly { readonly path: string; readonly tasks: number; readonly notify: boolean }[],
): string {
  const others = containers.filter(({ path }) => path !== '/');
  return others
    .map(({ path, tasks, notify }) => `${path} ${tasks} ${notify}`)
    .sort()
    .join(', ');
}
