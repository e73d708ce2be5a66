/**
 * Findings: what came of trying one thing that tasktrail needs, in words.
 */
import { codeOf, messageOf, SystemCallError } from '../../system/errno.ts';

/** `unknown`: it cannot be tried, and nobody tells. */
export type State = 'works' | 'fails' | 'unknown';

export interface Finding {
  /** What was tried. */
  readonly probe: string;
  readonly state: State;
  /** Whether nothing can be recorded without it. */
  readonly needed: boolean;
  /** What came of it; of a failure the errno and its probable cause. */
  readonly says: string;
  /** What a failure means for tasktrail; else empty. */
  readonly means: string;
}

export interface Probe {
  readonly name: string;
  readonly needed: boolean;
  /** What it means for tasktrail where this does not work. */
  readonly means: string;
  /** Probable causes by errno. */
  readonly causes?: Readonly<Record<string, string>>;
  /** Tries it for real, and says what came of it. Throws where it does not work. */
  attempt(): string | Promise<string>;
}

/** What keeps a probe from being tried, where that says nothing about the thing itself. */
export class Unknowable extends Error {
  override readonly name = 'Unknowable';
}

export async function find({ name, needed, means, causes, attempt }: Probe): Promise<Finding> {
  try {
    return { probe: name, state: 'works', needed, says: await attempt(), means: '' };
  } catch (error) {
    if (error instanceof Unknowable) {
      return { probe: name, state: 'unknown', needed, says: error.message, means: '' };
    }
    return { probe: name, state: 'fails', needed, says: explained(error, causes ?? {}), means };
  }
}

function explained(error: unknown, causes: Readonly<Record<string, string>>): string {
  const cause = causes[errnoOf(error)];
  return cause === undefined ? messageOf(error) : `${messageOf(error)}: ${cause}`;
}

function errnoOf(error: unknown): string {
  return error instanceof SystemCallError ? error.errno : codeOf(error);
}
