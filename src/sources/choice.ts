/**
 * The choice of a source: the best one that can be opened here, and why not a better one.
 */
import type { Source } from '../ports.ts';
import { SourceError } from './sourceError.ts';

/** A source that would have been better, and in a sentence why it was not taken. */
export interface PassedOver {
  readonly source: string;
  readonly why: string;
}

export interface Choice {
  readonly source: Source;
  /** The best first. */
  readonly passedOver: readonly PassedOver[];
}

/** A source by its name, and how it is opened. */
export type Candidate = readonly [name: string, open: () => Source];

/** Opens the first of these that can be opened. Throws the `SourceError` of the last where none can. */
export function openFirst(candidates: readonly Candidate[]): Choice {
  const passedOver: PassedOver[] = [];
  for (const [i, [name, open]] of candidates.entries()) {
    try {
      return { source: open(), passedOver };
    } catch (error) {
      if (!(error instanceof SourceError) || i === candidates.length - 1) throw error;
      passedOver.push({ source: name, why: error.message });
    }
  }
  throw new Error('impossible state: there is no source to choose from');
}
