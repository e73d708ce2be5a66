/**
 * `tasktrail head`: where the log's chain ends, in one line to be noted where nobody can change it: SEQ:HASH TIME.
 */
import { headText, parseHead } from '../engine/head.ts';
import type { Noted } from '../ports.ts';
import { openReader, tellHow } from './asking.ts';
import { type Context, printAll } from './context.ts';
import { usageFailure } from './failure.ts';

export async function head(context: Context): Promise<void> {
  const { reader, status } = await openReader(context, 'any');
  try {
    const found = await reader.head();
    tellHow(context, reader, status?.source ?? '');
    printAll(context, [found], (heads) => heads.map(headText));
  } finally {
    await reader.close();
  }
}

/** A head that was noted and typed again; undefined where none was. */
export function headFrom(typed: string | undefined): Noted | undefined {
  if (typed === undefined) return undefined;
  const noted = parseHead(typed);
  if (noted) return noted;
  throw usageFailure(`--expect '${typed}' is no head: give SEQ:HASH, as \`tasktrail head\` prints it`);
}
