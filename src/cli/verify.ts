/**
 * `tasktrail verify`: reads and checks the log, from the first event on that is kept or from the checkpoint before `--since`, and
 * against a head that was noted earlier.
 */
import type { Noted, Verification } from '../ports.ts';
import { openReader, tellHow } from './asking.ts';
import { type Context, printAll } from './context.ts';
import { exitCodes } from './failure.ts';
import { counted, grouped } from './format/count.ts';
import { headFrom } from './head.ts';
import { instantFrom } from './instant.ts';

export interface VerifyOptions {
  readonly expect?: string;
  readonly since?: string;
}

/** Ends with 1 where anything of it is not to be trusted. */
export async function verify(context: Context, options: VerifyOptions = {}): Promise<number> {
  const { terminal } = context;
  const expect = headFrom(options.expect);
  const since = instantFrom('--since', options.since);
  const { reader } = await openReader(context, 'any');
  try {
    const result = await reader.verify((seq) => terminal.progress(`checked up to seq ${grouped(seq)}`), {
      ...(expect && { expect }),
      ...(since && { since }),
    });
    terminal.progress('');
    tellHow(context, reader, result.source);
    printAll(context, [result], (results) => results.flatMap((each) => verificationLines(each, expect)));
    return result.unsound === undefined ? exitCodes.done : exitCodes.failed;
  } finally {
    await reader.close();
  }
}

export function verificationLines(result: Verification, expect?: Noted): string[] {
  const { firstSeq, events, commits, seq, hash, keptFrom, unsound } = result;
  const why = firstSeq === keptFrom?.seq ? ', where what is kept begins' : '';
  const from = firstSeq === 1 ? '' : `, from seq ${firstSeq} on${why}`;
  const sound = `${counted(events, 'event')} in ${counted(commits, 'commit')}${from}`;
  if (unsound === undefined) {
    const passed = expect ? [`it has passed the head that was noted at seq ${expect.seq}`] : [];
    return [`sound: ${sound}`, ...passed, `the chain ends at seq ${seq} in ${hash}`];
  }
  const notSound = `not sound from seq ${unsound.seq} on: ${unsound.why}`;
  // Where LevelDB's own files are damaged, what is before that has not been read.
  if (unsound.seq !== seq + 1) return [notSound];
  return [notSound, `sound before it: ${sound}, the chain at seq ${seq} is ${hash}`];
}
