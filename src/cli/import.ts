/**
 * `tasktrail import FILE`: makes a recording out of an export, in a folder that is not there yet, and checks its chain on
 * the way.
 */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import { headText, headView } from '../engine/head.ts';
import { importInto } from '../offline.ts';
import { messageOf } from '../system/errno.ts';
import type { Context } from './context.ts';
import { Failure } from './failure.ts';
import { filePathFrom } from './filePath.ts';
import { counted, grouped } from './format/count.ts';

export async function importRecording(context: Context, typed: string): Promise<void> {
  const { folder, json, terminal } = context;
  const progress = (seq: number): void => terminal.progress(`imported up to seq ${grouped(seq)}`);
  const { recording, events, commits, head } = await importInto(
    folder.path,
    bytesOf(filePathFrom(typed)),
    progress,
  );
  terminal.progress('');
  const view = headView(head);
  if (json) {
    terminal.print(JSON.stringify({ folder: folder.path, recording, events, commits, ...view }));
    return;
  }
  terminal.print(`imported ${counted(events, 'event')} in ${counted(commits, 'commit')} into ${folder.path}`);
  terminal.print(`its head is ${headText(view)}`);
}

async function* bytesOf(path: string): AsyncGenerator<Uint8Array> {
  const stream: Readable = path === '-' ? process.stdin : createReadStream(path);
  try {
    for await (const chunk of stream) yield chunk as Buffer;
  } catch (error) {
    throw new Failure(`${path} cannot be read: ${messageOf(error)}`);
  }
}
