/**
 * Passages: what happened to tasks in a window: who was born, moved and ended; and now and then a *roll*, of all who
 * lived when the window began and where they were. Stored in pieces, each of the tasks whose ids have one remainder, so
 * that what is told of one task is a small value whose place is known. Bytes in, bytes out; runs anywhere.
 *
 *     piece  = the greatest task id before the window, how many windows before it the last roll was, trees that went (how
 *              many; event and tree of each), the roll where it is in here (a part), births (a part), ends, moves
 *     part   = how many bytes follow, and these
 *     roll   = ids, places
 *     births = how many, step of the first (the others follow it), events (a column), places
 *     ends   = ids, events (a column)
 *     moves  = ids, events, containers, trees (a column each)
 *     ids    = how many, and as a part: the step of the first, and by how much each is above the one before
 *
 * An id's step is how often the number of pieces goes into it. An event is told by how far it is behind the window's
 * beginning.
 */
import { Column, writeColumn } from '../events/column.ts';
import { type RowReader, RowWriter } from '../events/rows.ts';
import { type Places, readPlaces, writePlaces } from './places.ts';

/** A tree that is mirrored no longer, and nobody is in. */
export interface TreeEnd {
  readonly offset: number;
  readonly tree: number;
}

/** Somebody who lived when the window began. */
export interface Rolled {
  readonly task: number;
  readonly places: Places;
}

export interface Birth extends Rolled {
  readonly offset: number;
}

export interface TaskEnd {
  readonly task: number;
  readonly offset: number;
}

export interface Move extends TaskEnd {
  readonly container: number;
  readonly tree: number;
}

/** What a window tells of all tasks. */
export interface WindowDraft {
  /** The greatest task id before it. */
  readonly tasksBefore: number;
  /** How many windows before it the last roll was; 0 where it has one itself. */
  readonly rollDistance: number;
  readonly treeEnds: TreeEnd[];
}

/** What a piece tells of its tasks; all in the order of events. */
export interface PieceDraft {
  /** As `rollOf` makes it; undefined where the window has none. */
  readonly roll: Uint8Array | undefined;
  readonly births: Birth[];
  readonly ends: TaskEnd[];
  readonly moves: Move[];
}

/** The roll of a piece; by ascending ids. */
export function rollOf(rolled: readonly Rolled[], pieces: number): Uint8Array {
  return part((writer) => {
    writeIds(writer, rolled, pieces);
    writePlaces(
      writer,
      rolled.map(({ places }) => places),
    );
  });
}

export function writePiece(writer: RowWriter, window: WindowDraft, piece: PieceDraft, pieces: number): void {
  writer.uint(window.tasksBefore);
  writer.uint(window.rollDistance);
  writer.uint(window.treeEnds.length);
  for (const { offset, tree } of window.treeEnds) {
    writer.uint(offset);
    writer.uint(tree);
  }
  if (piece.roll) writePart(writer, piece.roll);
  writePart(writer, birthsOf(piece.births, pieces));
  const ends = [...piece.ends].sort((a, b) => a.task - b.task);
  writeIds(writer, ends, pieces);
  column(writer, ends, 'offset');
  const moves = [...piece.moves].sort((a, b) => a.task - b.task || a.offset - b.offset);
  writeIds(writer, moves, pieces);
  column(writer, moves, 'offset');
  column(writer, moves, 'container');
  column(writer, moves, 'tree');
}

/** Where a task was when the window began, or was born in it; an offset of 0 stands for the window's beginning. */
export type Beginning = Omit<Birth, 'task'>;

/** What a piece tells of one task. */
export interface Passage {
  /** It was born, if it was, before the window. */
  readonly isOlder: boolean;
  readonly rollDistance: number;
  readonly treeEnds: readonly TreeEnd[];
  /** Its birth; of an older task, where it was, where this window has a roll. Undefined: it was not born, or not on the roll. */
  readonly beginning: Beginning | undefined;
  /** The event with which it ended. */
  readonly endOffset: number | undefined;
  /** In their order. */
  readonly moves: readonly Step[];
}

/** A move of a task that is known. */
export type Step = Omit<Move, 'task'>;

/** Throws a `DecodeError` where this is no piece. */
export function readPassage(reader: RowReader, task: number, pieces: number): Passage {
  const step = Math.floor(task / pieces);
  const isOlder = task <= reader.uint();
  const rollDistance = reader.uint();
  const treeEnds = readTreeEnds(reader);
  const rolled = rollDistance === 0 ? readPart(reader, isOlder, () => readRolled(reader, step)) : undefined;
  const birth = readPart(reader, !isOlder, () => readBirth(reader, step));
  const ends = findId(reader, step);
  const endOffsets = new Column(reader, ends.count);
  return {
    isOlder,
    rollDistance,
    treeEnds,
    beginning: rolled ?? birth,
    endOffset: ends.found === 0 ? undefined : endOffsets.at(ends.first),
    moves: readMoves(reader, step),
  };
}

/** How many windows before its own the last roll was that a piece knows of. */
export function readRollDistance(reader: RowReader): number {
  reader.uint();
  return reader.uint();
}

// Writing.

function part(write: (writer: RowWriter) => void): Uint8Array {
  const writer = new RowWriter();
  write(writer);
  return writer.buffer.subarray(0, writer.length);
}

function writePart(writer: RowWriter, bytes: Uint8Array): void {
  writer.uint(bytes.length);
  writer.raw(bytes);
}

/** Task ids are dense, and so are their steps in a piece. */
function birthsOf(births: readonly Birth[], pieces: number): Uint8Array {
  return part((writer) => {
    writer.uint(births.length);
    writer.uint(Math.floor((births[0]?.task ?? 0) / pieces));
    column(writer, births, 'offset');
    writePlaces(
      writer,
      births.map(({ places }) => places),
    );
  });
}

function writeIds(writer: RowWriter, rows: readonly { readonly task: number }[], pieces: number): void {
  writer.uint(rows.length);
  const steps = part((within) => {
    let before = 0;
    for (const { task } of rows) {
      const step = Math.floor(task / pieces);
      within.uint(step - before);
      before = step;
    }
  });
  writePart(writer, steps);
}

function column<Field extends string>(
  writer: RowWriter,
  rows: readonly { readonly [F in Field]: number }[],
  field: Field,
): void {
  writeColumn(
    writer,
    rows.map((row) => row[field]),
    rows.length,
  );
}

// Reading.

/** Reads a part, or skips it, and leaves the reader behind it. */
function readPart<Value>(reader: RowReader, isWanted: boolean, read: () => Value): Value | undefined {
  const length = reader.uint();
  const start = reader.offset;
  const value = isWanted ? read() : undefined;
  reader.offset = start;
  reader.skip(length);
  return value;
}

function readRolled(reader: RowReader, step: number): Beginning | undefined {
  const { count, first, found } = findId(reader, step);
  return found === 0 ? undefined : { offset: 0, places: readPlaces(reader, count, first) };
}

function readBirth(reader: RowReader, step: number): Beginning | undefined {
  const count = reader.uint();
  const i = step - reader.uint();
  if (i < 0 || i >= count) return undefined;
  const offsets = new Column(reader, count);
  return { offset: offsets.at(i), places: readPlaces(reader, count, i) };
}

const noMoves: readonly Step[] = [];

function readMoves(reader: RowReader, step: number): readonly Step[] {
  const { count, first, found } = findId(reader, step);
  // Nothing follows, and most tasks never move: their columns need not be read.
  if (found === 0) return noMoves;
  const offsets = new Column(reader, count);
  const containers = new Column(reader, count);
  const trees = new Column(reader, count);
  return Array.from({ length: found }, (_, i) => ({
    offset: offsets.at(first + i),
    container: containers.at(first + i),
    tree: trees.at(first + i),
  }));
}

/** Where a step stands first among those that follow, and how often in a row; the reader is left behind them all. */
function findId(reader: RowReader, step: number): { count: number; first: number; found: number } {
  const count = reader.uint();
  const length = reader.uint();
  const start = reader.offset;
  let at = 0;
  let first = 0;
  let found = 0;
  for (let i = 0; i < count; i++) {
    at += reader.uint();
    if (at > step) break;
    if (at < step) continue;
    if (found === 0) first = i;
    found += 1;
  }
  reader.offset = start;
  reader.skip(length);
  return { count, first, found };
}

const noTreeEnds: readonly TreeEnd[] = [];

function readTreeEnds(reader: RowReader): readonly TreeEnd[] {
  const count = reader.uint();
  if (count === 0) return noTreeEnds;
  return Array.from({ length: count }, () => ({ offset: reader.uint(), tree: reader.uint() }));
}
