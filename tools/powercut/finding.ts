/**
 * What a process finds that opens an image: in another one, for LevelDB ends the process on some files that no sync
 * would leave.
 */
import { fileURLToPath } from 'node:url';
import type { Head } from '../../src/ports.ts';
import { AskedProcess } from '../askedProcess.ts';

export type Finding =
  | { readonly kind: 'opened'; readonly head: Head; readonly events: number; readonly digest: string }
  /** It says that it is not sound, and does not open. */
  | { readonly kind: 'refused'; readonly why: string }
  /** It does not open for another reason, or the process died of it. */
  | { readonly kind: 'failed'; readonly why: string };

const program = fileURLToPath(new URL('./opener.ts', import.meta.url));

/** Finds what is in a folder. */
export type Finder = AskedProcess<string, Finding>;

export function openFinder(): Finder {
  return new AskedProcess(program, (how) => ({
    kind: 'failed',
    why: `the process that opens it ends with ${how}`,
  }));
}
