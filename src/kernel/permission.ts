/**
 * Who may do what: the kernel's rules for mode bits, owners and sticky directories, for every door alike.
 * With the mount the kernel asks the same questions a second time.
 */
import type { Attributes } from '../../projections/hierarchy.ts';
import type { Actor } from './command.ts';

export const search = 1;
export const write = 2;
export const read = 4;

/** Whether the actor has all of the wanted bits (`search`, `write`, `read`) on a node. */
export function may(actor: Actor, node: Attributes, wanted: number): boolean {
  // CAP_DAC_OVERRIDE, which root has: no directory of ours is without a search bit that it would need.
  if (actor.uid === 0) return true;
  const shift = actor.uid === node.uid ? 6 : inGroup(actor, node.gid) ? 3 : 0;
  return ((node.mode >> shift) & wanted) === wanted;
}

/** Whether a sticky directory lets the actor remove or rename this entry of it (path_resolution(7)). */
export function mayUnlinkIn(actor: Actor, directory: Attributes, entry: Attributes): boolean {
  const sticky = (directory.mode & 0o1000) !== 0;
  return !sticky || ownsOrRules(actor, directory) || ownsOrRules(actor, entry);
}

/** Whether the actor owns the node, or is root. */
export function ownsOrRules(actor: Actor, node: Attributes): boolean {
  return actor.uid === 0 || actor.uid === node.uid;
}

export function inGroup(actor: Actor, gid: number): boolean {
  return actor.gid === gid || actor.groups.includes(gid);
}
