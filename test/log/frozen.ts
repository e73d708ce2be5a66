/** The frozen recordings: where they lie, and what they hold. Whatever opens one needs a copy: LevelDB writes to read. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const recordingsFolder = fileURLToPath(new URL('../fixtures/recordings', import.meta.url));

export interface FrozenRecordings {
  /** As the first tasktrail wrote it: commits only. */
  readonly format0: string;
  /** Two blocks, and a tail. */
  readonly format1: string;
  /** The export file. */
  readonly exported: string;
}

export function recordingsOf(folder: string): FrozenRecordings {
  return {
    format0: join(folder, 'format0'),
    format1: join(folder, 'format1'),
    exported: join(folder, 'version1.tasktrail'),
  };
}

export interface Expected {
  readonly recording: string;
  readonly commits: number;
  readonly seq: number;
  readonly hash: string;
  /** SHA-256 of the events as lines of JSON, in hex. */
  readonly events: string;
  /** How many there are of each type. */
  readonly types: Readonly<Record<string, number>>;
}

export function expectedOfFrozen(): Expected {
  return JSON.parse(readFileSync(join(recordingsFolder, 'expected.json'), 'utf8')) as Expected;
}
