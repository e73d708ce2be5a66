/**
 * The eBPF programs of the mirror: what runs in the kernel when a group of a mirrored cgroup hierarchy is made,
 * renamed or removed, a task is moved, or a hierarchy ends. Each writes one record with who did it. They only read.
 *
 * The kernel calls all of these tracepoints with its cgroup_mutex held, so their records are in the order of what
 * happened (kernel/cgroup/cgroup.c). What happens to other hierarchies is left out by a few comparisons.
 */
import { helpers, type Program } from '../../system/bpf.ts';
import { Assembler, r0, r1, r2, r3, r6, r7, r8, r9, r10 } from './assembler.ts';
import type { Btf, Member } from './btf.ts';
import {
  argument,
  beginRecord,
  copy,
  endRecord,
  requiredMember,
  type Sinks,
  tracepointProgram,
} from './parts.ts';
import { findTask, type Mirror } from './places.ts';
import {
  groupNameBytes,
  groupNamedRecord,
  groupRemovedRecord,
  hierarchyGoneRecord,
  movedRecord,
  recordTypes,
} from './record.ts';

/** The programs that see what happens to the groups of the mirrored hierarchies; none where none are. */
export function groupPrograms(btf: Btf, sinks: Sinks, mirror: Mirror): Program[] {
  if (mirror.hierarchies.length === 0) return [];
  const context = { btf, layout: layoutOf(btf), sinks, mirror };
  return [
    tracepointProgram(btf, 'cgroup_mkdir', namedProgram(context, recordTypes.groupMade)),
    tracepointProgram(btf, 'cgroup_rename', namedProgram(context, recordTypes.groupRenamed)),
    tracepointProgram(btf, 'cgroup_rmdir', removedProgram(context)),
    tracepointProgram(btf, 'cgroup_attach_task', movedProgram(context)),
    tracepointProgram(btf, 'cgroup_transfer_tasks', movedProgram(context)),
    tracepointProgram(btf, 'cgroup_destroy_root', goneProgram(context)),
  ];
}

interface Context {
  readonly btf: Btf;
  readonly layout: Layout;
  readonly sinks: Sinks;
  readonly mirror: Mirror;
}

/** The members that the programs read, found in the BTF of the kernel that runs. */
interface Layout {
  readonly root: Member;
  readonly node: Member;
  readonly hierarchy: Member;
  readonly nodeId: Member;
  readonly nodeName: Member;
  readonly nodeParent: Member;
  readonly pid: Member;
  readonly tgid: Member;
  readonly signal: Member;
  readonly threads: Member;
  /** The thread of a process that is about to be its only one, by an exec. */
  readonly executing: Member;
  readonly exitState: Member;
}

function layoutOf(btf: Btf): Layout {
  return {
    root: requiredMember(btf, 'cgroup', 'root'),
    node: requiredMember(btf, 'cgroup', 'kn'),
    hierarchy: requiredMember(btf, 'cgroup_root', 'hierarchy_id'),
    nodeId: requiredMember(btf, 'kernfs_node', 'id'),
    nodeName: requiredMember(btf, 'kernfs_node', 'name'),
    nodeParent: requiredMember(btf, 'kernfs_node', '__parent', 'parent'),
    pid: requiredMember(btf, 'task_struct', 'pid'),
    tgid: requiredMember(btf, 'task_struct', 'tgid'),
    signal: requiredMember(btf, 'task_struct', 'signal'),
    threads: requiredMember(btf, 'signal_struct', 'nr_threads'),
    executing: requiredMember(btf, 'signal_struct', 'group_exec_task', 'group_exit_task'),
    exitState: requiredMember(btf, 'task_struct', 'exit_state'),
  };
}

/** cgroup_mkdir(cgroup, path), before its directory can be seen; cgroup_rename(cgroup, path), with its new name. */
function namedProgram(context: Context, type: number): Uint8Array {
  const { layout, sinks } = context;
  const program = new Assembler();
  beginGroup(program, context);
  beginRecord(program, sinks, type, groupNamedRecord.sizeBytes);
  writeGroup(program, layout, groupNamedRecord);
  program
    .storeConstant(8, r7, groupNamedRecord.parent, 0)
    .load(8, r8, r9, layout.nodeParent.offsetBytes)
    .jumpIf(r8, '==', 0, 'no parent');
  copy(program, 8, r8, layout.nodeId, groupNamedRecord.parent);
  program
    .label('no parent')
    .load(8, r3, r9, layout.nodeName.offsetBytes)
    .move(r1, r7)
    .add(r1, groupNamedRecord.name)
    .set(r2, groupNameBytes)
    .call(helpers.probeReadKernelString);
  return endRecord(program, sinks);
}

/** cgroup_rmdir(cgroup, path) */
function removedProgram(context: Context): Uint8Array {
  const { layout, sinks } = context;
  const program = new Assembler();
  beginGroup(program, context);
  beginRecord(program, sinks, recordTypes.groupRemoved, groupRemovedRecord.sizeBytes);
  writeGroup(program, layout, groupRemovedRecord);
  return endRecord(program, sinks);
}

/**
 * cgroup_attach_task(cgroup, path, task, whole), after the move, and cgroup_transfer_tasks, which moves one thread.
 *
 * A process of one thread is always moved as a whole. To say so is of use while that thread takes over its leader's
 * pid in an exec: whoever reads knows it by its thread group then, and not yet by its new pid. For a moment the old
 * leader is not quite gone then and still counts (fs/exec.c: de_thread).
 *
 * That leader may have been looked up to be moved before it lost its pid; it has the thread's by now, and is dead. One
 * who is dead does not stand for its process.
 *
 * Who is on its way out is not moved, and the kernel says it was (kernel/cgroup/cgroup.c: cgroup_migrate_add_task).
 * So where one task alone was to move, it is looked at whether it did.
 */
function movedProgram({ btf, layout, sinks, mirror }: Context): Uint8Array {
  const program = new Assembler();
  program.load(8, r6, r1, argument(0)).load(8, r8, r1, argument(2)).load(8, r9, r1, argument(3)).and(r9, 1);
  keepMirrored(program, mirror, layout);
  program
    .load(8, r2, r8, layout.signal.offsetBytes)
    .load(4, r1, r2, layout.threads.offsetBytes)
    .store(8, r10, moved.cgroup, r6)
    .store(8, r10, moved.task, r8)
    .store(8, r10, moved.whole, r9)
    .jumpIf(r9, '==', 0, 'one alone')
    .jumpIf(r1, '==', 1, 'alone')
    .jump('moved')
    .label('one alone')
    .load(4, r3, r8, layout.exitState.offsetBytes)
    .jumpIf(r3, '!=', 0, 'done')
    .jumpIf(r1, '==', 1, 'of one thread')
    .load(8, r1, r2, layout.executing.offsetBytes)
    .jumpIfRegister(r1, '!=', r8, 'alone')
    .load(4, r1, r8, layout.pid.offsetBytes)
    .load(4, r2, r8, layout.tgid.offsetBytes)
    .jumpIfRegister(r1, '!=', r2, 'alone')
    .label('of one thread')
    .storeConstant(8, r10, moved.whole, 1)
    .label('alone');
  findTask(program, btf, mirror, 'moved', 'done');
  program
    .label('moved')
    .load(8, r6, r10, moved.cgroup)
    .load(8, r8, r10, moved.task)
    .load(8, r9, r10, moved.whole);
  beginRecord(program, sinks, recordTypes.moved, movedRecord.sizeBytes);
  copy(program, 4, r8, layout.pid, movedRecord.pid);
  copy(program, 4, r8, layout.tgid, movedRecord.tgid);
  program.store(4, r7, movedRecord.whole, r9).load(8, r9, r6, layout.node.offsetBytes);
  writeGroup(program, layout, movedRecord);
  return endRecord(program, sinks);
}

/** Where on the stack the program of moves keeps its arguments, below what `findTask` needs. */
const moved = { cgroup: -64, task: -72, whole: -80 } as const;

/** cgroup_destroy_root(root), before the hierarchy is taken apart. */
function goneProgram(context: Context): Uint8Array {
  const { layout, sinks, mirror } = context;
  const program = new Assembler();
  program.load(8, r6, r1, argument(0)).load(4, r2, r6, layout.hierarchy.offsetBytes);
  jumpUnlessMirrored(program, mirror);
  beginRecord(program, sinks, recordTypes.hierarchyGone, hierarchyGoneRecord.sizeBytes);
  program.storeConstant(4, r7, hierarchyGoneRecord.pid, 0);
  copy(program, 4, r6, layout.hierarchy, hierarchyGoneRecord.hierarchy);
  return endRecord(program, sinks);
}

/** r6 = the group of the first argument, r9 = its directory; ends the program where it is not mirrored. */
function beginGroup(program: Assembler, { mirror, layout }: Context): void {
  program.load(8, r6, r1, argument(0));
  keepMirrored(program, mirror, layout);
  program.load(8, r9, r6, layout.node.offsetBytes);
}

/** Ends the program where the group in r6 is of a hierarchy that is not mirrored. */
function keepMirrored(program: Assembler, mirror: Mirror, layout: Layout): void {
  program.load(8, r2, r6, layout.root.offsetBytes).load(4, r2, r2, layout.hierarchy.offsetBytes);
  jumpUnlessMirrored(program, mirror);
}

/** Ends the program where the hierarchy in r2 is not mirrored. */
function jumpUnlessMirrored(program: Assembler, { hierarchies }: Mirror): void {
  for (const hierarchy of hierarchies) program.jumpIf(r2, '==', hierarchy, 'mirrored');
  program.jump('done').label('mirrored');
}

/** Writes who does it, and the group in r6 whose directory is in r9. */
function writeGroup(
  program: Assembler,
  layout: Layout,
  to: Pick<typeof movedRecord | typeof groupRemovedRecord, 'byPid' | 'byUid' | 'hierarchy' | 'group'>,
): void {
  program.call(helpers.getCurrentPidTgid).store(4, r7, to.byPid, r0);
  // The user in the lower half, the group of users in the upper.
  program.call(helpers.getCurrentUidGid).store(8, r7, to.byUid, r0);
  program.load(8, r2, r6, layout.root.offsetBytes);
  copy(program, 4, r2, layout.hierarchy, to.hierarchy);
  copy(program, 8, r9, layout.nodeId, to.group);
}
