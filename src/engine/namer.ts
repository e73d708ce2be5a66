/**
 * The namer: when a container of a runtime appears in a mirrored tree, it asks once what the runtime calls it, and
 * records that. So the name is in the log when the runtime has long forgotten it.
 */
import { type Container, pathOf } from '../../projections/hierarchy.ts';
import type { World } from '../../projections/world.ts';
import type { RuntimeNames } from '../ports.ts';
import { knownName } from './names.ts';
import type { Recorder } from './recorder.ts';

/** Names containers from here on; those that a first look finds too, when this is called before it. */
export function nameContainers(recorder: Recorder, runtimes: RuntimeNames): void {
  const { world } = recorder;
  recorder.follow((events) => {
    for (const event of events) {
      const isMirrored = event.type === 'mkdir' && event.group !== 0;
      const container = isMirrored ? world.hierarchy.container(event.container) : undefined;
      if (container) nameContainer(recorder, runtimes, container);
    }
  });
}

function nameContainer(recorder: Recorder, runtimes: RuntimeNames, container: Container): void {
  const known = knownName(pathOf(container));
  if (known?.kind !== 'container' || known.id === undefined) return;
  const given = runtimes.namesOf(known.runtime, known.id);
  if (!given) return;
  recorder.record({ type: 'name', container: container.id, name: given.name });
  const pod = given.pod === undefined ? undefined : namelessPod(recorder.world, container.parent);
  if (pod && given.pod !== undefined) recorder.record({ type: 'name', container: pod.id, name: given.pod });
}

/** A pod's own directory says its uid only; any container of it knows the name. */
function namelessPod({ names }: World, parent: Container | undefined): Container | undefined {
  if (!parent || names.nameOf(parent.id) !== undefined) return undefined;
  return knownName(pathOf(parent))?.kind === 'pod' ? parent : undefined;
}
