/**
 * Task paths: where every live task is, by its pid, as the line that `/proc/PID/container` would show.
 *
 * It keeps its own account of places and names instead of asking the hierarchy. That is on purpose: the two
 * must always agree, and a mistake in one shows as a difference.
 */
import { assert } from '../events/assert.ts';
import type { Bytes } from '../events/bytes.ts';
import type { Event, ForkFact } from '../events/event.ts';

interface Place {
  name: Bytes;
  readonly tree: number;
  readonly parent: Place | undefined;
}

interface Whereabouts {
  pid: number;
  /** One place in each tree that the task has been met in, our own first. */
  places: readonly Place[];
}

export class TaskPaths {
  readonly #places = new Map<number, Place>();
  readonly #tasks = new Map<number, Whereabouts>();
  readonly #taskByPid = new Map<number, Whereabouts>();

  apply(event: Event): void {
    switch (event.type) {
      case 'fork':
        this.#enter(event.task, event.pid, this.#bornInto(event));
        break;
      case 'adopt':
        this.#enter(
          event.task,
          event.pid,
          [event.container, ...event.mirrored].map((id) => this.#place(id)),
        );
        break;
      case 'exit':
        this.#leave(event.task);
        break;
      case 'exec':
        this.#renumber(event.task, event.pid);
        break;
      case 'attach':
        this.#move(this.#task(event.task), this.#place(event.container));
        break;
      case 'tree':
        this.#places.set(event.container, { name: '', tree: event.tree, parent: undefined });
        break;
      case 'mkdir':
        this.#mkdir(event.container, event.name, this.#place(event.parent));
        break;
      case 'untree':
        this.#untree(event.tree);
        break;
      case 'rename':
        this.#place(event.container).name = event.name;
        break;
      case 'rmdir':
        this.#places.delete(event.container);
        break;
      default:
    }
  }

  /** The path of the live task with this pid in each tree, by the tree's number; undefined for no such task. */
  pathsOfPid(pid: number): ReadonlyMap<number, Bytes> | undefined {
    const task = this.#taskByPid.get(pid);
    return task && new Map(task.places.map((place) => [place.tree, pathOf(place)]));
  }

  /** Everything held, as plain data in a fixed order: equal task paths give equal dumps. */
  dump(): unknown {
    return [...this.#tasks]
      .sort(([a], [b]) => a - b)
      .map(([task, { pid, places }]) => ({ task, pid, paths: places.map(pathOf) }));
  }

  #bornInto(event: ForkFact): readonly Place[] {
    const inherited = this.#task(event.parent).places;
    return event.into.reduce((places, into) => replaced(places, this.#place(into)), inherited);
  }

  #move(task: Whereabouts, to: Place): void {
    task.places = replaced(task.places, to);
  }

  #mkdir(container: number, name: Bytes, parent: Place): void {
    this.#places.set(container, { name, tree: parent.tree, parent });
  }

  #untree(tree: number): void {
    for (const [id, place] of this.#places) if (place.tree === tree) this.#places.delete(id);
    for (const task of this.#tasks.values()) task.places = task.places.filter((place) => place.tree !== tree);
  }

  #enter(task: number, pid: number, places: readonly Place[]): void {
    const whereabouts = { pid, places };
    this.#tasks.set(task, whereabouts);
    this.#taskByPid.set(pid, whereabouts);
  }

  #leave(task: number): void {
    const whereabouts = this.#task(task);
    this.#tasks.delete(task);
    if (this.#taskByPid.get(whereabouts.pid) === whereabouts) this.#taskByPid.delete(whereabouts.pid);
  }

  #renumber(task: number, pid: number): void {
    const whereabouts = this.#task(task);
    if (whereabouts.pid === pid) return;
    if (this.#taskByPid.get(whereabouts.pid) === whereabouts) this.#taskByPid.delete(whereabouts.pid);
    whereabouts.pid = pid;
    this.#taskByPid.set(pid, whereabouts);
  }

  #task(id: number): Whereabouts {
    const task = this.#tasks.get(id);
    assert(task, `task ${id} lives`);
    return task;
  }

  #place(id: number): Place {
    const place = this.#places.get(id);
    assert(place, `container ${id} stands`);
    return place;
  }
}

/** These places with one instead of that in the same tree; beside them, where none is in it. */
function replaced(places: readonly Place[], to: Place): readonly Place[] {
  const known = places.some(({ tree }) => tree === to.tree);
  return known ? places.map((place) => (place.tree === to.tree ? to : place)) : [...places, to];
}

function pathOf(place: Place): Bytes {
  let path = '';
  for (let at = place; at.parent; at = at.parent) path = `/${at.name}${path}`;
  return path === '' ? '/' : path;
}
