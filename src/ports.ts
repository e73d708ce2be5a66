/**
 * The ports: what the engine needs of the world, as interfaces and nothing else. `src/daemon.ts` decides
 * what stands behind each.
 */
import type { Bytes } from '../events/bytes.ts';
import type { Event, Fact } from '../events/event.ts';
import type { LifelineSource } from '../projections/standing.ts';
import type { HierarchySeen, Observation, TaskSeen } from './kernel/observation.ts';

export type {
  Doer,
  GroupId,
  GroupSeen,
  HierarchySeen,
  Observation,
  TaskSeen,
} from './kernel/observation.ts';

/** How far an append has got: `written` survives a kill of the process, `synced` a loss of power. */
export type Durability = 'written' | 'synced';

/** A fact with the time its log entry shall carry. */
export interface Stamped {
  readonly fact: Fact;
  readonly timeUs: number;
  readonly skewUs: number;
}

/** The end of the log: the last commit's last event, and the chain's hash there (64 hex digits). */
export interface Head {
  readonly seq: number;
  readonly timeUs: number;
  readonly hash: string;
}

/** A head as it was noted, to be found in the log again. */
export type Noted = Pick<Head, 'seq' | 'hash'>;

/** The result of checking a log, from its first event on unless less was asked for. */
export interface Verification {
  /** The first seq that was checked. */
  readonly firstSeq: number;
  /** What was read and found sound: events and commits, counted from that one. */
  readonly events: number;
  readonly commits: number;
  /** The last seq of these. */
  readonly seq: number;
  /** The first of these, and when it happened (wall-clock microseconds), where the beginning is not kept. */
  readonly keptFrom?: KeptFrom;
  /** The chain's hash there, 64 hex digits. */
  readonly hash: string;
  /** The name of the last source that recorded what was read; empty where nothing was. */
  readonly source: string;
  /**
   * From this seq on the log is not to be trusted, and why; absent when all of it is sound. Where a file of the log is
   * damaged as such, nothing is read, and this seq is further on than `seq`.
   */
  readonly unsound?: { readonly seq: number; readonly why: string };
  /** What was made out of the events that were checked, and is not what they make; absent where nothing is. */
  readonly flaws?: readonly Flaw[];
}

/**
 * Something beside the events that is not what they make. It can be made again, and the log is sound all the same.
 */
export interface Flaw {
  /** `events`: they themselves do not follow from each other, so that nothing can be made of them from there on. */
  readonly kind: 'snapshot' | 'lifelines' | 'index' | 'events';
  /** Where it belongs: a snapshot is of what was behind this event, all else begins with it. */
  readonly seq: number;
  /** What is wrong, as a phrase. */
  readonly why: string;
  /** Whether it is taken for true, and makes answers wrong; else it is passed over, and answers take longer. */
  readonly misleads: boolean;
}

/** What an opening found of a log that was not what was written, and where it is now. */
export interface SetAside {
  /** The folder. */
  readonly folder: string;
  /** The first seq that was not sound: the log goes on with it. */
  readonly seq: number;
  /** The last seq that there had been, as far as is known; below `seq` where nothing is known to be lost. */
  readonly lastSeq: number;
  /** What was wrong, as a phrase. */
  readonly why: string;
}

/** What projections had come to behind an event: bytes by projections' names, which each can read for itself. */
export interface KeptSnapshot {
  readonly seq: number;
  readonly parts: Readonly<Record<string, Uint8Array>>;
  /** Why it cannot be read, as a phrase; then it has no parts. Of all up to the one before it, where its seq is 0. */
  readonly unreadable?: string;
}

/** Where what is kept of a log begins. */
export interface KeptFrom {
  /** The first seq that is kept. 1: all are. Before any other there is a snapshot of what the removed ones came to. */
  readonly seq: number;
  /** When it happened, wall-clock microseconds; 0 where all are kept. */
  readonly timeUs: number;
}

/** The seqs of one commit, both included. */
export interface CommitSpan {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

/** The log as a reader has it, who may be another thread than the recorder. */
export interface LogReader {
  /** Reading begins there, wherever before it shall begin. */
  keptFrom(): KeptFrom;
  /**
   * The committed events from `fromSeq` on, some at a time. What is committed while they are read may be among them,
   * unless an implementation says that it is not.
   */
  read(fromSeq: number): AsyncIterable<readonly Event[]>;
  /**
   * Hands over the committed events from `fromSeq` to `lastSeq`, one after the other and each good for that call only:
   * it may be a view that the next one reuses. Resolves with the last seq that there was, `fromSeq - 1` where none was.
   */
  replay(fromSeq: number, lastSeq: number, evolve: (event: Event) => void): Promise<number>;
  /** The last committed seq that had happened by then (wall-clock microseconds); 0 where none had. */
  seqAt(timeUs: number): Promise<number>;
  /** The commit that holds a seq, which is committed. */
  commitOf(seq: number): Promise<CommitSpan>;
  /** The snapshots that are kept of the projections up to a seq, the latest first. */
  snapshots(seq: number): AsyncIterable<KeptSnapshot>;
  /** What is kept of the lives of tasks, as far as it is now. */
  lifelines(): Promise<LifelineSource>;
  close(): Promise<void>;
}

/**
 * The log. `append` sequences: the events have their seqs and may be shown, but are held in memory. A
 * `commit` writes everything appended so far as one atomic value. Commits reach the disk in order.
 */
export interface EventLog extends LogReader {
  /** As above, up to the head at the call. */
  read(fromSeq: number): AsyncIterable<readonly Event[]>;
  /** The last sequenced seq; 0 for an empty log. */
  readonly seq: number;
  /** The last committed event; seq 0, time 0 and a hash of zeros for an empty log. */
  readonly head: Head;
  append(facts: readonly Stamped[]): readonly Event[];
  /**
   * Says how far the source's queue has been taken in by what is appended so far. The next write stores it, in one
   * piece with the events: whatever comes of the process, the log holds both or neither.
   */
  setCursor(cursor: string): void;
  /** The cursor that is written; empty where none is. */
  readonly writtenCursor: string;
  /**
   * There is no room to write. What is appended is not lost, but shall be little; who waits for a sync waits until there
   * is room, and other commits are rejected.
   */
  readonly isFull: boolean;
  /** Resolves when everything appended before the call is as durable as asked. */
  commit(durability: Durability): Promise<void>;
}

/**
 * A source: what happens on the machine, in one totally ordered queue, and fresh looks at it.
 * Everything here is synchronous: nothing may happen between a drain and the decision that follows it.
 */
export interface Source {
  /** `ebpf`, `simulated`, … as in the `source` event. */
  readonly name: string;
  /** What this source cannot see, in words for a person; empty when nothing. */
  readonly blind: string;
  /** Names one boot of one machine. */
  readonly bootId: string;
  /**
   * Hands over everything that is queued at the call, in queue order; returns how many. With a `limit` a source may stop
   * when it has handed over so many, and leave the rest to the next call.
   */
  drain(see: (observation: Observation) => void, limit?: number): number;
  /** Observations that the source knows it lost since it was opened; never decreases. */
  lost(): number;
  /** All tasks that exist, read one by one so that the caller can drain in between. Exiting ones are left out. */
  scan(): Iterable<TaskSeen>;
  /** The kernel's ids of the cgroup hierarchies that are mirrored, be they mounted still or not. */
  readonly mirrors: readonly number[];
  /** The cgroup hierarchies that are mirrored, each whole as it is now; empty where none are. */
  hierarchies(): readonly HierarchySeen[];
  /** One task as it is now; undefined when it does not exist or is exiting. */
  look(pid: number): TaskSeen | undefined;
  /** Calls back once, as soon as something is queued. Armed again by the next call. */
  wake(callback: () => void): void;
  /** Where the kernel is told who is in which container, and can be asked. */
  readonly places?: Places;
  /** Where the queue, and what fills it, goes on when this process ends. */
  readonly keptQueue?: KeptQueue;
  close(): void;
}

/** What the kernel itself keeps of who is in which container of our own tree: it is handed on at every fork. */
export interface Places {
  /** Puts a task into a container; 0 stands for the root. */
  set(pid: number, tgid: number, container: number): void;
  /**
   * The containers of all tasks by pid, without those in the root; undefined in the place of a container that the
   * kernel does not know. Undefined as a whole where some could not be kept since the last reading.
   */
  read(): ReadonlyMap<number, number | undefined> | undefined;
}

/** How the queue of a source stands, for a person. */
export interface QueueView {
  readonly sizeBytes: number;
  /** How much of it cannot be written over yet. */
  readonly usedBytes: number;
  /** How much was ever written. */
  readonly writtenBytes: number;
  /** It is filled on when this process ends. */
  readonly isPinned: boolean;
  /** Why it is not, where it should be; else empty. */
  readonly obstacle: string;
}

/** How a queue that was kept is found: whole behind the log's cursor, with a part missing, or another queue. */
export interface Found {
  readonly state: 'whole' | 'torn' | 'new';
  /** How many observations were lost since the cursor was written. */
  readonly lost: number;
  /** Why it is not whole, in words, where more can be said than that nothing was recorded; else empty. */
  readonly why: string;
}

/**
 * A queue that is kept while no process reads it. What is handed over stays in it until it is freed, so that it can
 * be handed over again to whoever comes after a kill. A cursor is a place in it, as text that only it can read.
 */
export interface KeptQueue {
  /** Goes on behind the cursor that the log holds; to be called once, before anything is drained. */
  resume(cursor: string): Found;
  /** The place behind everything that was handed over; it counts as accounted for what `lost` told last. */
  cursor(): string;
  /** What was handed over up to this cursor is in the log. */
  free(cursor: string): void;
  /** What was handed over so far will never be needed, though the log does not hold it; the cursor is told by that. */
  skip(): void;
  /** All that was handed over has been freed. Until then nobody is woken, and who waits has to drain. */
  readonly isFree: boolean;
  /** So much is not freed that it is time to write what was handed over. */
  readonly isFilling: boolean;
  readonly view: QueueView;
  /** Keeps nothing: it all ends with this process. */
  letGo(): void;
}

/** What a container's runtime calls it, and for kubernetes what the pod is called that it belongs to. */
export interface GivenNames {
  /** `web-1`; of kubernetes `namespace/pod/container`. */
  readonly name: Bytes;
  /** `namespace/pod`. */
  readonly pod?: Bytes;
}

/** The names that container runtimes keep beside ids, as far as they can be read without asking a runtime. */
export interface RuntimeNames {
  /** `runtime` as a path tells it, undefined where it tells none; `id` is 64 hex digits. Takes no longer than a file. */
  namesOf(runtime: string | undefined, id: string): GivenNames | undefined;
}

export interface Clock {
  /** BOOTTIME, microseconds. */
  bootUs(): number;
  /** Wall-clock, microseconds since the epoch. */
  wallUs(): number;
  /** Calls back once after `delayMs`; returns what cancels it. */
  after(delayMs: number, callback: () => void): () => void;
}

/** How a release agent's run ended; `error` (an errno name) when it could not be started. */
export interface AgentOutcome {
  readonly code: number;
  readonly signal: number;
  readonly error: string;
}

/** One run of a release agent, as it is at each reading. */
export interface AgentRun {
  /** Its process, from when its program has been executed; 0 before. */
  readonly pid: number;
  /** The thread (tid) that starts it and does not come back, its program being on a mount that hangs, say; else 0. */
  readonly starter: number;
  /** Never rejects. */
  readonly outcome: Promise<AgentOutcome>;
}

/** Runs release agents: `program` with one argument, the container's path. They are started in the order of calls. */
export interface AgentRunner {
  run(program: Bytes, path: Bytes): AgentRun;
  /** Waits for no agent, nor for a start that hangs. */
  close(): Promise<void>;
}
