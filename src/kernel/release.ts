/**
 * The release condition, in one place. It is tested when, and only when, an attach or an exit takes a
 * container's last task away, or an rmdir its last child. When it holds, the `release` fact goes into the
 * same batch as its cause: no crash can part them.
 */
import type { ReleaseCause, ReleaseFact } from '../../events/event.ts';
import { type Container, pathOf } from '../../projections/hierarchy.ts';
import { pathLimitBytes } from './path.ts';

/**
 * The zero-count event of a container that has just lost something, or none.
 *
 * `tasksLeft` and `childrenLeft` are the counts after the facts that go before this one in the batch.
 */
export function releaseOf(
  container: Container,
  tasksLeft: number,
  childrenLeft: number,
  cause: ReleaseCause,
  task: number,
): readonly ReleaseFact[] {
  if (!isReleasable(container, tasksLeft, childrenLeft)) return [];
  return [{ type: 'release', container: container.id, path: pathOf(container), cause, task }];
}

/** Whether the release condition holds for a container of our own tree, with these counts. */
export function isReleasable(container: Container, tasksLeft: number, childrenLeft: number): boolean {
  return (
    container.notify &&
    tasksLeft === 0 &&
    childrenLeft === 0 &&
    container.tree === 0 &&
    container.parent !== undefined &&
    pathOf(container).length < pathLimitBytes
  );
}
