/**
 * Inodes: the containers that the kernel knows by number, until it says that it has forgotten them. A removed container
 * is known as long as somebody stands in it or holds one of its files open, and only here.
 */
import type { Container } from '../../projections/hierarchy.ts';
import { nodeNumbered } from './node.ts';
import type { Forgotten } from './requests.ts';

export class Inodes {
  readonly #known = new Map<number, { readonly container: Container; lookups: number }>();

  /** The kernel is told of one of this container's nodes. */
  tell(container: Container): void {
    const known = this.#known.get(container.id);
    if (known) known.lookups += 1;
    else this.#known.set(container.id, { container, lookups: 1 });
  }

  forget({ node, lookups }: Forgotten): void {
    const id = nodeNumbered(node)?.container ?? 0;
    const known = this.#known.get(id);
    if (!known) return;
    known.lookups -= lookups;
    if (known.lookups <= 0) this.#known.delete(id);
  }

  /** A container as it was last, of which the kernel still knows a node. */
  container(id: number): Container | undefined {
    return this.#known.get(id)?.container;
  }

  get size(): number {
    return this.#known.size;
  }
}
