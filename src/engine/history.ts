/**
 * History: the log as a person reads it. Events hold ids; history folds the hierarchy along with them, so
 * that each entry names pids, comms and paths as they were at that moment.
 */
import { type Bytes, bytesOf, textOf } from '../../events/bytes.ts';
import type { By, Event, EventType, ReleaseFact } from '../../events/event.ts';
import { layouts } from '../../events/layout.ts';
import { type Container, Hierarchy, pathOf, type Task } from '../../projections/hierarchy.ts';
import type { LogReader } from '../ports.ts';
import { timeText } from './reads.ts';

/** Which entries are asked for. An absent condition holds for every entry. */
export interface Filter {
  readonly types?: ReadonlySet<EventType>;
  /** A container's path, as bytes: entries of that container, and of those below it. */
  readonly path?: Bytes;
  /** Entries about the task with this pid, or caused by it. */
  readonly pid?: number;
}

/** What a person asks of the log, as every door passes it on. */
export interface LogQuery {
  readonly types?: readonly EventType[];
  /** Text as `textOf` writes it. */
  readonly path?: string;
  readonly pid?: number;
  /** The last so many entries only. */
  readonly limit?: number;
  /** Go on with what happens after. */
  readonly follow?: boolean;
}

export function filterOf({ types, path, pid }: LogQuery): Filter {
  return {
    ...(types && { types: new Set(types) }),
    ...(path !== undefined && { path: normalised(bytesOf(path)) }),
    ...(pid !== undefined && { pid }),
  };
}

/** One entry of the log. Which of the optional fields are there follows from the type. */
export interface Entry {
  readonly seq: number;
  readonly time: string;
  readonly type: EventType;
  /** The container that it happened in, by its path then; of a rename, the new one. */
  readonly path?: string;
  /** Where an attached task came from; the old path of a renamed container. */
  readonly from?: string;
  readonly pid?: number;
  readonly tgid?: number;
  readonly comm?: string;
  readonly by?: By & { readonly comm: string };
  /** The pid of the thread that forked. */
  readonly parentPid?: number;
  /** Every other field of the event, under its own name. */
  readonly [field: string]: unknown;
}

/** Types that are many and small; the others are what a person reads first. */
export const busyTypes: ReadonlySet<EventType> = new Set(['adopt', 'fork', 'exec', 'exit', 'comm', 'uid']);

/** The types of all events. */
export const eventTypes = Object.keys(layouts) as readonly EventType[];

export class History {
  readonly #filter: Filter;
  readonly #hierarchy = new Hierarchy();
  /** Paths of releases whose agent may still be spoken of. */
  readonly #released = new Map<number, Bytes>();
  /** The task that left a container last, as it was then. */
  #left: Task | undefined;

  constructor(filter: Filter) {
    this.#filter = filter;
  }

  /** The next event of the log; its entry, if it was asked for. Every event must come here, in order. */
  take(event: Event): Entry | undefined {
    const { types, path, pid } = this.#filter;
    if (event.type === 'release') this.#released.set(event.seq, event.path);
    if (event.type === 'exit' || event.type === 'attach') this.#left = this.#hierarchy.task(event.task);
    if (types && !types.has(event.type)) {
      this.#hierarchy.apply(event);
      return undefined;
    }
    // A removed container and an exited task are still there before the event, a new one only after it.
    const before = this.#subjectOf(event);
    this.#hierarchy.apply(event);
    const subject = merge(before, this.#subjectOf(event));
    if (path !== undefined && !subject.paths.some((at) => isAtOrBelow(at, path))) return undefined;
    const by = 'by' in event ? event.by : undefined;
    if (pid !== undefined && subject.pid !== pid && subject.tgid !== pid && by?.pid !== pid) return undefined;
    return this.#entry(event, subject);
  }

  /** Whom and where an event is about, as far as the hierarchy of this moment tells. */
  #subjectOf(event: Event): Subject {
    if (event.type === 'refused') return { paths: [event.path] };
    if (event.type === 'release') return { paths: [event.path], ...this.#leaver(event) };
    if ('release' in event) return { paths: [this.#released.get(event.release) ?? ''] };
    const task = 'task' in event ? this.#hierarchy.task(event.task) : undefined;
    const container = 'container' in event ? this.#hierarchy.container(event.container) : undefined;
    const paths = [container, event.type === 'attach' || !container ? task?.container : undefined]
      .filter((at): at is Container => at !== undefined)
      .map(pathOf);
    if (!task) return { paths };
    return { paths, pid: task.pid, tgid: task.tgid, comm: task.comm };
  }

  /** Who left a released container last: its cause comes right before it, in the same batch. */
  #leaver({ task }: ReleaseFact): Pick<Subject, 'pid' | 'tgid' | 'comm'> {
    if (this.#left?.id !== task) return {};
    const { pid, tgid, comm } = this.#left;
    return { pid, tgid, comm };
  }

  #entry(event: Event, subject: Subject): Entry {
    const { seq, timeUs, skewUs: _skewUs, type, ...fields } = event;
    const [path, from] = subject.paths;
    return {
      seq,
      time: timeText(timeUs),
      type,
      ...(path !== undefined && { path: textOf(path) }),
      ...(from !== undefined && from !== path && { from: textOf(from) }),
      ...(subject.pid !== undefined && { pid: subject.pid, tgid: subject.tgid }),
      ...(subject.comm !== undefined && { comm: textOf(subject.comm) }),
      ...Object.fromEntries(
        Object.entries(fields)
          .filter(([name]) => !(name === 'path' || name === 'pid' || name === 'comm' || name === 'tgid'))
          .map(([name, value]) => [name, textFields.has(name) ? textOf(String(value)) : value]),
      ),
      ...(event.type === 'fork' && { parentPid: this.#hierarchy.task(event.parent)?.pid ?? 0 }),
      ...('by' in event && { by: { ...event.by, comm: this.#commOf(event.by) } }),
    };
  }

  #commOf(by: By): string {
    return textOf(this.#hierarchy.task(by.task)?.comm ?? '');
  }
}

/** The entries of a log from its first event on, as far as it reaches now. */
export class Story {
  readonly #history: History;
  #nextSeq = 1;

  constructor(filter: Filter) {
    this.#history = new History(filter);
  }

  /** The entries since the last call. */
  async *tell(log: LogReader): AsyncGenerator<Entry> {
    for await (const events of log.read(this.#nextSeq)) {
      for (const event of events) {
        const entry = this.#history.take(event);
        if (entry) yield entry;
      }
      this.#nextSeq = (events.at(-1)?.seq ?? 0) + 1;
    }
  }

  /** The last `limit` of the entries since the last call; they are all read to know which these are. */
  async tellLast(log: LogReader, limit: number): Promise<Entry[]> {
    const last: Entry[] = [];
    for await (const entry of this.tell(log)) {
      last.push(entry);
      if (last.length >= 2 * limit) last.splice(0, last.length - limit);
    }
    return last.slice(-limit);
  }
}

interface Subject {
  /** The container's path first; then, where it differs, the path that a task or container had before. */
  readonly paths: readonly Bytes[];
  readonly pid?: number;
  readonly tgid?: number;
  readonly comm?: Bytes;
}

/** Fields that hold byte strings under a name of their own. */
const textFields = new Set(['name', 'program']);

function merge(before: Subject, after: Subject): Subject {
  const paths = [...new Set([...after.paths.slice(0, 1), ...before.paths, ...after.paths])];
  const known = after.pid !== undefined ? after : before;
  return { ...known, paths };
}

/** A path as events have it: one leading slash, none at the end, none twice. */
function normalised(path: Bytes): Bytes {
  return `/${path
    .split('/')
    .filter((name) => name !== '')
    .join('/')}`;
}

function isAtOrBelow(path: Bytes, top: Bytes): boolean {
  return top === '/' || path === top || path.startsWith(`${top}/`);
}
