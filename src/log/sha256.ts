/**
 * The chain's hash function, by Node. The commit reader takes it as a parameter and runs without Node.
 */
import { createHash } from 'node:crypto';
import type { ChainHash } from './commit.ts';

export const sha256: ChainHash = (previous, body) =>
  createHash('sha256').update(previous).update(body).digest();
