/**
 * Names: what runtimes call the containers of the mirrored trees, for as long as these stand. It outlives what
 * the runtime knows of it: the log keeps the event.
 */
import { assert } from '../events/assert.ts';
import type { Bytes } from '../events/bytes.ts';
import type { Event } from '../events/event.ts';
import type { Hierarchy } from './hierarchy.ts';
import { SnapshotReader, SnapshotWriter } from './snapshot.ts';

export class Names {
  /** Of what `save` writes and what that means: another one for every change of either. */
  static readonly version = 1;
  readonly #hierarchy: Hierarchy;
  readonly #names = new Map<number, Bytes>();

  /** `hierarchy` must be applied *after* this projection: it is asked which containers go with a tree. */
  constructor(hierarchy: Hierarchy) {
    this.#hierarchy = hierarchy;
  }

  apply(event: Event): void {
    switch (event.type) {
      case 'name':
        assert(this.#hierarchy.container(event.container), 'container % stands', event.container);
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

  save(): Uint8Array {
    const writer = new SnapshotWriter('names', Names.version);
    const names = [...this.#names];
    writer.number(names.length);
    writer.numbers(names.length, (i) => names[i]?.[0] ?? 0);
    writer.numbers(names.length, (i) => writer.string(names[i]?.[1] ?? ''));
    return writer.sealed();
  }

  /** Takes in what was saved; nothing must have been applied yet. Throws a `SnapshotError`, and is not to be used then. */
  load(bytes: Uint8Array): void {
    const reader = new SnapshotReader(bytes, 'names', Names.version);
    const count = reader.number();
    const containers = reader.numbers(count);
    reader.each(count, (name, i) => this.#names.set(containers[i] ?? 0, reader.string(name)));
    reader.end();
  }

  /** Everything held, as plain data in a fixed order: equal names give equal dumps. */
  dump(): unknown {
    return [...this.#names].sort(([a], [b]) => a - b).map(([container, name]) => ({ container, name }));
  }
}
