/**
 * Command lines as a person would type them into a shell.
 */
import type { CommandLineView } from '../../engine/reads.ts';

/** `sh -c 'sleep 1'`; what was cut ends in `…`. */
export function commandLineText({ arguments: words, cut }: CommandLineView): string {
  return `${words.map(quoted).join(' ')}${cut ? '…' : ''}`;
}

function quoted(word: string): string {
  if (/^[\w@%+=:,./[\]-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
