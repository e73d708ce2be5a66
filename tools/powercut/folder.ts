/**
 * A folder as a disk has it: the names in it that are durable, and what was done to names since. A loss of power keeps
 * these in order, up to one of them, as a journal does.
 */
import type { DiskFile } from './file.ts';
import { Pending } from './pending.ts';

export type DiskNode = DiskFile | DiskFolder;

/** Names that come to stand for something, or for nothing any more, at once. */
export interface FolderChange {
  readonly at: number;
  readonly names: ReadonlyMap<string, DiskNode | undefined>;
}

export class DiskFolder {
  readonly #durable = new Map<string, DiskNode>();
  readonly #now = new Map<string, DiskNode>();
  readonly pending = new Pending<FolderChange>((change) => applyTo(this.#durable, change));

  /** What a program finds there. */
  get(name: string): DiskNode | undefined {
    return this.#now.get(name);
  }

  change(change: FolderChange): void {
    this.pending.add(change);
    applyTo(this.#now, change);
  }

  /** The names after a loss of power that keeps so many of the pending changes, which it is given. */
  image(keep: (changes: readonly FolderChange[]) => number): ReadonlyMap<string, DiskNode> {
    const { changes } = this.pending;
    const names = new Map(this.#durable);
    for (const change of changes.slice(0, keep(changes))) applyTo(names, change);
    return names;
  }
}

function applyTo(names: Map<string, DiskNode>, { names: changed }: FolderChange): void {
  for (const [name, node] of changed) {
    if (node === undefined) names.delete(name);
    else names.set(name, node);
  }
}
