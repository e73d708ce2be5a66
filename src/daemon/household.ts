/**
 * Household: what a daemon does to its own tree when it begins, as commands like those of others.
 */
import { strict as assert } from 'node:assert';
import { type Bytes, textOf } from '../../events/bytes.ts';
import type { Recorder } from '../engine/recorder.ts';
import type { Command } from '../kernel/command.ts';
import { byOf } from '../kernel/doer.ts';
import { isRefusal } from '../kernel/errno.ts';

/** Agents belong to the root container, and inherit it from us, whatever shell we were started in. */
export async function leaveContainers(recorder: Recorder): Promise<void> {
  const { hierarchy } = recorder.world;
  const self = hierarchy.taskByPid(process.pid);
  if (!self || self.container === hierarchy.root) return;
  const actor = { pid: process.pid, uid: self.uid, gid: process.getegid?.() ?? 0, groups: [] };
  const command: Command = { type: 'attach', container: hierarchy.root.id, pid: process.pid };
  const answer = await recorder.submit({ name: 'attach', path: '/', actor, plan: () => command });
  assert(!isRefusal(answer), 'whoever attaches itself to the root container is not refused');
}

/** An ordinary user who records has the tree: of root, who could give it to him, this recorder knows nothing. */
export async function ownTree(recorder: Recorder): Promise<void> {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  const { root } = recorder.world.hierarchy;
  if (uid === 0) return;
  const by = byOf(recorder.world.hierarchy, { pid: process.pid, uid, gid });
  for (const node of ['directory', 'tasks', 'notify_on_release', 'release_agent'] as const) {
    const { mode, uid: owner } = root.attributes[node] ?? { mode: 0o644, uid: 0 };
    if (owner === uid) continue;
    recorder.record({ type: 'attr', container: root.id, node, mode, uid, gid, by });
  }
  await recorder.commit('synced');
}

/** Does what writing to the root's `release_agent` does. */
export async function appoint(recorder: Recorder, program: Bytes): Promise<void> {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  const { root } = recorder.world.hierarchy;
  const command: Command = { type: 'write', container: root.id, file: 'release_agent', text: program };
  const actor = { pid: process.pid, uid, gid, groups: [] };
  const answer = await recorder.submit({
    name: 'write release_agent',
    path: '/',
    actor,
    plan: () => command,
  });
  if (isRefusal(answer)) throw new Error(`${textOf(program)} cannot be the release agent: ${answer.saw}`);
}
