/**
 * Starts recorders on damaged recordings, in a process of their own: LevelDB ends it on some damage.
 */
import { fileURLToPath } from 'node:url';
import { AskedProcess } from '../askedProcess.ts';
import type { Questions } from './answers.ts';

export interface Start {
  readonly folder: string;
  readonly questions: Questions;
}

export type Outcome =
  | {
      readonly kind: 'begun';
      /** Something is set aside. */
      readonly isSetAside: boolean;
      readonly answers: readonly (readonly [question: string, answer: string])[];
    }
  /** It says in a sentence why it does not begin. */
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string }
  /** The process has ended. */
  | { readonly kind: 'died'; readonly why: string };

const program = fileURLToPath(new URL('./recorder.ts', import.meta.url));

export function openStarter(): AskedProcess<Start, Outcome> {
  return new AskedProcess(program, (how) => ({ kind: 'died', why: `the process ends with ${how}` }));
}
