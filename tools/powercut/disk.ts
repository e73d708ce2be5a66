/**
 * The disk below one folder, rebuilt from the operations that a program did there: what it holds, and what a loss of
 * power at this point may leave of that.
 */
import { constants } from 'node:fs';
import { basename, dirname } from 'node:path';
import { DiskFile, type FileKeeping } from './file.ts';
import { DiskFolder, type DiskNode, type FolderChange } from './folder.ts';
import type { Operation } from './operations.ts';

/** What a loss of power keeps. */
export interface Keeping extends FileKeeping {
  /** How many of the pending changes to a folder's names, which are these. */
  names(changes: readonly FolderChange[]): number;
}

/** Files by their paths below the folder; those of folders are undefined. */
export type Image = ReadonlyMap<string, Uint8Array | undefined>;

export class Disk {
  readonly #root = new DiskFolder();
  readonly #open = new Map<number, DiskNode>();
  /** By the number of a sync that is under way: what it makes durable, and how many changes of that. */
  readonly #syncs = new Map<number, { readonly node: DiskNode; readonly total: number }>();
  readonly #honoursSyncs: boolean;
  /** How many operations there have been. */
  #at = 0;

  /** Begins with what is there, all of it durable. Without `honoursSyncs` a sync is as none. */
  constructor(there: Image, honoursSyncs: boolean) {
    this.#honoursSyncs = honoursSyncs;
    for (const [path, bytes] of there) {
      const folder = this.#folderOf(path);
      this.#name(folder, path, bytes === undefined ? new DiskFolder() : new DiskFile(bytes));
      folder.pending.settle(folder.pending.total);
    }
  }

  get at(): number {
    return this.#at;
  }

  holds(path: string): boolean {
    return this.#find(path) !== undefined;
  }

  apply(operation: Operation): void {
    this.#at += 1;
    switch (operation.kind) {
      case 'open':
        this.#open.set(operation.fd, this.#opened(operation.path, operation.flags));
        break;
      case 'close':
        this.#open.delete(operation.fd);
        break;
      case 'write':
        this.#fileAt(operation.fd).pending.add({ at: this.#at, ...operation });
        break;
      case 'resize':
        this.#fileAt(operation.fd).pending.add({ at: this.#at, sizeBytes: operation.sizeBytes });
        break;
      case 'sync': {
        const node = this.#nodeAt(operation.fd);
        this.#syncs.set(operation.sync, { node, total: node.pending.total });
        break;
      }
      case 'synced': {
        const sync = this.#syncs.get(operation.sync);
        this.#syncs.delete(operation.sync);
        if (this.#honoursSyncs) sync?.node.pending.settle(sync.total);
        break;
      }
      case 'mkdir':
        this.#name(this.#folderOf(operation.path), operation.path, new DiskFolder());
        break;
      case 'remove':
        this.#name(this.#folderOf(operation.path), operation.path, undefined);
        break;
      case 'link':
        this.#name(this.#folderOf(operation.to), operation.to, this.#nodeOf(operation.path));
        break;
      case 'rename':
        this.#rename(operation.path, operation.to);
        break;
      case 'note':
        break;
    }
  }

  image(keeping: Keeping): Image {
    const image = new Map<string, Uint8Array | undefined>();
    const take = (folder: DiskFolder, prefix: string): void => {
      for (const [name, node] of folder.image(keeping.names)) {
        const path = `${prefix}${name}`;
        image.set(path, node instanceof DiskFile ? node.image(keeping) : undefined);
        if (node instanceof DiskFolder) take(node, `${path}/`);
      }
    };
    take(this.#root, '');
    return image;
  }

  #opened(path: string, flags: number): DiskNode {
    const known = this.#find(path);
    if (known === undefined) {
      if ((flags & constants.O_CREAT) === 0) throw new Error(`${path} was opened, and nobody has made it`);
      const made = new DiskFile();
      this.#name(this.#folderOf(path), path, made);
      return made;
    }
    if ((flags & constants.O_TRUNC) !== 0 && known instanceof DiskFile) {
      known.pending.add({ at: this.#at, sizeBytes: 0 });
    }
    return known;
  }

  #rename(path: string, to: string): void {
    const [from, target] = [this.#folderOf(path), this.#folderOf(to)];
    // Which of two folders keeps what would have to be told together.
    if (from !== target) throw new Error(`${path} became ${to}: a rename between folders is not followed`);
    const names = new Map([
      [basename(path), undefined],
      [basename(to), this.#nodeOf(path)],
    ]);
    from.change({ at: this.#at, names });
  }

  #name(folder: DiskFolder, path: string, node: DiskNode | undefined): void {
    folder.change({ at: this.#at, names: new Map([[basename(path), node]]) });
  }

  #folderOf(path: string): DiskFolder {
    const parent = dirname(path);
    const folder = parent === '.' ? this.#root : this.#nodeOf(parent);
    if (!(folder instanceof DiskFolder)) throw new Error(`${parent} is no folder`);
    return folder;
  }

  #nodeOf(path: string): DiskNode {
    const node = this.#find(path);
    if (node === undefined) throw new Error(`${path} is not there`);
    return node;
  }

  #find(path: string): DiskNode | undefined {
    let node: DiskNode | undefined = this.#root;
    for (const name of path.split('/').filter((part) => part !== '')) {
      node = node instanceof DiskFolder ? node.get(name) : undefined;
    }
    return node;
  }

  #nodeAt(fd: number): DiskNode {
    const node = this.#open.get(fd);
    if (node === undefined) throw new Error(`descriptor ${fd} is not open`);
    return node;
  }

  #fileAt(fd: number): DiskFile {
    const node = this.#nodeAt(fd);
    if (node instanceof DiskFile) return node;
    throw new Error(`descriptor ${fd} stands for a folder`);
  }
}
