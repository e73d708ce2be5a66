/**
 * The exporter: a recording as the bytes of an export file, some at a time, while it may be written on. It ends where the
 * log ended when its tail was reached.
 */
import { linkText, writeCommit, writeEnd, writeHead } from './exportFile.ts';
import type { LevelReader } from './levelReader.ts';
import { beginningOf, passageFrom } from './passage.ts';

const chunkBytes = 256 * 1024;

/** Fails with an `UnsoundLogError` where the recording is not sound: nothing unsound is exported. */
export async function* exportOf(reader: LevelReader): AsyncGenerator<Uint8Array> {
  const beginning = beginningOf(reader);
  let { link } = beginning;
  let commits = 0;
  let pieces = [writeHead({ recording: reader.store.meta?.id ?? '', after: linkText(link) })];
  let sizeBytes = 0;
  for await (const passed of passageFrom(reader, beginning)) {
    for (const commit of passed) {
      const frame = writeCommit(commit.value);
      pieces.push(frame);
      sizeBytes += frame.length;
      commits += 1;
      link = commit.link;
    }
    if (sizeBytes < chunkBytes) continue;
    yield joined(pieces);
    pieces = [];
    sizeBytes = 0;
  }
  pieces.push(writeEnd({ commits, head: linkText(link) }));
  yield joined(pieces);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
