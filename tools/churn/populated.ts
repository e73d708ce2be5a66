/**
 * The populated containers as the log alone tells of them: by what is adopted and by the events `populated` and
 * `empty`. Nobody counts tasks here, so what the events say can be held against the kernel.
 */
import type { Event } from '../../events/event.ts';
import type { Container, Hierarchy } from '../../projections/hierarchy.ts';

export class Populated {
  readonly #hierarchy: Hierarchy;
  readonly #ids = new Set<number>();

  /** `hierarchy` must have applied what comes here. */
  constructor(hierarchy: Hierarchy) {
    this.#hierarchy = hierarchy;
  }

  /** The ids of the containers of mirrored trees, without the roots. */
  get ids(): ReadonlySet<number> {
    return this.#ids;
  }

  apply(event: Event): void {
    switch (event.type) {
      case 'adopt':
        // The first look of all tells where tasks are, and not that containers have become populated.
        for (const id of event.mirrored) this.#addWithParents(this.#hierarchy.container(id));
        break;
      case 'populated':
        this.#ids.add(event.container);
        break;
      case 'empty':
      case 'rmdir':
        this.#ids.delete(event.container);
        break;
      default:
    }
  }

  #addWithParents(container: Container | undefined): void {
    for (let at = container; at?.parent; at = at.parent) this.#ids.add(at.id);
  }
}
