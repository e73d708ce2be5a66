/**
 * What the simulation compares: everything that can be read of a world and of the model, as lines of text
 * that are equal exactly when the two are. `printable` makes them fit to be looked at when they are not.
 */
import type { Fact } from '../events/event.ts';
import { type Attributes, type Container, pathOf, tasksOf } from '../projections/hierarchy.ts';
import type { World } from '../projections/world.ts';
import type { Model } from '../test/model/model.ts';

/** One line for each container and each task, in the order of their ids, through the projections' readers. */
export function textOfWorld({ hierarchy, taskPaths, activity }: World): string {
  const lines: string[] = [];
  const containers = containersBelow(hierarchy.root).sort((a, b) => a.id - b.id);
  for (const container of containers) {
    if (hierarchy.container(container.id) !== container) lines.push(`container ${container.id} is not found`);
    const { directory, tasks, notify_on_release } = container.attributes;
    lines.push(
      lineOf('container', container.id, {
        path: pathOf(container),
        parent: container.parent?.id ?? 0,
        notify: container.notify,
        count: container.tasks.size,
        pids: tasksOf(container).map((task) => task.pid),
        children: [...container.children.keys()].sort(),
        nodes: [directory, tasks, notify_on_release].map(attributesText),
        ...activity.totalOf(container.id),
      }),
    );
  }
  for (const task of hierarchy.tasks()) {
    const { id, pid, tgid, startTicks, uid, suid, comm } = task;
    const byPid = hierarchy.taskByPid(pid)?.id;
    const threads = hierarchy.threadsOf(tgid).map((thread) => thread.pid);
    const path = taskPaths.pathsOfPid(pid)?.get(0);
    lines.push(lineOf('task', id, { pid, tgid, startTicks, uid, suid, comm, byPid, threads, path }));
  }
  return [...lines, `${hierarchy.containerCount} containers, ${hierarchy.taskCount} tasks`].join('\n');
}

/** The same lines, of the model. */
export function textOfModel(model: Model): string {
  const lines: string[] = [];
  for (const container of model.containers) {
    const { directory, tasks, notify_on_release } = container.nodes;
    lines.push(
      lineOf('container', container.id, {
        path: model.pathOf(container),
        parent: container.parent?.id ?? 0,
        notify: container.notify,
        count: model.count(container),
        pids: model.pidsOf(container),
        children: model
          .children(container)
          .map((child) => child.name)
          .sort(),
        nodes: [directory, tasks, notify_on_release].map(attributesText),
        ...container.counts,
      }),
    );
  }
  for (const task of model.tasks) {
    const { id, pid, tgid, startTicks, uid, suid, comm } = task;
    const byPid = model.taskByPid(pid)?.id;
    const threads = model.threadsOf(tgid).map((thread) => thread.pid);
    const path = model.pathOf(task.container);
    lines.push(lineOf('task', id, { pid, tgid, startTicks, uid, suid, comm, byPid, threads, path }));
  }
  return [...lines, `${model.containers.length} containers, ${model.tasks.length} tasks`].join('\n');
}

/** Whether two answers (facts in order, or one word) are the same, field by field. */
export function isSame(one: readonly Fact[] | string, other: readonly Fact[] | string): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other;
  return one.length === other.length && one.every((fact, i) => isSameRecord(fact, other[i]));
}

/** The lines that only one of two texts has. */
export function differingLines(one: string, other: string): string {
  const ones = one.split('\n');
  const others = other.split('\n');
  const inOnes = new Set(ones);
  const inOthers = new Set(others);
  return [
    ...ones.filter((line) => !inOthers.has(line)).map((line) => `- ${line}`),
    ...others.filter((line) => !inOnes.has(line)).map((line) => `+ ${line}`),
  ].join('\n');
}

/** Any plain value as text for a person: long runs of one byte as their count, no byte that is not printable. */
export function printable(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
  return text
    .replace(/(.)\1{15,}/g, (run, byte) => `${byte}{${run.length}}`)
    .replace(/[^\n\x20-\x7e]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function isSameRecord(one: object, other: object | undefined): boolean {
  if (other === undefined) return false;
  const fields = Object.entries(one);
  const others = new Map<string, unknown>(Object.entries(other));
  return (
    fields.length === others.size &&
    fields.every(([key, value]) => {
      const counterpart = others.get(key);
      if (typeof value === 'object' && typeof counterpart === 'object' && counterpart !== null)
        return isSameRecord(value, counterpart);
      return value === counterpart;
    })
  );
}

function containersBelow(container: Container): Container[] {
  return [container, ...[...container.children.values()].flatMap(containersBelow)];
}

function lineOf(what: string, id: number, fields: object): string {
  return `${what} ${id} ${JSON.stringify(fields)}`;
}

function attributesText({ mode, uid, gid }: Attributes): string {
  return `${mode.toString(8)} ${uid}:${gid}`;
}
