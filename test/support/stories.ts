/**
 * Stories: the events of random recordings, which follow from each other as those of a machine do. For what folds them.
 */
import type { Event, Fact } from '../../events/event.ts';
import type { EventLog, LogReader, Stamped } from '../../src/ports.ts';
import { MirrorSimulation } from '../../tools/mirrorSimulation.ts';
import { Simulation } from '../../tools/simulation.ts';

/** With what people ask for, in our own tree. */
export async function storyOfRequests(seed: number, steps: number): Promise<readonly Event[]> {
  const simulation = new Simulation(seed);
  await simulation.run(steps);
  return eventsOf(simulation.log);
}

/** With mirrored trees. */
export async function storyOfMirrors(seed: number, steps: number): Promise<readonly Event[]> {
  const simulation = new MirrorSimulation(seed);
  await simulation.run(steps);
  return eventsOf(simulation.log);
}

/** As what is appended to another log. */
export function stampedAs(events: readonly Event[]): readonly Stamped[] {
  return events.map(({ seq, timeUs, skewUs, ...fact }) => ({ fact: fact as Fact, timeUs, skewUs }));
}

/** Commits a story, so many events at a time. */
export async function recordStory(
  log: EventLog,
  story: readonly Stamped[],
  commitEvents = 100,
): Promise<void> {
  for (let at = 0; at < story.length; at += commitEvents) {
    log.append(story.slice(at, at + commitEvents));
    await log.commit('written');
  }
}

export async function eventsOf(log: LogReader): Promise<readonly Event[]> {
  const all: Event[] = [];
  for await (const events of log.read(1)) all.push(...events);
  return all;
}
