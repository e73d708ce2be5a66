/**
 * A terminal that keeps what is written to it.
 */
import { plain } from '../../src/cli/format/paint.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

export interface FakeTerminal extends Terminal {
  /** Lines of standard output. */
  readonly printed: string[];
  /** Data on standard output that is no lines. */
  readonly written: readonly Uint8Array[];
  /** Lines of standard error. */
  readonly told: string[];
}

export function fakeTerminal(): FakeTerminal {
  const printed: string[] = [];
  const told: string[] = [];
  const written: Uint8Array[] = [];
  return {
    printed,
    told,
    isWatched: false,
    write: async (bytes) => void written.push(bytes),
    written,
    print: (line) => printed.push(line),
    tell: (line) => told.push(line),
    progress: () => {},
    outliveReaders: () => {},
    flush: () => {},
    paint: plain,
  };
}
