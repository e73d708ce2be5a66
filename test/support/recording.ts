/** A recorder among fakes: a source with a cast, a clock that stands still, and a log in memory. */
import type { Event, EventType, File } from '../../events/event.ts';
import { World } from '../../projections/world.ts';
import { Recorder, type RecorderOptions, type Request } from '../../src/engine/recorder.ts';
import type { Actor, Command } from '../../src/kernel/command.ts';
import { isRefusal, type Refusal } from '../../src/kernel/errno.ts';
import { locate, openForWriting } from '../../src/kernel/path.ts';
import type { SetAside } from '../../src/ports.ts';
import { FakeClock } from './fakeClock.ts';
import { FakeSource } from './fakeSource.ts';
import { rootActor } from './ground.ts';
import { HeldLog } from './heldLog.ts';

export class Recording {
  readonly clock: FakeClock;
  readonly source: FakeSource;
  readonly log: HeldLog;
  readonly world: World;
  readonly recorder: Recorder;
  readonly failures: Error[] = [];

  private constructor(before: Partial<Recording>, world: World, options: Partial<RecorderOptions>) {
    this.clock = before.clock ?? new FakeClock();
    this.source = before.source ?? new FakeSource(this.clock);
    this.log = before.log ?? new HeldLog();
    this.world = world;
    this.recorder = new Recorder({
      log: this.log,
      source: this.source,
      clock: this.clock,
      world,
      syncIntervalMs: 1000,
      onFailure: (error) => this.failures.push(error),
      ...options,
    });
  }

  /** A new recording that has started. */
  static async begin(options: Partial<RecorderOptions> = {}): Promise<Recording> {
    const recording = new Recording({}, new World(), options);
    await recording.start();
    return recording;
  }

  /** The same log on the same machine, but a new recorder, which has not started. */
  static async reopen(before: Recording, options: Partial<RecorderOptions> = {}): Promise<Recording> {
    return new Recording(before, await replay(before.log), options);
  }

  start(aside?: SetAside): Promise<void> {
    return this.recorder.start({ recording: 'recording-id', version: '1.2.3' }, aside);
  }

  /** Every event that is committed, from `fromSeq` on. */
  async events(fromSeq = 1): Promise<Event[]> {
    const events: Event[] = [];
    for await (const commit of this.log.read(fromSeq)) for (const event of commit) events.push(event);
    return events;
  }

  /** The types of events from `fromSeq` on. */
  async types(fromSeq = 1): Promise<EventType[]> {
    return (await this.events(fromSeq)).map(({ type }) => type);
  }

  mkdir(path: string, actor = rootActor): Promise<string> {
    return this.submit('mkdir', path, actor, (place) => {
      const at = place(path);
      return isRefusal(at) ? at : { type: 'mkdir', at, mode: 0o755, umask: 0 };
    });
  }

  rmdir(path: string, actor = rootActor): Promise<string> {
    return this.submit('rmdir', path, actor, (place) => {
      const at = place(path);
      return isRefusal(at) ? at : { type: 'rmdir', at };
    });
  }

  /** A write to one of a container's files; resolves with `done`, or why not. */
  write(path: string, file: File, text: string, actor = rootActor): Promise<string> {
    return this.submit('write', path, actor, (_place, state) => {
      const container = openForWriting(state, actor, path, file);
      return isRefusal(container) ? container : { type: 'write', container: container.id, file, text };
    });
  }

  /** Moves the one task of the cast. */
  attach(path: string, name: string, actor = rootActor): Promise<string> {
    const pid = this.source.cast.pidOf(name);
    const plan: Plan = (_place, state) => {
      const container = openForWriting(state, actor, path, 'tasks');
      if (isRefusal(container)) return container;
      return { type: 'write', container: container.id, file: 'tasks', text: `${pid}` };
    };
    return this.submit('attach', path, actor, plan);
  }

  async submit(name: string, path: string, actor: Actor, plan: Plan): Promise<string> {
    const request: Request = {
      name,
      path,
      actor,
      plan: (state) => plan((at) => locate(state, actor, at), state),
    };
    const answer = await this.recorder.submit(request);
    return isRefusal(answer) ? answer.errno : 'done';
  }
}

/** What a log makes of a world, from its first event on. */
export async function replay(log: HeldLog): Promise<World> {
  const world = new World();
  for await (const commit of log.read(1)) for (const event of commit) world.apply(event);
  return world;
}

type Plan = (
  place: (path: string) => ReturnType<typeof locate>,
  state: Parameters<Request['plan']>[0],
) => Command | Refusal;
