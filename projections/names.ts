/**
 * Names: what runtimes call the containers of the mirrored trees, for as long as these stand. It outlives what
 * the runtime knows of it: the log keeps the event.
 */
import { assert } from '../events/assert.ts';
import type { Bytes } from '../events/bytes.ts';
import type { Event } from '../events/event.ts';
import type { Hierarchy } from './hierarchy.ts';

export class Names {
  readonly #hierarchy: Hierarchy;
  readonly #names = new Map<number, Bytes>();

  /** `hierarchy` must be applied *after* this projection: it is asked which containers go with a tree. */
  constructor(hierarchy: Hierarchy) {
    this.#hierarchy = hierarchy;
  }

  apply(event: Event): void {
    switch (event.type) {
      case 'name':
        assert(this.#hierarchy.container(event.container), `container ${event.container} stands`);
        this.#names.set(event.container, event.name);
        break;
      case 'rmdir':
        this.#names.delete(event.container);
        break;
      case 'untree':
        for (const { id } of this.#hierarchy.tree(event.tree)?.groups.values() ?? []) this.#names.delete(id);
        break;
      default:
    }
  }

  /** Undefined for a container of which no runtime was found to know. */
  nameOf(container: number): Bytes | undefined {
    return this.#names.get(container);
  }

  /** Everything held, as plain data in a fixed order: equal names give equal dumps. */
  dump(): unknown {
    return [...this.#names].sort(([a], [b]) => a - b).map(([container, name]) => ({ container, name }));
  }
}
