/**
 * Requests: a command of the API as the recorder takes it. What a path names is found when the command is decided,
 * in the trees of that moment.
 *
 * Commands are for our own tree. What is not there, and is there in a mirrored tree by this path or name, is taken
 * for that: it is refused all the same, but with what to use instead, which helps more than that it is not there.
 */
import { type Bytes, bytesOf } from '../../events/bytes.ts';
import type { Container, Hierarchy } from '../../projections/hierarchy.ts';
import { mirroredAt } from '../engine/places.ts';
import type { Request } from '../engine/recorder.ts';
import type { Actor, Place } from '../kernel/command.ts';
import { isRefusal, type Refusal } from '../kernel/errno.ts';
import { find, locate, normalised, openForWriting, pathLimitBytes, pathTooLong } from '../kernel/path.ts';
import type { CommandName, Commands } from './api.ts';

/** All but `down`, which is about the daemon and not about what it records. */
type ForRecorder = Exclude<CommandName, 'down'>;
type Named = { [Name in ForRecorder]: [Name, Commands[Name]] }[ForRecorder];
type Plan = Request['plan'];

export function requestOf(command: Named, actor: Actor): Request {
  switch (command[0]) {
    case 'mkdir': {
      const { path, mode, umask } = command[1];
      return at('mkdir', path, actor, (state, bytes) => {
        const place = newPlace(state, actor, bytes);
        return isRefusal(place) ? place : { type: 'mkdir', at: place, mode, umask };
      });
    }
    case 'rmdir':
      return at('rmdir', command[1].path, actor, (state, bytes) => {
        const place = placeThere(state, actor, bytes);
        return isRefusal(place) ? place : { type: 'rmdir', at: place };
      });
    case 'rename':
      return at('rename', command[1].from, actor, (state, bytes) => {
        const from = placeThere(state, actor, bytes);
        if (isRefusal(from)) return from;
        const to = locate(state, actor, bytesOf(command[1].to));
        // What is mirrored is refused for what it is, wherever it is to go.
        if (isRefusal(to) && isOurs(state, from)) return to;
        return { type: 'rename', from, to: isRefusal(to) ? from : to, exchange: false };
      });
    case 'attach': {
      const { path, pid, thread } = command[1];
      return at('attach', path, actor, (state, bytes) => {
        const container = there(state, bytes, openForWriting(state, actor, bytes, 'tasks'));
        if (isRefusal(container)) return container;
        if (thread) return { type: 'write', container: container.id, file: 'tasks', text: String(pid) };
        return { type: 'attach', container: container.id, pid };
      });
    }
    case 'write': {
      const { path, file, text } = command[1];
      return at(`write ${file}`, path, actor, (state, bytes) => {
        const container = there(state, bytes, openForWriting(state, actor, bytes, file));
        if (isRefusal(container)) return container;
        return { type: 'write', container: container.id, file, text: bytesOf(text) };
      });
    }
    case 'delegate': {
      const { path, uid, gid } = command[1];
      return at('delegate', path, actor, (state, bytes) => {
        const container = there(state, bytes, find(state, actor, bytes));
        return isRefusal(container) ? container : { type: 'delegate', container: container.id, uid, gid };
      });
    }
  }
}

function at(
  name: string,
  path: string,
  actor: Actor,
  plan: (state: Hierarchy, path: Bytes) => ReturnType<Plan>,
): Request {
  const bytes = bytesOf(path);
  return {
    name,
    path: normalised(bytes),
    actor,
    plan: (state) => (bytes.length < pathLimitBytes ? plan(state, bytes) : pathTooLong(bytes)),
  };
}

/** A container that is found; where it is not there, the mirrored one of this path or name. */
function there(state: Hierarchy, path: Bytes, found: Container | Refusal): Container | Refusal {
  return isRefusal(found) && found.errno === 'ENOENT' ? (mirroredAt(state, path) ?? found) : found;
}

/** The place of something that should be there. */
function placeThere(state: Hierarchy, actor: Actor, path: Bytes): Place | Refusal {
  const place = locate(state, actor, path);
  if (isRefusal(place) ? place.errno !== 'ENOENT' : isTaken(state, place)) return place;
  const mirrored = mirroredAt(state, path);
  return mirrored?.parent ? { parent: mirrored.parent.id, name: mirrored.name } : place;
}

/** The place of something that is to be made; in a mirrored tree where only that has what it is to be made in. */
function newPlace(state: Hierarchy, actor: Actor, path: Bytes): Place | Refusal {
  const place = locate(state, actor, path);
  if (!isRefusal(place) || place.errno !== 'ENOENT') return place;
  const [, parent = '', name = ''] = /^(.*[^/])\/+([^/]+)\/*$/s.exec(path) ?? [];
  const mirrored = parent === '' ? undefined : mirroredAt(state, parent);
  return mirrored ? { parent: mirrored.id, name } : place;
}

/** Whether something is there; a root is, and so are dots. */
function isTaken(state: Hierarchy, { parent, name }: Place): boolean {
  return (
    parent === 0 || name === '.' || name === '..' || state.container(parent)?.children.has(name) === true
  );
}

function isOurs(state: Hierarchy, { parent }: Place): boolean {
  return parent === 0 || state.container(parent)?.tree === 0;
}
