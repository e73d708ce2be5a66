/**
 * The populated containers as the log alone tells of them: by the events `populated` and `empty`. Nobody counts tasks
 * here, so what the events say can be held against the kernel.
 */
import type { Event } from '../../events/event.ts';

export class Populated {
  readonly #ids = new Set<number>();

  /** The ids of the containers of mirrored trees, without the roots. */
  get ids(): ReadonlySet<number> {
    return this.#ids;
  }

  apply(event: Event): void {
    switch (event.type) {
      case 'populated':
        this.#ids.add(event.container);
        break;
      case 'empty':
        this.#ids.delete(event.container);
        break;
      default:
    }
  }
}
