/**
 * Opens the recording that a recorder goes on with: the log, and the world that it comes to. What is not sound of it is
 * set aside, also where only the folding finds it.
 */
import type { World } from '../../projections/world.ts';
import { openWorld, type PassedOver } from '../engine/openWorld.ts';
import { UnsoundLogError } from '../log/errors.ts';
import { type LevelLog, openLevelLog } from '../log/openLog.ts';

export interface RecordingOptions {
  readonly folder: string;
  /** The time, wall-clock microseconds: what is set aside is named by it. */
  readonly setAsideUs: number;
  /** Is told of the first snapshot that could not be used. */
  readonly passedOver?: PassedOver;
}

/** Fails with one sentence for a person; then nobody holds the log. */
export async function openRecording(
  options: RecordingOptions,
): Promise<{ readonly log: LevelLog; readonly world: World }> {
  const { folder, setAsideUs } = options;
  const passedOver = once(options.passedOver ?? (() => {}));
  try {
    return await opened(await openLevelLog({ folder, setAsideUs }), passedOver);
  } catch (error) {
    if (!(error instanceof UnsoundLogError)) throw error;
    return opened(await openLevelLog({ folder, setAsideUs, unsound: error }), passedOver);
  }
}

async function opened(
  log: LevelLog,
  passedOver: PassedOver,
): Promise<{ readonly log: LevelLog; readonly world: World }> {
  try {
    return { log, world: await openWorld(log, undefined, passedOver) };
  } catch (error) {
    await log.close();
    throw error;
  }
}

function once(tell: PassedOver): PassedOver {
  let isTold = false;
  return (why) => {
    if (!isTold) tell(why);
    isTold = true;
  };
}
