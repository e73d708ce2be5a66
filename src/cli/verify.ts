/**
 * `tasktrail verify`: reads and checks the whole log, from the first event on that is kept.
 */
import type { Verification } from '../ports.ts';
import { openReader, tellHow } from './asking.ts';
import { type Context, printAll } from './context.ts';
import { exitCodes } from './failure.ts';
import { counted, grouped } from './format/count.ts';

/** Ends with 1 where anything of it is not to be trusted. */
export async function verify(context: Context): Promise<number> {
  const { terminal } = context;
  const { reader } = await openReader(context, 'any');
  try {
    const result = await reader.verify((seq) => terminal.progress(`checked ${grouped(seq)} events`));
    terminal.progress('');
    tellHow(context, reader, result.source);
    printAll(context, [result], (results) => results.flatMap(verificationLines));
    return result.unsound === undefined ? exitCodes.done : exitCodes.failed;
  } finally {
    await reader.close();
  }
}

export function verificationLines({ events, commits, seq, hash, keptFrom, unsound }: Verification): string[] {
  const from = keptFrom ? `, from seq ${keptFrom.seq} on, where what is kept begins` : '';
  const sound = `${counted(events, 'event')} in ${counted(commits, 'commit')}${from}`;
  if (unsound === undefined) return [`sound: ${sound}`, `the chain ends at seq ${seq} in ${hash}`];
  const notSound = `not sound from seq ${unsound.seq} on: ${unsound.why}`;
  // Where LevelDB's own files are damaged, what is before that has not been read.
  if (unsound.seq !== seq + 1) return [notSound];
  return [notSound, `sound before it: ${sound}, the chain at seq ${seq} is ${hash}`];
}
