/**
 * The exporter: a recording as the bytes of an export file, some at a time, while it may be written on. It ends where the
 * log ended when its tail was reached.
 */

import { RecordingError } from './errors.ts';
import { linkText, writeCommit, writeEnd, writeHead, writeSnapshot } from './exportFile.ts';
import type { LevelReader } from './levelReader.ts';
import { checkpointAt, passageFrom } from './passage.ts';

const chunkBytes = 256 * 1024;

/** Fails with an `UnsoundLogError` where the recording is not sound: nothing unsound is exported. */
export async function* exportOf(reader: LevelReader): AsyncGenerator<Uint8Array> {
  const origin = reader.origin();
  let { link } = origin;
  let commits = 0;
  const { firstSeq, firstUs } = origin;
  const head = { recording: reader.store.meta?.id ?? '', after: linkText(link) };
  let pieces = [
    writeHead(firstSeq === 1 ? head : { ...head, from: { seq: firstSeq, timeUs: firstUs } }),
    ...(await snapshotBefore(reader, firstSeq)),
  ];
  let sizeBytes = 0;
  for await (const passed of passageFrom(reader, checkpointAt(origin))) {
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

/** What the removed events had come to: without it there is nothing that the others could go on from. */
async function snapshotBefore(reader: LevelReader, firstSeq: number): Promise<readonly Uint8Array[]> {
  if (firstSeq === 1) return [];
  const parts = Object.entries((await reader.snapshotAt(firstSeq - 1)).parts);
  if (parts.length === 0) {
    throw new RecordingError(
      `the recording in ${reader.store.folder} has no snapshot of what is not kept that can be read`,
    );
  }
  return parts.map(([projection, bytes]) => writeSnapshot({ projection, bytes }));
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
