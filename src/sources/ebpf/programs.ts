/**
 * The eBPF programs: what runs in the kernel when a task is born, ends, runs a program, is renamed or changes its
 * user. Each writes one record into the ring, or counts one loss where the ring is full. They only read.
 *
 * They are attached to tracepoints with typed arguments, so the kernel's verifier checks every access to a struct
 * against the kernel's own BTF, and to the entry of `commit_creds`, for which there is no tracepoint.
 *
 * A birth is seen at `task_newtask`, not at `sched_process_fork`: the threads that the kernel itself makes for a
 * process (io_uring's workers, vhost's) pass only the first (kernel/fork.c: create_io_thread, vhost_task_create).
 */
import { attachTypes, helpers, type Program } from '../../system/bpf.ts';
import { Assembler, type Register, r0, r1, r2, r3, r6, r7, r8, r9 } from './assembler.ts';
import type { Btf, Member } from './btf.ts';
import { copyPlace, forgetPlace, inheritPlace, keepPid, succeedPlace } from './membership.ts';
import {
  argument,
  argumentsOfTracepoint,
  beginRecord,
  copy,
  endRecord,
  requiredMember,
  type Sinks,
  tracepointProgram,
} from './parts.ts';
import { copyGroups, type Mirror } from './places.ts';
import {
  commBytes,
  commRecord,
  execRecord,
  execRecordBytes,
  exitRecord,
  forkRecord,
  forkRecordBytes,
  oomRecord,
  programBytes,
  recordTypes,
  uidRecord,
} from './record.ts';

/** Field 22 of stat counts in USER_HZ, which is 100 on every machine. */
const nanosecondsPerTick = 10_000_000;

/** The pid in what `getCurrentPidTgid` answers; the upper half is the thread group's. */
const pidMask = 0x7fff_ffff;

/** The programs without which the source sees nothing worth recording. */
export function taskPrograms(btf: Btf, sinks: Sinks, mirror: Mirror, commandLineBytes: number): Program[] {
  const layout = layoutOf(btf);
  return [
    tracepointProgram(btf, 'task_newtask', forkProgram(btf, layout, sinks, mirror)),
    tracepointProgram(btf, 'sched_process_exit', exitProgram(btf, layout, sinks)),
    tracepointProgram(btf, 'sched_process_exec', execProgram(btf, layout, sinks, commandLineBytes)),
    tracepointProgram(btf, 'task_rename', commProgram(layout, sinks)),
    tracepointProgram(btf, 'mark_victim', oomProgram(btf, layout, sinks)),
  ];
}

/** The program that sees changes of users. Not every kernel lets a function's entry be attached to. */
export function uidChangeProgram(btf: Btf, sinks: Sinks): Program {
  const attachId = btf.idOf('function', 'commit_creds');
  if (attachId === undefined) throw new Error('the kernel names no function commit_creds');
  return {
    name: 'commit_creds',
    code: uidProgram(layoutOf(btf), sinks),
    attachType: attachTypes.functionEntry,
    attachId,
  };
}

/** The members that the programs read, found in the BTF of the kernel that runs. */
export interface Layout {
  readonly pid: Member;
  readonly tgid: Member;
  readonly startBoottime: Member;
  readonly realCred: Member;
  readonly exitCode: Member;
  readonly comm: Member;
  /** Set while a task is in the middle of an exec; undefined where this kernel has no such mark. */
  readonly inExecve: Member | undefined;
  readonly uid: Member;
  readonly suid: Member;
  readonly filename: Member;
}

export function layoutOf(btf: Btf): Layout {
  return {
    pid: requiredMember(btf, 'task_struct', 'pid'),
    tgid: requiredMember(btf, 'task_struct', 'tgid'),
    startBoottime: requiredMember(btf, 'task_struct', 'start_boottime'),
    realCred: requiredMember(btf, 'task_struct', 'real_cred'),
    exitCode: requiredMember(btf, 'task_struct', 'exit_code'),
    comm: requiredMember(btf, 'task_struct', 'comm'),
    inExecve: btf.member('task_struct', 'in_execve'),
    uid: requiredMember(btf, 'cred', 'uid'),
    suid: requiredMember(btf, 'cred', 'suid'),
    filename: requiredMember(btf, 'linux_binprm', 'filename'),
  };
}

/**
 * task_newtask(task, clone_flags), called by the thread that forks, before the child can run and after it has been
 * put into its groups (kernel/fork.c: copy_process calls cgroup_post_fork first).
 */
function forkProgram(btf: Btf, layout: Layout, sinks: Sinks, mirror: Mirror): Uint8Array {
  const program = new Assembler();
  program.load(8, r6, r1, argument(0));
  inheritPlace(program, layout, sinks);
  beginRecord(program, sinks, recordTypes.fork, forkRecordBytes(mirror.hierarchies.length));
  copy(program, 4, r6, layout.pid, forkRecord.pid);
  copy(program, 4, r6, layout.tgid, forkRecord.tgid);
  copyStartTicks(program, layout, forkRecord.startTicks);
  copyUsers(program, layout, forkRecord);
  copyComm(program, layout, forkRecord.comm);
  program.call(helpers.getCurrentPidTgid).store(4, r7, forkRecord.parentPid, r0);
  copyPlace(program, forkRecord.place);
  copyGroups(program, btf, mirror);
  return endRecord(program, sinks);
}

/**
 * sched_process_exit(task, last), called by the thread that exits. Older kernels do not tell whether that is the last
 * of its process; there two that exit at the same time can both be taken for it.
 *
 * The time is what the scheduler has counted up to its last look at the task, at most one tick ago; the counters of
 * user and system time go by ticks alone and say 0 of most tasks that live shorter. The peak of memory is the one that
 * getrusage(2) tells: the kernel has settled it by then (kernel/exit.c: do_exit), and counts in what the process held
 * before it executed a program.
 */
function exitProgram(btf: Btf, layout: Layout, sinks: Sinks): Uint8Array {
  const program = new Assembler();
  const tellsLast = argumentsOfTracepoint(btf, 'sched_process_exit') > 1;
  const sumExecRuntime =
    requiredMember(btf, 'task_struct', 'se').offsetBytes +
    requiredMember(btf, 'sched_entity', 'sum_exec_runtime').offsetBytes;
  program.load(8, r6, r1, argument(0));
  if (tellsLast) program.load(8, r9, r1, argument(1));
  keepPid(program, layout);
  beginRecord(program, sinks, recordTypes.exit, exitRecord.sizeBytes);
  copy(program, 4, r6, layout.pid, exitRecord.pid);
  copy(program, 4, r6, layout.exitCode, exitRecord.status);
  program.load(8, r1, r6, sumExecRuntime).store(8, r7, exitRecord.cpuNs, r1);
  program.storeConstant(4, r7, exitRecord.peakPages, 0);
  program.load(8, r8, r6, requiredMember(btf, 'task_struct', 'signal').offsetBytes);
  if (tellsLast) program.and(r9, 1).jumpIf(r9, '==', 0, 'not the last');
  else {
    const live = requiredMember(btf, 'signal_struct', 'live').offsetBytes;
    program.load(4, r1, r8, live).jumpIf(r1, '!=', 0, 'not the last');
  }
  copy(program, 4, r8, requiredMember(btf, 'signal_struct', 'maxrss'), exitRecord.peakPages);
  program.label('not the last');
  return endRecord(program, sinks, () => forgetPlace(program, sinks));
}

/** mark_victim(task, uid), or of older kernels (pid). Called by the task for which there was no memory. */
function oomProgram(btf: Btf, layout: Layout, sinks: Sinks): Uint8Array {
  const program = new Assembler();
  program.load(8, r6, r1, argument(0));
  beginRecord(program, sinks, recordTypes.oom, oomRecord.sizeBytes);
  if (argumentsOfTracepoint(btf, 'mark_victim') > 1) copy(program, 4, r6, layout.pid, oomRecord.pid);
  else program.store(4, r7, oomRecord.pid, r6);
  return endRecord(program, sinks);
}

/** sched_process_exec(task, old_pid, bprm), called by the thread that execs, with its new name, pid and memory. */
function execProgram(btf: Btf, layout: Layout, sinks: Sinks, commandLineBytes: number): Uint8Array {
  const program = new Assembler();
  program.load(8, r6, r1, argument(0)).load(8, r8, r1, argument(1)).load(8, r9, r1, argument(2));
  succeedPlace(program, layout, sinks);
  beginRecord(program, sinks, recordTypes.exec, execRecordBytes(commandLineBytes));
  copy(program, 4, r6, layout.pid, execRecord.pid);
  copyStartTicks(program, layout, execRecord.startTicks);
  program.store(4, r7, execRecord.oldPid, r8);
  copyUsers(program, layout, execRecord);
  copyComm(program, layout, execRecord.comm);
  program
    .load(8, r3, r9, layout.filename.offsetBytes)
    .move(r1, r7)
    .add(r1, execRecord.program)
    .set(r2, programBytes)
    .call(helpers.probeReadKernelString)
    .store(4, r7, execRecord.programLength, r0);
  if (commandLineBytes > 0) copyCommandLine(program, btf, commandLineBytes);
  return endRecord(program, sinks);
}

/**
 * Copies what the new program of the task in r6 has for arguments: they have just been written to the top of its stack,
 * and behind them come the variables of its environment, which are not read.
 */
function copyCommandLine(program: Assembler, btf: Btf, limitBytes: number): void {
  const { offsetBytes: memory } = requiredMember(btf, 'task_struct', 'mm');
  const { offsetBytes: start } = requiredMember(btf, 'mm_struct', 'arg_start');
  const { offsetBytes: end } = requiredMember(btf, 'mm_struct', 'arg_end');
  program
    .storeConstant(8, r7, execRecord.commandLineLength, 0)
    .load(8, r8, r6, memory)
    .load(8, r3, r8, start)
    .load(8, r9, r8, end)
    .subtract(r9, r3)
    .move(r2, r9)
    .jumpIf(r2, '<=', limitBytes, 'short')
    .set(r2, limitBytes)
    .label('short')
    .move(r1, r7)
    .add(r1, execRecord.commandLine)
    .call(helpers.probeReadUser)
    .jumpIf(r0, '!=', 0, 'unread')
    .store(8, r7, execRecord.commandLineLength, r9)
    .label('unread');
}

/**
 * task_rename(task, comm), called before the name changes, by the task itself or by a thread of its process. An
 * exec renames as well; that is told by the exec's own record, so here it is left out.
 */
function commProgram(layout: Layout, sinks: Sinks): Uint8Array {
  const program = new Assembler();
  program.load(8, r6, r1, argument(0)).load(8, r8, r1, argument(1));
  if (layout.inExecve !== undefined) {
    program
      .call(helpers.getCurrentPidTgid)
      .and(r0, pidMask)
      .load(4, r1, r6, layout.pid.offsetBytes)
      .jumpIfRegister(r0, '!=', r1, 'by another thread');
    jumpIfSet(program, r6, layout.inExecve, 'done');
    program.label('by another thread');
  }
  beginRecord(program, sinks, recordTypes.comm, commRecord.sizeBytes);
  copy(program, 4, r6, layout.pid, commRecord.pid);
  program
    .storeConstant(8, r7, commRecord.comm, 0)
    .storeConstant(8, r7, commRecord.comm + 8, 0)
    .move(r1, r7)
    .add(r1, commRecord.comm)
    .set(r2, commBytes)
    .move(r3, r8)
    .call(helpers.probeReadKernelString);
  return endRecord(program, sinks);
}

/**
 * commit_creds(new), called by a task that takes on new credentials; most often the users stay the same. An exec
 * does it as well; that is told by the exec's own record, after the caller has taken its leader's pid.
 */
function uidProgram(layout: Layout, sinks: Sinks): Uint8Array {
  const program = new Assembler();
  program
    .load(8, r6, r1, argument(0))
    .call(helpers.getCurrentTaskBtf)
    .move(r8, r0)
    .load(8, r9, r8, layout.realCred.offsetBytes);
  if (layout.inExecve !== undefined) jumpIfSet(program, r8, layout.inExecve, 'done');
  for (const member of [layout.uid, layout.suid]) {
    program
      .load(4, r1, r6, member.offsetBytes)
      .load(4, r2, r9, member.offsetBytes)
      .jumpIfRegister(r1, '!=', r2, 'changed');
  }
  program.jump('done').label('changed');
  beginRecord(program, sinks, recordTypes.uid, uidRecord.sizeBytes);
  copy(program, 4, r8, layout.pid, uidRecord.pid);
  copy(program, 4, r6, layout.uid, uidRecord.uid);
  copy(program, 4, r6, layout.suid, uidRecord.suid);
  return endRecord(program, sinks);
}

/** Writes the start time of the task in r6 into the record, in clock ticks. */
export function copyStartTicks(program: Assembler, layout: Layout, to: number): void {
  program
    .load(8, r1, r6, layout.startBoottime.offsetBytes)
    .divide(r1, nanosecondsPerTick)
    .store(8, r7, to, r1);
}

/** Copies the users of the task in r6 into the record. */
export function copyUsers(
  program: Assembler,
  layout: Layout,
  to: { readonly uid: number; readonly suid: number },
): void {
  program.load(8, r8, r6, layout.realCred.offsetBytes);
  copy(program, 4, r8, layout.uid, to.uid);
  copy(program, 4, r8, layout.suid, to.suid);
}

/** Copies the name of the task in r6 into the record. */
export function copyComm(program: Assembler, layout: Layout, to: number): void {
  for (let i = 0; i < commBytes; i += 8) {
    program.load(8, r1, r6, layout.comm.offsetBytes + i).store(8, r7, to + i, r1);
  }
}

function jumpIfSet(program: Assembler, base: Register, flag: Member, label: string): void {
  program.load(1, r1, base, flag.offsetBytes).and(r1, flag.mask).jumpIf(r1, '!=', 0, label);
}
