/**
 * What can go wrong with a recording, as errors whose message is for a person: what is wrong, and what to do. It goes
 * on a line behind `tasktrail: `, so it begins with a small letter and has no full stop at its end.
 */
import { DecodeError } from '../../events/rows.ts';
import { hasCode } from '../system/errno.ts';
import { UnsoundError } from './commit.ts';

/** The recording cannot be opened, read or written. */
export class RecordingError extends Error {
  override readonly name: string = 'RecordingError';
}

/** Something was asked of a recording after its `close`. */
export class RecordingClosedError extends RecordingError {
  override readonly name = 'RecordingClosedError';

  constructor() {
    super('the recording is closed: open it again to read or write it');
  }
}

/** What was being read, or asked for, has been removed. */
export class NotKeptError extends RecordingError {
  override readonly name = 'NotKeptError';

  constructor(seq: number) {
    super(`event #${seq} is not kept any more: it was removed as too old, or to make room; ask again`);
  }
}

/**
 * There is no room for what is to be written. What was committed is there, what was appended is not lost, and is written
 * when there is room.
 */
export class NoRoomError extends RecordingError {
  override readonly name = 'NoRoomError';

  constructor(folder: string, cause: unknown) {
    super(`the recording in ${folder} cannot be written: ${reasonOf(cause)}`, { cause });
  }
}

/** Another process has the recording open. */
export class RecordingHeldError extends RecordingError {
  override readonly name = 'RecordingHeldError';
  readonly folder: string;
  /** The process that holds it; 0 where that cannot be found out. */
  readonly pid: number;

  constructor(folder: string, pid: number) {
    const who = pid === 0 ? 'another process' : `process ${pid}`;
    super(`the recording in ${folder} is held by ${who}: only one can have it open`);
    this.folder = folder;
    this.pid = pid;
  }
}

/** What is stored is not what was recorded. Nothing of it was changed or set right. */
export class UnsoundLogError extends RecordingError {
  override readonly name = 'UnsoundLogError';
  readonly folder: string;
  /** The first seq that is not known to be sound. */
  readonly seq: number;
  /** What is wrong there, as a phrase without a full stop. */
  readonly why: string;

  constructor(folder: string, seq: number, why: string) {
    super(
      `the recording in ${folder} is not sound from seq ${seq} on: ${why}; ` +
        `nothing was changed: look closer with \`tasktrail verify --data ${folder}\``,
    );
    this.folder = folder;
    this.seq = seq;
    this.why = why;
  }
}

/**
 * The phrase in an error of LevelDB (`IO error: /a/b.log: No space left on device`) or of Node
 * (`ENOSPC: no space left on device, open '/a/b'`) that says what is wrong.
 */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  if ('syscall' in error) return error.message.replace(/^\w+: /, '').replace(/, .*$/, '');
  const reason = error.message.replace(/^.*: /, '');
  return reason.charAt(0).toLowerCase() + reason.slice(1);
}

/** Whether LevelDB says that a file is missing, is not what it wrote, or is shorter (`Invalid argument`). */
export function isLevelDamage(error: unknown): error is Error {
  if (hasCode(error, 'LEVEL_CORRUPTION')) return true;
  return hasCode(error, 'LEVEL_IO_ERROR') && /Invalid argument|No such file/.test(String(error));
}

/** What is behind an error that was made for a person. */
export function causeOf(error: unknown): unknown {
  return error instanceof Error && error.cause !== undefined ? causeOf(error.cause) : error;
}

/** Whether LevelDB or the kernel says that the filesystem is full, or a quota. */
export function isNoRoom(error: unknown): boolean {
  if (hasCode(error, 'ENOSPC', 'EDQUOT')) return true;
  return (
    hasCode(error, 'LEVEL_IO_ERROR') && /No space left on device|Disk quota exceeded/.test(String(error))
  );
}

/** What LevelDB says about a file of its own, without the folder. */
export function damageText(folder: string, error: Error): string {
  return `LevelDB cannot read its files (${error.message.replaceAll(`${folder}/`, '')})`;
}

/**
 * The error of a reading that had come to `seq`, for a person; what neither the recording nor LevelDB is the cause of
 * stays as it is.
 */
export function readingError(folder: string, seq: number, error: unknown): unknown {
  if (error instanceof UnsoundError) return new UnsoundLogError(folder, error.seq, error.message);
  if (error instanceof DecodeError) return new UnsoundLogError(folder, seq, error.message);
  if (isLevelDamage(error)) return new UnsoundLogError(folder, seq, damageText(folder, error));
  if (hasCode(error, 'LEVEL_DATABASE_NOT_OPEN', 'LEVEL_ITERATOR_NOT_OPEN')) {
    return new RecordingClosedError();
  }
  if (!hasCode(error, 'LEVEL_IO_ERROR')) return error;
  return new RecordingError(`the recording in ${folder} cannot be read: ${reasonOf(error)}`, {
    cause: error,
  });
}
