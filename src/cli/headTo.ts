/**
 * Where heads are to be sent, as it is typed: `--head-to journal`, a file, or `exec:` and a program.
 */
import { resolve } from 'node:path';
import type { HeadTarget } from '../daemon.ts';
import { typedText } from './arguments.ts';
import { usageFailure } from './failure.ts';

const programMark = 'exec:';

export function headTargetFrom(typed: string): HeadTarget {
  if (typed === 'journal') return { kind: 'journal' };
  const isProgram = typed.startsWith(programMark);
  const path = typedText(isProgram ? typed.slice(programMark.length) : typed);
  if (path === undefined || path === '') {
    throw usageFailure(
      `--head-to '${typed}' is no place for heads: give journal, a file, or ${programMark} and a program, in UTF-8`,
    );
  }
  return { kind: isProgram ? 'program' : 'file', path: resolve(path) };
}
