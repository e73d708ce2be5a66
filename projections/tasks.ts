/**
 * Tasks: what is known of every live task, in the rows of a table by slots. A task has a slot from its birth to its end,
 * and another one has it afterwards. Where a task is, `membership.ts` knows.
 */
import { assert } from '../events/assert.ts';
import type { Bytes } from '../events/bytes.ts';
import type { AdoptFact, Certainty, CommandLine, ExecFact, ForkFact } from '../events/event.ts';
import { Links } from './links.ts';
import { SlotTable, slotLimit } from './slotTable.ts';
import type { SnapshotReader, SnapshotWriter } from './snapshot.ts';
import { Table } from './table.ts';
import { commandLineOf, heldCommandLine, Traits } from './traits.ts';

/** The columns. */
const idColumn = 0;
const parentColumn = 1;
const pidColumn = 2;
const tgidColumn = 3;
const startTicksColumn = 4;
const traitsColumn = 5;

export class Tasks {
  readonly #table = new Table(6);
  readonly #traits = new Traits();
  readonly #byId = new SlotTable(this.#table, idColumn);
  readonly #byPid = new SlotTable(this.#table, pidColumn);
  /** The threads of each process without its leader: the first by tgid. */
  readonly #firstThreads = new Map<number, number>();
  readonly #threads = new Links();
  /** The slots below are in use, or free and linked: the id of a free one is 0, and its parent is the next free one. */
  #end = 1;
  #free = 0;
  #count = 0;
  #lastId = 0;
  /** The slot that was asked for last. */
  #recent = 0;

  get count(): number {
    return this.#count;
  }

  /** The id of the last task that was born. */
  get lastId(): number {
    return this.#lastId;
  }

  /** The slot of a live task, or 0. */
  slotOf(id: number): number {
    // One event after another is about the same task, and several projections ask for it.
    if (this.#table.get(this.#recent, idColumn) !== id) this.#recent = this.#byId.find(id);
    return this.#recent;
  }

  /** The slot of the live task that has this pid, or 0. */
  slotOfPid(pid: number): number {
    return this.#byPid.find(pid);
  }

  /** The slots of all live tasks, in the order of their ids. */
  slots(): number[] {
    const slots: number[] = [];
    for (let slot = 1; slot < this.#end; slot++) if (this.idAt(slot) !== 0) slots.push(slot);
    return slots.sort((a, b) => this.idAt(a) - this.idAt(b));
  }

  /** The slots of the live threads of a process, without the leader. */
  *threadSlots(tgid: number): Generator<number> {
    for (let slot = this.#firstThreads.get(tgid) ?? 0; slot !== 0; slot = this.#threads.after(slot)) {
      yield slot;
    }
  }

  /** A task is born of another one, of which it knows of its place what that does, and has its command line. */
  bear(birth: ForkFact, parent: number): number {
    this.#traits.draft(this.#table.get(parent, traitsColumn));
    this.#traits.putProgram('');
    return this.#enter(birth);
  }

  /** A task is met. */
  meet(birth: AdoptFact): number {
    this.#traits.draft(0);
    this.#traits.putCertainty(birth.certainty);
    return this.#enter(birth);
  }

  /** It ends, and its slot is free. */
  end(slot: number): void {
    this.#count -= 1;
    this.#leaveThreads(slot);
    this.#byId.remove(slot);
    // A look at the machine reports births before exits, so the pid may be another task's already.
    this.#byPid.remove(slot);
    this.#traits.drop(this.#table.get(slot, traitsColumn));
    this.#table.set(slot, idColumn, 0);
    this.#recent = 0;
    this.#table.set(slot, parentColumn, this.#free);
    this.#free = slot;
  }

  execute(slot: number, { pid, startTicks, comm, program }: ExecFact): void {
    this.#traits.draft(this.#table.get(slot, traitsColumn));
    this.#traits.putComm(comm);
    this.#traits.putProgram(program);
    this.#settle(slot);
    this.#table.set(slot, startTicksColumn, startTicks);
    if (this.pidAt(slot) === pid) return;
    // A thread gives its own pid up before its exec is seen, so that may be another task's already.
    this.#byPid.remove(slot);
    this.#leaveThreads(slot);
    this.#table.set(slot, pidColumn, pid);
    assert(this.#byPid.find(pid) === 0, 'the leader % exits before its thread takes its pid', pid);
    this.#byPid.put(slot);
  }

  rename(slot: number, comm: Bytes): void {
    this.#traits.draft(this.#table.get(slot, traitsColumn));
    this.#traits.putComm(comm);
    this.#settle(slot);
  }

  changeUser(slot: number, uid: number, suid: number): void {
    this.#traits.draft(this.#table.get(slot, traitsColumn));
    this.#traits.putUsers(uid, suid);
    this.#settle(slot);
  }

  /** The command line of a task is that of its process, and so of its threads. */
  setCommandLine(slot: number, commandLine: CommandLine): void {
    const held = heldCommandLine(commandLine);
    this.#setCommandLine(slot, held);
    for (const thread of this.threadSlots(this.tgidAt(slot))) this.#setCommandLine(thread, held);
  }

  setCertainty(slot: number, certainty: Certainty): void {
    this.#traits.draft(this.#table.get(slot, traitsColumn));
    this.#traits.putCertainty(certainty);
    this.#settle(slot);
  }

  /** Writes what is known of the tasks in these slots, which are all there are, in the order of their ids. */
  save(writer: SnapshotWriter, slots: readonly number[]): void {
    const { length } = slots;
    writer.number(this.#lastId);
    const column = (numberOf: (slot: number) => number) => {
      writer.numbers(length, (i) => numberOf(slots[i] ?? 0));
    };
    column((slot) => this.idAt(slot));
    column((slot) => this.idAt(slot) - this.parentAt(slot));
    // Pids are given out one after another, as ids are.
    column((slot) => this.pidAt(slot) - this.idAt(slot));
    column((slot) => this.pidAt(slot) - this.tgidAt(slot));
    column((slot) => this.startTicksAt(slot));
    column((slot) => this.uidAt(slot));
    column((slot) => this.suidAt(slot) - this.uidAt(slot));
    column((slot) => writer.string(this.commAt(slot)));
    column((slot) => writer.string(this.programAt(slot)));
    column((slot) => writer.string(this.#traits.commandLineOf(this.#table.get(slot, traitsColumn))));
    column((slot) => this.#traits.certaintyNumberOf(this.#table.get(slot, traitsColumn)));
    column((slot) => (this.slotOfPid(this.pidAt(slot)) === slot ? 1 : 0));
  }

  /** Reads `count` tasks, into the slots from 1 on. There must be none yet. */
  load(reader: SnapshotReader, count: number): void {
    this.#lastId = reader.number();
    this.#count = count;
    this.#end = count + 1;
    const table = this.#table;
    table.reserve(count + 1);
    reader.each(count, (value, i) => table.set(i + 1, idColumn, value));
    reader.each(count, (value, i) => table.set(i + 1, parentColumn, this.idAt(i + 1) - value));
    reader.each(count, (value, i) => table.set(i + 1, pidColumn, this.idAt(i + 1) + value));
    reader.each(count, (value, i) => table.set(i + 1, tgidColumn, this.pidAt(i + 1) - value));
    reader.each(count, (value, i) => table.set(i + 1, startTicksColumn, value));
    this.#traits.load(reader, count, (settled, i) => table.set(i + 1, traitsColumn, settled));
    this.#byId.reserve(count);
    this.#byPid.reserve(count);
    reader.each(count, (isFound, i) => {
      const slot = i + 1;
      this.#byId.put(slot);
      if (isFound === 1) this.#byPid.put(slot);
      this.#joinThreads(slot);
    });
  }

  idAt(slot: number): number {
    return this.#table.get(slot, idColumn);
  }

  parentAt(slot: number): number {
    return this.#table.get(slot, parentColumn);
  }

  pidAt(slot: number): number {
    return this.#table.get(slot, pidColumn);
  }

  tgidAt(slot: number): number {
    return this.#table.get(slot, tgidColumn);
  }

  startTicksAt(slot: number): number {
    return this.#table.get(slot, startTicksColumn);
  }

  uidAt(slot: number): number {
    return this.#traits.uidOf(this.#table.get(slot, traitsColumn));
  }

  suidAt(slot: number): number {
    return this.#traits.suidOf(this.#table.get(slot, traitsColumn));
  }

  commAt(slot: number): Bytes {
    return this.#traits.commOf(this.#table.get(slot, traitsColumn));
  }

  programAt(slot: number): Bytes {
    return this.#traits.programOf(this.#table.get(slot, traitsColumn));
  }

  commandLineAt(slot: number): CommandLine | undefined {
    return commandLineOf(this.#traits.commandLineOf(this.#table.get(slot, traitsColumn)));
  }

  certaintyAt(slot: number): Certainty {
    return this.#traits.certaintyOf(this.#table.get(slot, traitsColumn));
  }

  /** A task has a slot from now on, and the traits that are drafted, but for what its birth tells. */
  #enter(birth: ForkFact | AdoptFact): number {
    const { task } = birth;
    assert(task === this.#lastId + 1, 'task ids are dense: % is not the next one', task);
    this.#lastId = task;
    this.#count += 1;
    const slot = this.#takeSlot();
    this.#traits.putComm(birth.comm);
    this.#traits.putUsers(birth.uid, birth.suid);
    const table = this.#table;
    table.open(slot);
    table.set(slot, idColumn, task);
    table.set(slot, parentColumn, birth.parent);
    table.set(slot, pidColumn, birth.pid);
    table.set(slot, tgidColumn, birth.tgid);
    table.set(slot, startTicksColumn, birth.startTicks);
    table.set(slot, traitsColumn, this.#traits.settle());
    this.#byId.put(slot);
    this.#byPid.put(slot);
    this.#joinThreads(slot);
    return slot;
  }

  #takeSlot(): number {
    const slot = this.#free;
    if (slot === 0) {
      assert(this.#end < slotLimit, 'there are fewer than % tasks at a time', slotLimit);
      this.#end += 1;
      return this.#end - 1;
    }
    this.#free = this.#table.get(slot, parentColumn);
    return slot;
  }

  /** A task has the traits that are drafted, and no longer those that it had. */
  #settle(slot: number): void {
    const before = this.#table.get(slot, traitsColumn);
    this.#table.set(slot, traitsColumn, this.#traits.settle());
    this.#traits.drop(before);
  }

  #setCommandLine(slot: number, held: Bytes): void {
    this.#traits.draft(this.#table.get(slot, traitsColumn));
    this.#traits.putCommandLine(held);
    this.#settle(slot);
  }

  /** The leader is in no list: it has its process's pid. */
  #joinThreads(slot: number): void {
    const tgid = this.tgidAt(slot);
    if (this.pidAt(slot) === tgid) return;
    this.#firstThreads.set(tgid, this.#threads.add(this.#firstThreads.get(tgid) ?? 0, slot));
  }

  #leaveThreads(slot: number): void {
    const tgid = this.tgidAt(slot);
    if (this.pidAt(slot) === tgid) return;
    const first = this.#threads.remove(this.#firstThreads.get(tgid) ?? 0, slot);
    if (first === 0) this.#firstThreads.delete(tgid);
    else this.#firstThreads.set(tgid, first);
  }
}
