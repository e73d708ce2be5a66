/**
 * Where heads are sent: the system log, a file, or whatever a program makes of them. A sending that fails rejects with what
 * was wrong, as a phrase.
 */
import { appendFile } from 'node:fs/promises';
import { utf8BytesOf } from '../../events/bytes.ts';
import type { AgentRunner, Clock } from '../ports.ts';
import { writeSystemLog } from '../system/systemLog.ts';

export type HeadTarget =
  /** The machine's system log. */
  | { readonly kind: 'journal' }
  /** A line is appended to a file. */
  | { readonly kind: 'file'; readonly path: string }
  /** A program is run as release agents are, with the line as its one argument. */
  | { readonly kind: 'program'; readonly path: string };

/** A target in words. */
export function targetText(target: HeadTarget): string {
  return target.kind === 'journal' ? 'the system log' : target.path;
}

export type Send = (line: string) => Promise<void>;

export function senderTo(target: HeadTarget, runner: AgentRunner, clock: Clock): Send {
  switch (target.kind) {
    case 'journal':
      return async (line) => writeSystemLog(`head ${line}`, clock.wallUs() / 1000);
    case 'file':
      return (line) => appendFile(target.path, `${line}\n`, { mode: 0o640 });
    case 'program':
      return (line) => run(target.path, line, runner);
  }
}

async function run(program: string, line: string, runner: AgentRunner): Promise<void> {
  const { code, signal, error } = await runner.run(utf8BytesOf(program), utf8BytesOf(line)).outcome;
  if (error !== '') throw new Error(`it could not be started: ${error}`);
  if (signal !== 0) throw new Error(`it was ended by signal ${signal}`);
  if (code !== 0) throw new Error(`it ended with ${code}`);
}
