/**
 * What the kernel is told of who is in which container of our own tree, so that it knows when a loss has left the log
 * without an answer (`Places` in `ports.ts`). It tells; what is right the trees know.
 */
import type { Hierarchy, Task } from '../../projections/hierarchy.ts';
import type { Observation, Places } from '../ports.ts';

export class KernelPlaces {
  /** Undefined where the kernel keeps none: then nothing is told. */
  readonly #places: Places | undefined;
  readonly #state: Hierarchy;
  /** The pids of whom the kernel was told lately: since the last tick, and between that and the one before. */
  #told = new Set<number>();
  #toldBefore = new Set<number>();

  constructor(places: Places | undefined, state: Hierarchy) {
    this.#places = places;
    this.#state = state;
  }

  /** Tells the kernel where a task is, if it lives. */
  tell(task: Task | undefined): void {
    if (!this.#places || !task) return;
    this.#told.add(task.pid);
    this.#places.set(task.pid, task.tgid, this.#placeOf(task));
  }

  /**
   * Puts the kernel right where a birth or a succession came at the same time as an attach, or as the pid of the one
   * who was attached became another's: the log has decided which was first. Whoever had ended when the kernel was told
   * of him is taken away again, as nobody else will do that. To be called when what was seen is in the trees.
   */
  correct(seen: Observation): void {
    if (!this.#places) return;
    if (seen.type === 'fork') {
      const task = this.#state.taskByPid(seen.pid);
      if (task && (seen.place !== this.#placeOf(task) || this.#wasTold(seen.pid))) this.tell(task);
    } else if (seen.type === 'exit') {
      if (this.#wasTold(seen.pid)) this.#places.set(seen.pid, 0, 0);
    } else if (seen.type === 'exec' && seen.oldPid !== seen.pid) {
      this.tell(this.#state.taskByPid(seen.pid));
    }
  }

  /** Tells the kernel of every task of which it knows something else than the log, after a start or a look. */
  settle(): void {
    if (!this.#places) return;
    const known = this.#places.read();
    for (const task of this.#state.tasks()) {
      const place = known?.has(task.pid) ? known.get(task.pid) : 0;
      if (place !== this.#placeOf(task)) this.tell(task);
    }
  }

  /** A second has passed: what was told two seconds ago cannot have met what is seen from now on. */
  tick(): void {
    this.#toldBefore = this.#told;
    this.#told = new Set();
  }

  #wasTold(pid: number): boolean {
    return this.#told.has(pid) || this.#toldBefore.has(pid);
  }

  /** As the kernel holds it: 0 is the root. */
  #placeOf({ container }: Task): number {
    return container === this.#state.root ? 0 : container.id;
  }
}
