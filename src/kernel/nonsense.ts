/**
 * What comes of an observation: facts, or that it cannot follow from what is known.
 */
import type { Fact } from '../../events/event.ts';

/** Why an observation makes no sense, in words. */
export interface Nonsense {
  readonly nonsense: string;
}

export type Observed = readonly Fact[] | Nonsense;

export function isNonsense(value: object): value is Nonsense {
  return 'nonsense' in value;
}
