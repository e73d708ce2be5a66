/** A world to try single functions of the kernel on: facts go in one by one, nothing decides anything. */

import type { Fact } from '../../events/event.ts';
import type { Hierarchy } from '../../projections/hierarchy.ts';
import { World } from '../../projections/world.ts';
import type { Actor } from '../../src/kernel/command.ts';
import type { TaskSeen } from '../../src/kernel/observation.ts';

export const rootActor: Actor = { pid: 1, uid: 0, gid: 0, groups: [] };

export class Ground {
  readonly world = new World();
  #seq = 0;

  constructor() {
    this.apply([
      { type: 'tree', tree: 0, name: 'tasktrail', container: 1, hierarchy: 0, group: 0, mountPoint: '' },
    ]);
  }

  get state(): Hierarchy {
    return this.world.hierarchy;
  }

  apply(facts: readonly Fact[]): void {
    for (const fact of facts) {
      this.#seq += 1;
      this.world.apply({ ...fact, seq: this.#seq, timeUs: this.#seq, skewUs: 0 });
    }
  }

  /** A container below another; returns its id. Mode, owner and group of its directory may be said. */
  mkdir(parent: number, name: string, { mode = 0o755, uid = 0, gid = 0, notify = false } = {}): number {
    const container = this.state.nextContainer;
    this.apply([{ type: 'mkdir', container, parent, name, mode, uid, gid, notify, group: 0, by: nobody }]);
    return container;
  }

  attach(task: number, container: number): void {
    this.apply([{ type: 'attach', task, container, by: nobody, certainty: 'known' }]);
  }
}

/** A task as a look would show it, by default a process of its own that init made. */
export function taskSeen(pid: number, change: Partial<TaskSeen> = {}): TaskSeen {
  const parentPid = pid === 1 ? 0 : 1;
  return { pid, tgid: pid, startTicks: pid, uid: 0, suid: 0, comm: 'task', parentPid, ...change };
}

const nobody = { task: 0, pid: 0, uid: 0, gid: 0 };
