/**
 * A task, as everybody reads it: a light view, made when somebody asks, of what the hierarchy holds of one live task.
 * Two views of one task are two objects: tasks are told apart by their ids. After its end a task can be read no more.
 */
import { assert } from '../events/assert.ts';
import type { Bytes } from '../events/bytes.ts';
import type { Certainty, CommandLine } from '../events/event.ts';
import type { Container, Members } from './container.ts';
import type { Tasks } from './tasks.ts';

/** A task that has not exited. */
export interface Task {
  readonly id: number;
  /** Id of the task that forked it, 0 where unknown. It may have exited. */
  readonly parent: number;
  readonly pid: number;
  readonly tgid: number;
  readonly startTicks: number;
  readonly uid: number;
  readonly suid: number;
  readonly comm: Bytes;
  /** Path of the last program executed since recording began, else empty. */
  readonly program: Bytes;
  /** Its process's, where command lines are recorded. */
  readonly commandLine: CommandLine | undefined;
  /** Where it is in our own tree. */
  readonly container: Container;
  /** How the recorder knows that it is there. */
  readonly certainty: Certainty;
  /** Where it is in the mirrored trees, in their order, one container of each in which the kernel has told. */
  readonly mirrored: readonly Container[];
}

/** Where a task is, by its slot. */
export interface Whereabouts {
  /** In our own tree. */
  ownPlaceOf(slot: number): Container;
  /** In the mirrored trees, in their order. */
  mirroredPlacesOf(slot: number): readonly Container[];
}

export class TaskView implements Task {
  readonly id: number;
  readonly #slot: number;
  readonly #tasks: Tasks;
  readonly #whereabouts: Whereabouts;

  constructor(slot: number, tasks: Tasks, whereabouts: Whereabouts) {
    this.id = tasks.idAt(slot);
    this.#slot = slot;
    this.#tasks = tasks;
    this.#whereabouts = whereabouts;
  }

  get parent(): number {
    return this.#tasks.parentAt(this.#live());
  }

  get pid(): number {
    return this.#tasks.pidAt(this.#live());
  }

  get tgid(): number {
    return this.#tasks.tgidAt(this.#live());
  }

  get startTicks(): number {
    return this.#tasks.startTicksAt(this.#live());
  }

  get uid(): number {
    return this.#tasks.uidAt(this.#live());
  }

  get suid(): number {
    return this.#tasks.suidAt(this.#live());
  }

  get comm(): Bytes {
    return this.#tasks.commAt(this.#live());
  }

  get program(): Bytes {
    return this.#tasks.programAt(this.#live());
  }

  get commandLine(): CommandLine | undefined {
    return this.#tasks.commandLineAt(this.#live());
  }

  get container(): Container {
    return this.#whereabouts.ownPlaceOf(this.#live());
  }

  get certainty(): Certainty {
    return this.#tasks.certaintyAt(this.#live());
  }

  get mirrored(): readonly Container[] {
    return this.#whereabouts.mirroredPlacesOf(this.#live());
  }

  /** Its slot may be another task's after its end. */
  #live(): number {
    assert(this.#tasks.idAt(this.#slot) === this.id, 'task % lives while it is read', this.id);
    return this.#slot;
  }
}

/** The container that a task is in, in a tree; undefined in a mirrored tree of which nobody could tell. */
export function placeIn(task: Pick<Task, 'container' | 'mirrored'>, tree: number): Container | undefined {
  return tree === 0 ? task.container : task.mirrored.find((container) => container.tree === tree);
}

/** The tasks in a container, by ascending pid. */
export function tasksOf({ tasks }: { readonly tasks: Members }): Task[] {
  return [...tasks].sort(byPid);
}

export function byPid(a: Task, b: Task): number {
  return a.pid - b.pid;
}
