/**
 * The task iterator: a look at all tasks of the machine that the kernel takes itself. For each task, in ascending order
 * of pids, it runs a program of ours that writes one record, laid out like that of a fork; a read of a descriptor gives
 * some hundred of them (Linux Documentation/bpf/bpf_iterators.rst, kernel/bpf/task_iter.c). What it tells of a task is of
 * one instant, and it tells of all that exist from the beginning of the reading to its end: just as a walk through
 * /proc, at a fraction of the cost. Exiting tasks are left out.
 */
import { closeSync, readSync } from 'node:fs';
import {
  attachIterator,
  attachTypes,
  createIterator,
  helpers,
  loadProgram,
  type Program,
} from '../../system/bpf.ts';
import { SystemCallError } from '../../system/errno.ts';
import { Assembler, r0, r1, r2, r3, r6, r7, r8, r10 } from './assembler.ts';
import type { Btf } from './btf.ts';
import type { Descriptors } from './descriptors.ts';
import { argument, copy, requiredMember } from './parts.ts';
import { copyGroups, type Mirror } from './places.ts';
import { copyComm, copyStartTicks, copyUsers, layoutOf } from './programs.ts';
import { forkRecord, forkRecordBytes, recordTypes } from './record.ts';
import type { SeeRecord } from './ring.ts';

export class TaskIterator {
  readonly #link: number;
  readonly #recordBytes: number;
  readonly #buffer: Uint32Array;

  private constructor(link: number, recordBytes: number) {
    this.#link = link;
    this.#recordBytes = recordBytes;
    this.#buffer = new Uint32Array((recordBytes * recordsAtOnce) / 4);
  }

  /** One whose records name the groups of these hierarchies; undefined where the kernel has none or refuses it. */
  static open(btf: Btf, mirror: Mirror, descriptors: Descriptors): TaskIterator | undefined {
    const attachId = btf.idOf('function', 'bpf_iter_task');
    if (attachId === undefined) return undefined;
    try {
      const program = descriptors.keep(loadProgram(taskProgram(btf, mirror, attachId)));
      const link = descriptors.keep(attachIterator(program));
      return new TaskIterator(link, forkRecordBytes(mirror.hierarchies.length));
    } catch (error) {
      // /proc tells the same, only slower.
      if (error instanceof SystemCallError) return undefined;
      throw error;
    }
  }

  /** Reads all tasks, some hundred at a time; `see` is called for each record, and yields come between the parts. */
  *read(see: SeeRecord): Generator<void> {
    const fd = createIterator(this.#link);
    try {
      for (;;) {
        const length = readSync(fd, this.#buffer);
        if (length === 0) return;
        for (let at = 0; at < length; at += this.#recordBytes) see(this.#buffer, at / 4);
        yield;
      }
    } finally {
      closeSync(fd);
    }
  }
}

const recordsAtOnce = 256;

/** Where on the stack it keeps where to write, and behind that the record, below what the walk of groups needs. */
const output = -88;
const recordEnd = -96;

const flagExiting = 0x4;

/** Its arguments: what is known of the reading, first of that where to write; and the task, none at the end. */
function taskProgram(btf: Btf, mirror: Mirror, attachId: number): Program {
  const layout = layoutOf(btf);
  const recordBytes = forkRecordBytes(mirror.hierarchies.length);
  const program = new Assembler()
    .load(8, r6, r1, argument(1))
    .jumpIf(r6, '==', 0, 'done')
    .load(4, r2, r6, requiredMember(btf, 'task_struct', 'flags').offsetBytes)
    .and(r2, flagExiting)
    .jumpIf(r2, '!=', 0, 'done')
    .load(8, r2, r1, argument(0))
    .load(8, r2, r2, 0)
    .store(8, r10, output, r2)
    .move(r7, r10)
    .add(r7, recordEnd - recordBytes)
    .storeConstant(4, r7, forkRecord.type, recordTypes.fork)
    .storeConstant(8, r7, forkRecord.bootUs, 0)
    .storeConstant(8, r7, forkRecord.place, 0);
  copy(program, 4, r6, layout.pid, forkRecord.pid);
  copy(program, 4, r6, layout.tgid, forkRecord.tgid);
  copyStartTicks(program, layout, forkRecord.startTicks);
  copyUsers(program, layout, forkRecord);
  copyComm(program, layout, forkRecord.comm);
  copyParent(program, btf);
  mirror.hierarchies.forEach((_, place) => {
    program.storeConstant(8, r7, forkRecord.groups + 8 * place, 0);
  });
  copyGroups(program, btf, mirror);
  program.load(8, r1, r10, output).move(r2, r7).set(r3, recordBytes).call(helpers.seqWrite).label('done');
  return {
    name: 'task',
    code: program.set(r0, 0).exit().assemble(),
    attachType: attachTypes.iterator,
    attachId,
  };
}

/** The parent of the task in r6 as /proc has it: of a thread its leader, of a leader its real parent's process. */
function copyParent(program: Assembler, btf: Btf): void {
  const { pid, tgid } = layoutOf(btf);
  const realParent = requiredMember(btf, 'task_struct', 'real_parent').offsetBytes;
  program
    .load(4, r1, r6, tgid.offsetBytes)
    .load(4, r2, r6, pid.offsetBytes)
    .jumpIfRegister(r1, '!=', r2, 'of a thread')
    .load(8, r8, r6, realParent)
    .load(4, r1, r8, tgid.offsetBytes)
    .label('of a thread')
    .store(4, r7, forkRecord.parentPid, r1);
}
