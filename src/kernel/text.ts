/**
 * The texts that are written to a container's files: what one write(2) says, and what is wrong with it.
 */
import type { Bytes } from '../../events/bytes.ts';
import { pathLimitBytes } from './path.ts';

const textLimitBytes = 4096;
const pidLimit = 2 ** 31 - 1;

/**
 * One write to `tasks`: white space, an optional minus, decimal digits, white space, up to the first NUL.
 * 0 is the writing thread; -1 stands for every number that no task can have.
 */
export function parsePid(text: Bytes): number | 'empty' | 'E2BIG' | 'EIO' | 'EINVAL' {
  if (text === '') return 'empty';
  if (text.length > textLimitBytes) return 'E2BIG';
  const match = /^[\t-\r ]*(-?[0-9]+)(.*)$/s.exec(untilNul(text));
  if (!match) return 'EIO';
  const [, digits = '', rest = ''] = match;
  if (!/^[\t-\r ]*$/.test(rest)) return 'EINVAL';
  const pid = Number(digits);
  return pid >= 0 && pid <= pidLimit ? Math.abs(pid) : -1;
}

/** One write to `notify_on_release`: decimal digits with white space around; off when all of them are 0. */
export function parseFlag(text: Bytes): boolean | 'empty' | 'E2BIG' | 'EINVAL' {
  if (text === '') return 'empty';
  if (text.length > textLimitBytes) return 'E2BIG';
  const match = /^[\t-\r ]*([0-9]+)[\t-\r ]*$/.exec(untilNul(text));
  if (!match) return 'EINVAL';
  return !/^0*$/.test(match[1] ?? '');
}

/** One write to `release_agent`: an absolute path in one line, with white space around that is none of it. */
export function parseAgent(
  text: Bytes,
): { readonly program: Bytes } | 'empty' | 'E2BIG' | 'EINVAL' | 'ENAMETOOLONG' {
  if (text === '') return 'empty';
  if (text.length > textLimitBytes) return 'E2BIG';
  const program = untilNul(text).replace(/^[\t-\r ]+|[\t-\r ]+$/g, '');
  if (!program.startsWith('/') || program.includes('\n')) return 'EINVAL';
  return program.length < pathLimitBytes ? { program } : 'ENAMETOOLONG';
}

function untilNul(text: Bytes): Bytes {
  const end = text.indexOf('\0');
  return end < 0 ? text : text.slice(0, end);
}
