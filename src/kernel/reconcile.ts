/**
 * reconcile: a pure function from the trees as they stand and a whole look at the machine to what must have
 * happened to tasks in between: births, then changes and moves, then exits, then the releases of what that
 * emptied, each release tested once, at the end. `reconcileTrees` goes before it and `removeGroups` after:
 * a task can only be in a container that is there.
 */
import type { AdoptFact, AttachFact, Certainty, CmdlineFact, Fact } from '../../events/event.ts';
import { type Container, type Hierarchy, placeIn, type Task } from '../../projections/hierarchy.ts';
import { nobody } from './doer.ts';
import type { TaskSeen } from './observation.ts';
import { populationFacts, type Shifts, shift } from './population.ts';
import { releaseOf } from './release.ts';

/** The first look of all: the tasks that exist when recording starts are adopted into the root. Containers begin empty. */
export function adoptAll(state: Hierarchy, seen: readonly TaskSeen[]): readonly Fact[] {
  const births = rootBirths(state, seen);
  const populations = populationFacts(shiftsOf(state, births, [], []));
  return [...births, ...cmdlinesOf(births, seen), ...populations];
}

/**
 * What a look at the machine shows beside what is known. `sameBoot` is false when the machine was started
 * anew: then no task is one that was known before, whatever its pid, and nobody can have been moved yet.
 */
export function reconcile(state: Hierarchy, seen: readonly TaskSeen[], sameBoot: boolean): readonly Fact[] {
  const met = new Map<number, Meeting>();
  const strangers: TaskSeen[] = [];
  for (const task of seen) {
    const known = sameBoot ? state.taskByPid(task.pid) : undefined;
    if (known && known.startTicks === task.startTicks) met.set(known.id, { known, task });
    else strangers.push(task);
  }
  const gone = state.tasks().filter(({ id }) => !met.has(id));
  const meetings = [...met.values()];
  const births = sameBoot
    ? birthsOf(state, strangers, kinOf(seen, gone, meetings), (relative) => inherited(state, relative))
    : rootBirths(state, strangers);
  const changes = meetings.flatMap(({ known, task }) => changesOf(known, task));
  const moves = meetings.flatMap(({ known, task }) => movesOf(state, known, task));
  const exits = gone.map((task): Fact => ({ ...lost, task: task.id }));
  const populations = populationFacts(shiftsOf(state, births, moves, gone));
  const cmdlines = cmdlinesOf(births, strangers);
  return [
    ...births,
    ...cmdlines,
    ...changes,
    ...moves,
    ...exits,
    ...releasesOf(state, gone, births, moves),
    ...populations,
  ];
}

/** A task that was known already, and what is seen of it now. */
interface Meeting {
  readonly known: Task;
  readonly task: TaskSeen;
}

const lost = {
  type: 'exit',
  code: 0,
  signal: 0,
  cpuUs: 0,
  peakBytes: 0,
  certainty: 'inferred',
} as const;

interface Home {
  readonly container: number;
  readonly certainty: Certainty;
}

/**
 * The tasks that strangers may descend from, by pid: those that were met, and those that have ended since,
 * such as a leader whose thread lives on, where nobody else has their pid now.
 */
function kinOf(
  seen: readonly TaskSeen[],
  gone: readonly Task[],
  met: readonly Meeting[],
): ReadonlyMap<number, Settled> {
  const taken = new Set(seen.map(({ pid }) => pid));
  const kin = [...gone.filter(({ pid }) => !taken.has(pid)), ...met.map(({ known }) => known)];
  return new Map(
    kin.map((task) => {
      const home: Home = { container: task.container.id, certainty: 'known' };
      return [task.pid, { task: task.id, home }];
    }),
  );
}

function rootBirths(state: Hierarchy, seen: readonly TaskSeen[]): readonly AdoptFact[] {
  const root: Home = { container: state.root.id, certainty: 'known' };
  return birthsOf(state, seen, new Map(), () => root);
}

/** Births, parents before their children, each in the home that its relative's home gives it. */
function birthsOf(
  state: Hierarchy,
  strangers: readonly TaskSeen[],
  kin: ReadonlyMap<number, Settled>,
  homeOf: (relative: Home | undefined) => Home,
): readonly AdoptFact[] {
  const settled = new Map(kin);
  return parentsFirst(strangers).map((seen, i) => {
    const parent = settled.get(seen.parentPid);
    const home = toldHome(state, seen) ?? homeOf((parent ?? settled.get(seen.tgid))?.home);
    const fact = adopt(state, seen, state.nextTask + i, parent?.task ?? 0, home);
    settled.set(seen.pid, { task: fact.task, home });
    return fact;
  });
}

interface Settled {
  readonly task: number;
  readonly home: Home;
}

/** Where the kernel says that a task is in our own tree; undefined where it cannot tell. */
function toldHome(state: Hierarchy, { place }: TaskSeen): Home | undefined {
  if (place === undefined) return undefined;
  const container = place === 0 ? state.root : state.container(place);
  return container?.tree === 0 ? { container: container.id, certainty: 'known' } : undefined;
}

/**
 * A task met for the first time enters the container that the kernel says, else its parent's, else its thread
 * leader's (`inferred`), else the root (`unknown`). What follows from something unknown is unknown.
 */
function inherited(state: Hierarchy, relative: Home | undefined): Home {
  if (!relative) return { container: state.root.id, certainty: 'unknown' };
  return {
    container: relative.container,
    certainty: relative.certainty === 'unknown' ? 'unknown' : 'inferred',
  };
}

function adopt(state: Hierarchy, seen: TaskSeen, task: number, parent: number, home: Home): AdoptFact {
  return {
    type: 'adopt',
    task,
    parent,
    container: home.container,
    mirrored: placesOf(state, seen).map(({ id }) => id),
    pid: seen.pid,
    tgid: seen.tgid,
    startTicks: seen.startTicks,
    uid: seen.uid,
    suid: seen.suid,
    comm: seen.comm,
    certainty: home.certainty,
  };
}

/** The command lines of those just born, where the look tells them. */
function cmdlinesOf(births: readonly AdoptFact[], seen: readonly TaskSeen[]): CmdlineFact[] {
  const ids = new Map(births.map(({ pid, task }) => [pid, task]));
  return seen.flatMap(({ pid, commandLine }) => {
    const id = ids.get(pid);
    return id === undefined || !commandLine ? [] : [{ type: 'cmdline', task: id, ...commandLine }];
  });
}

function changesOf(known: Task, seen: TaskSeen): Fact[] {
  const changes: Fact[] = [];
  if (known.comm !== seen.comm) changes.push({ type: 'comm', task: known.id, comm: seen.comm });
  if (known.uid !== seen.uid || known.suid !== seen.suid) {
    changes.push({ type: 'uid', task: known.id, uid: seen.uid, suid: seen.suid });
  }
  const { commandLine } = seen;
  if (commandLine && commandLine.arguments !== known.commandLine?.arguments) {
    changes.push({ type: 'cmdline', task: known.id, ...commandLine });
  }
  return changes;
}

/** Where a task is in the mirrored trees. One in which the look could not tell that is left out: nothing is guessed. */
export function placesOf(state: Hierarchy, seen: TaskSeen): Container[] {
  const places: Container[] = [];
  for (const { hierarchy, group } of seen.groups ?? []) {
    const place = state.mirrorOf(hierarchy)?.groups.get(group);
    if (place) places.push(place);
  }
  return places.sort((a, b) => a.tree - b.tree);
}

/** In our own tree a task moves unseen when it has taken its leader's pid, and is taken for the leader. */
function movesOf(state: Hierarchy, known: Task, seen: TaskSeen): AttachFact[] {
  const home = toldHome(state, seen);
  const move = { type: 'attach', task: known.id, by: nobody } as const;
  return [
    ...(home && home.container !== known.container.id ? [{ ...move, ...home }] : []),
    ...placesOf(state, seen)
      .filter((place) => placeIn(known, place.tree) !== place)
      .map(({ id }): AttachFact => ({ ...move, container: id, certainty: 'inferred' })),
  ];
}

/** How births, moves and exits shift the tasks of mirrored containers. */
function shiftsOf(
  state: Hierarchy,
  births: readonly AdoptFact[],
  moves: readonly AttachFact[],
  gone: readonly Task[],
): Shifts {
  const shifts: Shifts = new Map();
  for (const { mirrored } of births) {
    for (const id of mirrored) shift(shifts, undefined, state.container(id));
  }
  for (const { task, container } of moves) {
    const to = state.container(container);
    const mover = state.task(task);
    shift(shifts, to && mover && placeIn(mover, to.tree), to);
  }
  for (const task of gone) for (const place of task.mirrored) shift(shifts, place, undefined);
  return shifts;
}

/** Of the containers of our own tree that a task has left: each is tested once, when all has been told. */
function releasesOf(
  state: Hierarchy,
  gone: readonly Task[],
  births: readonly AdoptFact[],
  moves: readonly AttachFact[],
): readonly Fact[] {
  const left = new Map<Container, number>();
  const come = new Map<number, number>();
  const leave = ({ container }: Task): void => {
    left.set(container, (left.get(container) ?? container.tasks.size) - 1);
  };
  const enter = (container: number): void => {
    come.set(container, (come.get(container) ?? 0) + 1);
  };
  for (const task of gone) leave(task);
  for (const { container } of births) enter(container);
  for (const { task, container } of moves) {
    const mover = state.task(task);
    if (!mover || state.container(container)?.tree !== 0) continue;
    leave(mover);
    enter(container);
  }
  return [...left].flatMap(([container, tasksLeft]) =>
    releaseOf(container, tasksLeft + (come.get(container.id) ?? 0), container.children.size, 'look', 0),
  );
}

/** Oldest first, and a parent before its children even where one clock tick saw both born. */
function parentsFirst(seen: readonly TaskSeen[]): TaskSeen[] {
  const byPid = new Map(seen.map((task) => [task.pid, task]));
  const ordered = new Set<TaskSeen>();
  const entered = new Set<TaskSeen>();
  const visit = (task: TaskSeen): void => {
    if (entered.has(task)) return;
    entered.add(task);
    for (const elder of [byPid.get(task.parentPid), byPid.get(task.tgid)]) if (elder) visit(elder);
    ordered.add(task);
  };
  for (const task of [...seen].sort((a, b) => a.startTicks - b.startTicks || a.pid - b.pid)) visit(task);
  return [...ordered];
}
