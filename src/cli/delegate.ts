/**
 * `tasktrail delegate PATH USER`: gives a container with both of its files to a user, and to that user's group.
 * USER is a name, or a number, or both numbers as UID:GID.
 */
import { type User, userName, userNamed } from '../system/users.ts';
import { typedBytes } from './arguments.ts';
import { giveCommand } from './asking.ts';
import type { Context } from './context.ts';
import { Failure, usageFailure } from './failure.ts';

/** (uid_t)-1 stands for "no user" in the kernel's interfaces. */
const idLimit = 2 ** 32 - 2;

export async function delegate(context: Context, path: string, typedUser: string): Promise<void> {
  const { uid, gid } = userFrom(typedUser);
  await giveCommand(context, `delegate ${path} ${typedUser}`, 'delegate', { path, uid, gid });
}

/** A name goes before a number, as with chown(1). */
function userFrom(typed: string): User {
  const named = userNamed(typedBytes(typed));
  if (named) return named;
  const [, uidText, gidText] = /^([0-9]+)(?::([0-9]+))?$/.exec(typed) ?? [];
  if (uidText === undefined) {
    throw new Failure(`there is no user '${typed}' on this machine: give a name, a uid, or UID:GID`);
  }
  const uid = Number(uidText);
  if (Math.max(uid, Number(gidText ?? 0)) > idLimit) {
    throw usageFailure(`'${typed}' is no user: ids go up to ${idLimit}`);
  }
  return { uid, gid: gidText === undefined ? groupOf(uid) : Number(gidText) };
}

function groupOf(uid: number): number {
  const name = userName(uid);
  const known = name === undefined ? undefined : userNamed(typedBytes(name));
  if (known) return known.gid;
  throw new Failure(`uid ${uid} has no user on this machine, and so no group: give both as ${uid}:GID`);
}
