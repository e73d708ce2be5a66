/**
 * Task paths: where every live task is, by its pid, as the line that `/proc/PID/container` would show.
 *
 * It keeps its own account of places and names instead of asking the hierarchy. That is on purpose: the two
 * must always agree, and a mistake in one shows as a difference.
 */
import { assert } from '../events/assert.ts';
import type { Bytes } from '../events/bytes.ts';
import type { Event } from '../events/event.ts';

interface Place {
  name: Bytes;
  readonly parent: Place | undefined;
}

interface Whereabouts {
  pid: number;
  place: Place;
}

export class TaskPaths {
  readonly #places = new Map<number, Place>();
  readonly #tasks = new Map<number, Whereabouts>();
  readonly #taskByPid = new Map<number, Whereabouts>();

  apply(event: Event): void {
    switch (event.type) {
      case 'fork':
        this.#enter(event.task, event.pid, this.#task(event.parent).place);
        break;
      case 'adopt':
        this.#enter(event.task, event.pid, this.#place(event.container));
        break;
      case 'exit':
        this.#leave(event.task);
        break;
      case 'exec':
        this.#renumber(event.task, event.pid);
        break;
      case 'attach':
        this.#task(event.task).place = this.#place(event.container);
        break;
      case 'tree':
        this.#places.set(event.container, { name: '', parent: undefined });
        break;
      case 'mkdir':
        this.#places.set(event.container, { name: event.name, parent: this.#place(event.parent) });
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

  /** The path of the container that the live task with this pid is in; undefined for no such task. */
  pathOfPid(pid: number): Bytes | undefined {
    const task = this.#taskByPid.get(pid);
    return task && pathOf(task.place);
  }

  /** Everything held, as plain data in a fixed order: equal task paths give equal dumps. */
  dump(): unknown {
    return [...this.#tasks]
      .sort(([a], [b]) => a - b)
      .map(([task, { pid, place }]) => ({ task, pid, path: pathOf(place) }));
  }

  #enter(task: number, pid: number, place: Place): void {
    const whereabouts = { pid, place };
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

function pathOf(place: Place): Bytes {
  let path = '';
  for (let at = place; at.parent; at = at.parent) path = `/${at.name}${path}`;
  return path === '' ? '/' : path;
}
