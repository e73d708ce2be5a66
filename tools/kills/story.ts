/**
 * The story that recordings under test tell: the same for whoever has its seed.
 */
import type { Stamped } from '../../src/ports.ts';
import { stampedAs, storyOfMirrors } from '../../test/support/stories.ts';

const steps = 14_000;

export async function storyOf(seed: number): Promise<readonly Stamped[]> {
  return stampedAs(await storyOfMirrors(seed, steps));
}
