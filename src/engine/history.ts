/**
 * History: the log as a person reads it. Events hold ids; history folds the hierarchy and the names along with
 * them, so that each entry says pids, comms, paths and names as they were at that moment.
 */
import { type Bytes, bytesOf, textOf } from '../../events/bytes.ts';
import type { By, Event, EventType, ForkFact, ReleaseFact } from '../../events/event.ts';
import { layouts } from '../../events/layout.ts';
import { type Container, type Hierarchy, pathOf, placeIn, type Task } from '../../projections/hierarchy.ts';
import type { Names } from '../../projections/names.ts';
import { World } from '../../projections/world.ts';
import { normalised } from '../kernel/path.ts';
import type { Instant } from './instant.ts';
import { isCalled, type PlaceView, placeView, treesChosen } from './places.ts';
import { commandLineView, timeText } from './reads.ts';

/** Which entries are asked for. An absent condition holds for every entry. */
export interface Filter {
  readonly types?: ReadonlySet<EventType>;
  /** Which trees are spoken of, as `treesChosen` has it; what has no place at all is in every tree. */
  readonly tree?: Bytes;
  /** A container's path, as bytes: entries of that container, and of those below it. */
  readonly path?: Bytes;
  /** Instead of the path, a name of a container: entries of those called so, and of those below them. */
  readonly name?: Bytes;
  /** Entries about the task with this pid, or caused by it. */
  readonly pid?: number;
  /** Without the groups that the recording's first look found. */
  readonly withoutFirstLook?: boolean;
}

/** What a person asks of the log, as every door passes it on. */
export interface LogQuery {
  readonly types?: readonly EventType[];
  /** Texts as `textOf` writes them. */
  readonly tree?: string;
  /** A path; or a name, when it begins with no slash. */
  readonly path?: string;
  readonly pid?: number;
  /** Leave out the groups that were there when recording began, of which there is a line or two for each. */
  readonly withoutFirstLook?: boolean;
  /** The last so many entries only. */
  readonly limit?: number;
  /** Nothing from before, and nothing from behind, these. */
  readonly since?: Instant;
  readonly until?: Instant;
  /** Go on with what happens after. */
  readonly follow?: boolean;
}

export function filterOf({ types, tree, path, pid, withoutFirstLook }: LogQuery): Filter {
  return {
    ...(types && { types: new Set(types) }),
    ...(tree !== undefined && { tree: bytesOf(tree) }),
    ...(path !== undefined && { path: normalised(bytesOf(path)) }),
    ...(path !== undefined && !path.startsWith('/') && { name: bytesOf(path) }),
    ...(pid !== undefined && { pid }),
    ...(withoutFirstLook !== undefined && { withoutFirstLook }),
  };
}

/** One entry of the log. Which of the optional fields are there follows from the type. */
export interface Entry {
  readonly seq: number;
  readonly time: string;
  readonly type: EventType;
  /** The tree that `path` is in, and `from`; absent for our own. */
  readonly tree?: string;
  /** The container that it happened in, by its path then; of a rename, the new one. */
  readonly path?: string;
  /** Where an attached task came from; the old path of a renamed container. */
  readonly from?: string;
  /** Where it happened in the mirrored trees, with the names that people have for that. */
  readonly places?: readonly PlaceView[];
  readonly pid?: number;
  readonly tgid?: number;
  readonly comm?: string;
  readonly by?: By & { readonly comm: string };
  /** The pid of the thread that forked. */
  readonly parentPid?: number;
  /** The places that a forked task was born into instead of its parent's. */
  readonly into?: readonly PlaceView[];
  /** Every other field of the event, under its own name. */
  readonly [field: string]: unknown;
}

/** Types that are many and small; the others are what a person reads first. */
export const busyTypes: ReadonlySet<EventType> = new Set([
  'adopt',
  'fork',
  'exec',
  'exit',
  'cmdline',
  'comm',
  'uid',
]);

/** The types of all events. */
export const eventTypes = Object.keys(layouts) as readonly EventType[];

export class History {
  readonly #filter: Filter;
  readonly #hierarchy: Hierarchy;
  readonly #names: Names;
  /** Most events happen in the same few containers. Forgotten whenever anything is called otherwise. */
  #spots = new WeakMap<Container, Spot>();
  /** The numbers of the trees that are spoken of. */
  #chosen: ReadonlySet<number> = new Set();
  /** Paths of releases whose agent may still be spoken of. */
  readonly #released = new Map<number, Bytes>();
  /** The task that left a container last, as it was then. */
  #left: Left | undefined;
  /** Whether nothing has happened yet but the first look at the machine. */
  #isFirstLook: boolean;

  /** Goes on from a world, which is this history's from then on. */
  constructor(filter: Filter, { hierarchy, names, releases, chronicle }: World = new World()) {
    this.#filter = filter;
    this.#hierarchy = hierarchy;
    this.#names = names;
    this.#isFirstLook = chronicle.seq === 0;
    for (const { seq, path } of releases.open()) this.#released.set(seq, path);
    this.#choose();
  }

  /** Goes on behind the next event, of which nothing is to be told. */
  pass(event: Event): void {
    this.#apply(event);
  }

  /** The next event of the log; its entry, if it was asked for. Every event must come here, in order. */
  take(event: Event): Entry | undefined {
    const { types, pid, withoutFirstLook } = this.#filter;
    this.#isFirstLook &&= isOfFirstLook(event);
    if (event.type === 'release') this.#released.set(event.seq, event.path);
    if (event.type === 'exit' || event.type === 'attach')
      this.#left = leftBy(this.#hierarchy.task(event.task));
    const isFound = this.#isFirstLook && told.asFound.has(event.type);
    if ((types && !types.has(event.type)) || (isFound && withoutFirstLook)) {
      this.#apply(event);
      return undefined;
    }
    // A removed container and an exited task are still there before the event, a new one only after it.
    const before = told.before.has(event.type) ? this.#subjectOf(event) : nobody;
    this.#apply(event);
    const subject = merge(before, this.#subjectOf(event));
    // Whatever is asked for: where something was missed, the answer may lack it.
    if (event.type === 'gap') return this.#entry(event, subject);
    if (!this.#isAskedFor(event.type, subject)) return undefined;
    const by = 'by' in event ? event.by : undefined;
    if (pid !== undefined && subject.pid !== pid && subject.tgid !== pid && by?.pid !== pid) return undefined;
    return this.#entry(event, subject);
  }

  #apply(event: Event): void {
    this.#names.apply(event);
    this.#hierarchy.apply(event);
    if (event.type === 'rename' || event.type === 'name') this.#spots = new WeakMap();
    if (event.type === 'tree' || event.type === 'untree') this.#choose();
  }

  #choose(): void {
    const trees = treesChosen(this.#hierarchy, this.#filter.tree);
    this.#chosen = new Set(trees.map(({ number }) => number));
  }

  /** Whom and where an event is about, as far as the hierarchy of this moment tells. */
  #subjectOf(event: Event): Subject {
    if (event.type === 'refused') return { spots: this.#ownSpots(event.path) };
    if (event.type === 'release') return { spots: this.#ownSpots(event.path), ...this.#leaver(event) };
    if ('release' in event) return { spots: this.#ownSpots(this.#released.get(event.release) ?? '') };
    const task = 'task' in event ? this.#hierarchy.task(event.task) : undefined;
    const spots = this.#containersOf(event, task).map((container) => this.#spot(container));
    if (!task) return { spots };
    return { spots, pid: task.pid, tgid: task.tgid, comm: task.comm };
  }

  /** The containers that an event is about, of the trees that are spoken of, our own first. */
  #containersOf(event: Event, task: Task | undefined): readonly Container[] {
    const places = task ? [task.container, ...task.mirrored] : [];
    // Who is killed is told with all places: its memory may be accounted for in a tree that nobody asks for.
    if (event.type === 'oom') return places;
    return (this.#containerOf(event, task) ?? places).filter(({ tree }) => this.#chosen.has(tree));
  }

  /** The one container that an event is about; undefined where it is about a task, wherever that is. */
  #containerOf(event: Event, task: Task | undefined): readonly Container[] | undefined {
    if (event.type === 'untree') return listed(this.#hierarchy.tree(event.tree)?.root);
    if (!('container' in event) || event.type === 'adopt') return undefined;
    const container = this.#hierarchy.container(event.container);
    if (event.type !== 'attach') return listed(container);
    // Before it this is where the task came from.
    return listed(task && container && placeIn(task, container.tree));
  }

  #spot(container: Container): Spot {
    const known = this.#spots.get(container);
    if (known) return known;
    const spot = this.#newSpot(container);
    this.#spots.set(container, spot);
    return spot;
  }

  #newSpot(container: Container): Spot {
    const { name } = this.#filter;
    const path = pathOf(container);
    if (container.tree === 0) return { path, isCalled: false };
    return {
      path,
      view: placeView(this.#hierarchy, this.#names, container),
      isCalled: name !== undefined && isCalled(container, name, this.#names),
    };
  }

  /** What happens to releases and refused commands happens in our own tree. */
  #ownSpots(path: Bytes): readonly Spot[] {
    return this.#chosen.has(0) ? [{ path, isCalled: false }] : [];
  }

  /** Who left a released container last: its cause comes right before it, in the same batch. */
  #leaver({ task }: ReleaseFact): Pick<Subject, 'pid' | 'tgid' | 'comm'> {
    if (this.#left?.task !== task) return {};
    const { pid, tgid, comm } = this.#left;
    return { pid, tgid, comm };
  }

  #isAskedFor(type: EventType, { spots, from }: Subject): boolean {
    const { path } = this.#filter;
    if (spots.length === 0 && !told.nowhere.has(type)) return false;
    if (path === undefined) return true;
    return [...spots, ...listed(from)].some((spot) => spot.isCalled || isAtOrBelow(spot.path, path));
  }

  #entry(event: Event, { spots, from, pid, tgid, comm }: Subject): Entry {
    const { seq, timeUs, skewUs: _skewUs, type, ...fields } = event;
    const [spot] = spots;
    const places = spots.flatMap(({ view }) => listed(view));
    return {
      seq,
      time: timeText(timeUs),
      type,
      ...(spot?.view && { tree: spot.view.tree }),
      ...(spot && { path: textOf(spot.path) }),
      ...(spot && from && from.path !== spot.path && { from: textOf(from.path) }),
      ...(places.length > 0 && { places }),
      ...(pid !== undefined && { pid, tgid }),
      ...(comm !== undefined && { comm: textOf(comm) }),
      ...Object.fromEntries(
        Object.entries(fields)
          .filter(([name]) => !told.otherwise.has(name))
          .map(([name, value]) => [name, told.asText.has(name) ? textOf(String(value)) : value]),
      ),
      ...(event.type === 'fork' && this.#birth(event)),
      ...(event.type === 'cmdline' && commandLineView(event)),
      ...('by' in event && { by: { ...event.by, comm: this.#commOf(event.by) } }),
    };
  }

  #birth({ parent, into }: ForkFact): Pick<Entry, 'parentPid' | 'into'> {
    const instead = into
      .flatMap((id) => listed(this.#hierarchy.container(id)))
      .filter(({ tree }) => this.#chosen.has(tree))
      .map((container) => placeView(this.#hierarchy, this.#names, container));
    return {
      parentPid: this.#hierarchy.task(parent)?.pid ?? 0,
      ...(instead.length > 0 && { into: instead }),
    };
  }

  #commOf(by: By): string {
    return textOf(this.#hierarchy.task(by.task)?.comm ?? '');
  }
}

/** One place that an event is about. */
interface Spot {
  readonly path: Bytes;
  /** In a mirrored tree, how it is told. */
  readonly view?: PlaceView;
  /** Whether the name that is asked for is one of its names. */
  readonly isCalled: boolean;
}

/** A task as it was when it left a container. */
interface Left {
  readonly task: number;
  readonly pid: number;
  readonly tgid: number;
  readonly comm: Bytes;
}

interface Subject {
  /** Where it is; of several trees, our own first. */
  readonly spots: readonly Spot[];
  /** Where it was before, also when that is the same. */
  readonly from?: Spot | undefined;
  readonly pid?: number;
  readonly tgid?: number;
  readonly comm?: Bytes;
}

const nobody: Subject = { spots: [] };

/** How events become entries: types of events, and names of fields. */
const told = {
  /** These are about something that is gone or elsewhere after them. */
  before: new Set<EventType>(['exit', 'rmdir', 'rename', 'attach', 'untree']),
  /** These happen in no place. */
  nowhere: new Set<EventType>([
    'recording',
    'source',
    'stop',
    'clock',
    'gap',
    'stall',
    'suppressed',
    'appoint',
  ]),
  /** A recording begins with these, and with these it tells which groups there were. */
  first: new Set<EventType>(['recording', 'tree', 'source', 'clock', 'name', 'adopt', 'cmdline']),
  asFound: new Set<EventType>(['mkdir', 'populated']),
  /** What these hold is told by the entry's own fields. */
  otherwise: new Set(['path', 'pid', 'comm', 'tgid', 'tree', 'mirrored', 'into']),
  /** These hold byte strings. */
  asText: new Set(['name', 'program', 'mountPoint']),
};

/** Whether an event can belong to the first look, as long as all before it do: nobody does what only a look finds. */
function isOfFirstLook(event: Event): boolean {
  if (event.type === 'mkdir') return event.by.pid === 0;
  return event.type === 'populated' || told.first.has(event.type);
}

function merge(before: Subject, after: Subject): Subject {
  const known = after.pid !== undefined ? after : before;
  return { ...known, spots: after.spots.length > 0 ? after.spots : before.spots, from: before.spots[0] };
}

function isAtOrBelow(path: Bytes, top: Bytes): boolean {
  return top === '/' || path === top || path.startsWith(`${top}/`);
}

function leftBy(task: Task | undefined): Left | undefined {
  return task && { task: task.id, pid: task.pid, tgid: task.tgid, comm: task.comm };
}

function listed<T>(item: T | undefined): readonly T[] {
  return item === undefined ? [] : [item];
}
