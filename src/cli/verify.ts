/**
 * `tasktrail verify`: reads and checks the log, from the first event on that is kept or from the checkpoint before `--since`, and
 * against a head that was noted earlier.
 */
import type { Flaw, Noted, Verification } from '../ports.ts';
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

/** So many flaws are told one by one. */
const flawsShown = 20;

/** Ends with 1 where anything of it is not to be trusted; what is passed over makes no answer wrong. */
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
    return result.unsound || result.flaws?.some(({ misleads }) => misleads)
      ? exitCodes.failed
      : exitCodes.done;
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
    return [`sound: ${sound}`, ...passed, `the chain ends at seq ${seq} in ${hash}`, ...flawLines(result)];
  }
  const notSound = `not sound from seq ${unsound.seq} on: ${unsound.why}`;
  // Where LevelDB's own files are damaged, what is before that has not been read.
  if (unsound.seq !== seq + 1) return [notSound];
  return [notSound, `sound before it: ${sound}, the chain at seq ${seq} is ${hash}`, ...flawLines(result)];
}

/** What is wrong beside the events, and what can be done. */
function flawLines({ flaws = [] }: Verification): string[] {
  if (flaws.length === 0) return [];
  const shown = flaws.slice(0, flawsShown).map(flawLine);
  const more = flaws.length - shown.length;
  const advice = flaws.some(({ misleads }) => misleads)
    ? 'answers may be wrong that rest on what is wrong here: all of it is made again by `export` and `import`'
    : 'no answer is wrong because of that, some take longer: all of it is made again by `export` and `import`';
  return [...shown, ...(more > 0 ? [`and ${grouped(more)} more`] : []), advice];
}

function flawLine({ kind, seq, why, misleads }: Flaw): string {
  const what = {
    snapshot: `the snapshot behind #${seq}`,
    lifelines: `what is kept of lives from #${seq} on`,
    index: `the index from #${seq} on`,
    events: `event #${seq}`,
  }[kind];
  return `${misleads ? 'WRONG' : 'not usable'}: ${what}: ${why}`;
}
