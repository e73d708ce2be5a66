/**
 * The terminal: the two streams a command writes to. Data goes to standard output, everything else to standard
 * error. A reader that goes away (`tasktrail log | head`) ends the program quietly.
 */
import { once } from 'node:events';
import { exitCodes } from './failure.ts';
import { type Paint, paintOf } from './format/paint.ts';

export interface Terminal {
  /** Data that is no lines; resolves when more can be taken. Not together with lines. */
  write(bytes: Uint8Array): Promise<void>;
  /** Whether a person sees what is printed. */
  readonly isWatched: boolean;
  /** One line of data. */
  print(line: string): void;
  /** One line for the person, which is no data. */
  tell(line: string): void;
  /** Replaces the line that shows how far a long job is; nothing where nobody watches. An empty text ends it. */
  progress(text: string): void;
  /** From here on nobody has to read what is printed: the job is something else. */
  outliveReaders(): void;
  /** Writes out what has been printed and is still held. */
  flush(): void;
  /** Colours for standard output. */
  readonly paint: Paint;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Lines are held back until the program has nothing else to do, or until they have this length together. */
const heldLimitCharacters = 64 * 1024;
const eraseLine = '\r\x1b[K';

export function openTerminal(
  output: NodeJS.WriteStream,
  errors: NodeJS.WriteStream,
  env: Environment,
): Terminal {
  let held: string[] = [];
  let heldCharacters = 0;
  let outlives = false;
  let progressing = false;
  output.on('error', (error: Error & { code?: string }) => {
    if (outlives) return;
    if (error.code === 'EPIPE') process.exit(exitCodes.done);
    errors.write(`tasktrail: what was printed could not be written: ${error.message}\n`);
    process.exit(exitCodes.failed);
  });
  errors.on('error', () => {
    // There is nobody left to tell.
  });

  const flush = (): void => {
    if (held.length === 0) return;
    const text = `${held.join('\n')}\n`;
    held = [];
    heldCharacters = 0;
    output.write(text);
  };
  const endProgress = (): void => {
    if (progressing) errors.write(eraseLine);
    progressing = false;
  };

  return {
    async write(bytes) {
      if (!output.write(bytes)) await once(output, 'drain');
    },
    isWatched: output.isTTY === true,
    print(line) {
      endProgress();
      if (held.length === 0) setImmediate(flush);
      held.push(line);
      heldCharacters += line.length;
      if (heldCharacters >= heldLimitCharacters) flush();
    },
    tell(line) {
      endProgress();
      flush();
      errors.write(`${line}\n`);
    },
    progress(text) {
      if (!errors.isTTY) return;
      endProgress();
      if (text === '') return;
      errors.write(text);
      progressing = true;
    },
    outliveReaders() {
      outlives = true;
    },
    flush,
    paint: paintOf(wantsColour(output.isTTY === true, env)),
  };
}

/** Colour is for terminals, and for nobody who has said no (no-color.org: any value that is not empty). */
export function wantsColour(isTerminal: boolean, env: Environment): boolean {
  return isTerminal && (env.NO_COLOR ?? '') === '' && env.TERM !== 'dumb';
}
