/**
 * Descriptors: what this process holds of maps, programs and links in the kernel. Whatever is not pinned ends when
 * they are closed.
 */
import { checked, libc } from '../../system/libc.ts';

export class Descriptors {
  #open: number[] = [];

  keep(fd: number): number {
    this.#open.push(fd);
    return fd;
  }

  /** Closes one of them before the others. */
  release(fd: number): void {
    this.#open = this.#open.filter((open) => open !== fd);
    checked(closing, libc().close(fd));
  }

  /** The last one first: links come after the programs and maps that they need. */
  close(): void {
    for (const fd of this.#open.splice(0).reverse()) {
      checked(closing, libc().close(fd));
    }
  }
}

const closing = 'closing a descriptor of the eBPF source';
