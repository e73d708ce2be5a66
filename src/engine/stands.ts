/**
 * How tasks stood at events of a log. What is stored of their lives tells it in microseconds; behind the last window that
 * is stored, the events are gone through; and where the one or the other does not do, the world as it was then is opened.
 */
import { placesOf } from '../../projections/places.ts';
import { LifelineError, type LifelineSource, type Standing, standingAt } from '../../projections/standing.ts';
import type { LogReader } from '../ports.ts';
import { openWorld } from './openWorld.ts';

export interface Stands {
  readonly standing: Standing;
  /** Why what is stored of lives could not be used, as a phrase, where that ought not to be so. */
  readonly obstacle?: string;
}

/** How a task stood behind `seq`, which is committed and kept. Fails as the log's reading does. */
export async function standsAt(
  log: LogReader,
  lifelines: LifelineSource,
  task: number,
  seq: number,
): Promise<Stands> {
  try {
    if (seq <= lifelines.lastSeq) return { standing: standingAt(lifelines, task, seq) };
    const standing = await standingBehind(log, lifelines, task, seq);
    return { standing: standing ?? (await standingInWorld(log, task, seq)) };
  } catch (error) {
    if (!(error instanceof LifelineError)) throw error;
    return { standing: await standingInWorld(log, task, seq), obstacle: error.message };
  }
}

/** Behind the last window; undefined where the events alone do not tell. */
async function standingBehind(
  log: LogReader,
  lifelines: LifelineSource,
  task: number,
  seq: number,
): Promise<Standing | undefined> {
  const { firstSeq, lastSeq } = lifelines;
  const standing = lastSeq >= firstSeq ? standingAt(lifelines, task, lastSeq) : undefined;
  if (standing?.state !== 'living') return standing?.state === 'ended' ? standing : undefined;
  let endSeq = 0;
  let hasMoved = false;
  await log.replay(lastSeq + 1, seq, (event) => {
    if (event.type === 'exit') {
      if (event.task === task) endSeq = event.seq;
    } else if (event.type === 'attach') {
      // The tree of the container that it moves into is not told here.
      if (event.task === task) hasMoved = true;
    } else if (event.type === 'untree') hasMoved = true;
  });
  if (endSeq > 0) return { state: 'ended', seq: endSeq };
  return hasMoved ? undefined : standing;
}

async function standingInWorld(log: LogReader, id: number, seq: number): Promise<Standing> {
  const { hierarchy } = await openWorld(log, seq);
  const task = hierarchy.task(id);
  if (task) return { state: 'living', places: placesOf(task) };
  if (id >= hierarchy.nextTask) return { state: 'unborn' };
  let endSeq = 0;
  await log.replay(1, seq, (event) => {
    if (event.type === 'exit' && event.task === id) endSeq = event.seq;
  });
  return { state: 'ended', seq: endSeq };
}
