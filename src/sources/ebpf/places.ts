/**
 * Places: the part of the fork program that tells into which groups a task was born, straight from the kernel's own
 * structs, so that it is right also for clone3(2) with CLONE_INTO_CGROUP. It is assembled for the hierarchies that
 * are mirrored and costs nothing for the others.
 *
 * A task points to its css_set, which stands for one combination of groups. It names the group in the v2 hierarchy in
 * a member of its own, and those in all hierarchies in a list of links (include/linux/cgroup-defs.h).
 */
import { helpers } from '../../system/bpf.ts';
import { type Assembler, r1, r2, r3, r6, r7, r8, r9, r10 } from './assembler.ts';
import type { Btf } from './btf.ts';
import { requiredMember } from './parts.ts';
import { forkRecord } from './record.ts';

/** What is mirrored. */
export interface Mirror {
  /** The kernel's ids of the hierarchies; 0 is v2. */
  readonly hierarchies: readonly number[];
  /**
   * How many hierarchies the machine has at all. Those that come later come behind them in every list of links, so
   * a walk never has to go further than this (kernel/cgroup/cgroup.c: link_css_set).
   */
  readonly machineHierarchies: number;
}

/** Where on the stack things are kept that a call would lose, from the stack's end. The walk has what is above -32. */
const cgroup = -8;
const scratch = -16;
const task = -32;
const cssSet = -40;
const attempts = -48;

/** How often a task's groups are looked for where it is moved meanwhile. More is slow to check for the kernel. */
const mostAttempts = 2;

/** Writes the groups of the task in r6 into the record, each in its place. r6, r8 and r9 are lost. */
export function copyGroups(program: Assembler, btf: Btf, mirror: Mirror): void {
  if (mirror.hierarchies.length === 0) return;
  const cgroups = requiredMember(btf, 'task_struct', 'cgroups').offsetBytes;
  if (mirror.hierarchies.every((hierarchy) => hierarchy === 0)) {
    program.load(8, r8, r6, cgroups);
    copyUnifiedGroup(program, btf, placeAt(0));
    return;
  }
  program.store(8, r10, task, r6).storeConstant(8, r10, attempts, mostAttempts).label('place');
  clearPlaces(program, mirror);
  program.load(8, r6, r10, task).load(8, r8, r6, cgroups).store(8, r10, cssSet, r8);
  walkLinks(program, btf, mirror, () => copyGroupIfMirrored(program, btf, mirror));
  // While the task is in the set, its links stay. Where it was moved meanwhile, what the walk saw may be nothing; in the
  // end all places are left empty, by which the record says so.
  program
    .load(8, r1, r10, task)
    .load(8, r1, r1, cgroups)
    .load(8, r2, r10, cssSet)
    .jumpIfRegister(r1, '==', r2, 'placed')
    .load(8, r1, r10, attempts)
    .add(r1, -1)
    .store(8, r10, attempts, r1)
    .jumpIf(r1, '!=', 0, 'place');
  clearPlaces(program, mirror);
  program.label('placed');
}

function clearPlaces(program: Assembler, mirror: Mirror): void {
  mirror.hierarchies.forEach((_, place) => {
    program.storeConstant(8, r7, placeAt(place), 0);
  });
}

const placeAt = (place: number) => forkRecord.groups + 8 * place;

/** The group of the css_set in r8 in the v2 hierarchy. */
function copyUnifiedGroup(program: Assembler, btf: Btf, to: number): void {
  program
    .load(8, r1, r8, requiredMember(btf, 'css_set', 'dfl_cgrp').offsetBytes)
    .load(8, r1, r1, requiredMember(btf, 'cgroup', 'kn').offsetBytes)
    .load(8, r1, r1, requiredMember(btf, 'kernfs_node', 'id').offsetBytes)
    .store(8, r7, to, r1);
}

/**
 * Of the cgroup of a link, writes the group into the record where its hierarchy is mirrored. The links stand in the
 * order in which the hierarchies came, and so do their ids: behind the newest that is mirrored there is no more to find.
 */
function copyGroupIfMirrored(program: Assembler, btf: Btf, mirror: Mirror): void {
  const offset = (structName: string, memberName: string): number =>
    requiredMember(btf, structName, memberName).offsetBytes;
  follow(program, cgroup, offset('cgroup', 'root'));
  read(program, 8, scratch);
  follow(program, scratch, offset('cgroup_root', 'hierarchy_id'));
  read(program, 4, scratch);
  const newest = Math.max(...mirror.hierarchies);
  for (const [place, hierarchy] of mirror.hierarchies.entries()) {
    program.load(4, r1, r10, scratch).jumpIf(r1, '!=', hierarchy, `not ${hierarchy}`);
    follow(program, cgroup, offset('cgroup', 'kn'));
    read(program, 8, scratch);
    follow(program, scratch, offset('kernfs_node', 'id'));
    read(program, 8, scratch);
    program
      .load(8, r1, r10, scratch)
      .store(8, r7, placeAt(place), r1)
      .jump(hierarchy === newest ? 'end of links' : 'next link')
      .label(`not ${hierarchy}`);
  }
}

/**
 * Jumps to `elsewhere` if the task in r8 is not in the cgroup in r6, else to `there`. For where the task cannot be moved
 * meanwhile. r6, r8 and r9 are lost.
 */
export function findTask(
  program: Assembler,
  btf: Btf,
  mirror: Mirror,
  there: string,
  elsewhere: string,
): void {
  const wanted = task;
  program
    .store(8, r10, wanted, r6)
    .load(8, r8, r8, requiredMember(btf, 'task_struct', 'cgroups').offsetBytes)
    .jumpIf(r8, '==', 0, elsewhere);
  walkLinks(program, btf, mirror, () => {
    program.load(8, r1, r10, cgroup).load(8, r2, r10, wanted).jumpIfRegister(r1, '==', r2, there);
  });
  program.jump(elsewhere);
}

/**
 * Walks the links of the css_set in r8 and has `visit` write what is done at each, whose cgroup is on the stack; it may
 * jump to `next link` and to `end of links`. r8 becomes the list's head, r9 the link that is looked at, r6 how many more
 * are looked at. A link is no typed pointer for the verifier, so it is read by calls that check the address.
 */
function walkLinks(program: Assembler, btf: Btf, mirror: Mirror, visit: () => void): void {
  const offset = (structName: string, memberName: string): number =>
    requiredMember(btf, structName, memberName).offsetBytes;
  const links = offset('css_set', 'cgrp_links');
  const next = 0;
  program
    .load(8, r9, r8, links + next)
    .add(r8, links)
    // One more than /proc lists: v2, which every set has, stands there only once it has been mounted.
    .set(r6, mirror.machineHierarchies + 1)
    .label('link')
    .jumpIfRegister(r9, '==', r8, 'end of links')
    .jumpIf(r6, '==', 0, 'end of links')
    .add(r6, -1)
    .move(r3, r9)
    .add(r3, offset('cgrp_cset_link', 'cgrp') - offset('cgrp_cset_link', 'cgrp_link'));
  read(program, 8, cgroup);
  visit();
  program.label('next link').move(r3, r9).add(r3, next);
  read(program, 8, scratch);
  program.load(8, r9, r10, scratch).jump('link').label('end of links');
}

/** r3 = the address on the stack + offset */
function follow(program: Assembler, from: number, offset: number): void {
  program.load(8, r3, r10, from).add(r3, offset);
}

/** Reads from the address in r3 onto the stack; zeros where nothing can be read there. */
function read(program: Assembler, sizeBytes: number, to: number): void {
  program.move(r1, r10).add(r1, to).set(r2, sizeBytes).call(helpers.probeReadKernel);
}
