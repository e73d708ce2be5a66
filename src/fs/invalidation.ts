/**
 * Invalidation: what the kernel keeps of the tree and has to forget. It keeps names and attributes until it is told
 * otherwise, and it is told before anybody is answered who knows of the change: nobody ever sees a tree as it was.
 *
 * Neither notice makes anybody wait, so both can be given at any time, also while a request about the same directory
 * is being answered. (The notice that names a single entry is not like that: it takes the directory's lock.)
 */
import type { Event, Node } from '../../events/event.ts';
import type { Container } from '../../projections/hierarchy.ts';
import { numberOf } from './node.ts';
import { attributesNotice, namesNotice } from './replies.ts';

const allNodes: readonly Node[] = ['directory', 'tasks', 'notify_on_release'];

export class Invalidation {
  /** The parent of each container of the tree, by ids: of one that was removed nobody else can tell it any more. */
  readonly #parents = new Map<number, number>();
  readonly #root: number;

  constructor(root: Container) {
    this.#root = root.id;
    this.#learn(root);
  }

  /** The notices of one batch of events. Names are told of where the kernel keeps them. */
  noticesOf(events: readonly Event[], keepsNames: boolean): Buffer[] {
    const nodes = new Set<number>();
    let changesNames = false;
    for (const event of events) {
      switch (event.type) {
        // A directory has as many links as there are directories in it, and two.
        case 'mkdir':
          if (!this.#has(event.parent)) break;
          this.#parents.set(event.container, event.parent);
          nodes.add(numberOf(event.parent, 'directory'));
          break;
        case 'rmdir': {
          const parent = this.#parents.get(event.container);
          if (parent === undefined) break;
          this.#parents.delete(event.container);
          nodes.add(numberOf(parent, 'directory'));
          for (const node of allNodes) nodes.add(numberOf(event.container, node));
          changesNames = true;
          break;
        }
        case 'rename':
          changesNames ||= this.#has(event.container);
          break;
        case 'attr':
          if (this.#has(event.container)) nodes.add(numberOf(event.container, event.node));
      }
    }
    const notices = [...nodes].map(attributesNotice);
    return changesNames && keepsNames ? [...notices, namesNotice()] : notices;
  }

  #has(container: number): boolean {
    return container === this.#root || this.#parents.has(container);
  }

  #learn(container: Container): void {
    for (const child of container.children.values()) {
      this.#parents.set(child.id, container.id);
      this.#learn(child);
    }
  }
}
