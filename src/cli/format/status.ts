/**
 * The state of a recording as a short table.
 */
import type { QueueGauge, Status } from '../../engine/reader.ts';
import type { AgentView, RecordingView } from '../../engine/reads.ts';
import type { PinnedInstallation } from '../../pinned.ts';
import { counted, duration, grouped, size } from './count.ts';
import { keptRows } from './retention.ts';
import { table } from './table.ts';
import { localTimeInSeconds } from './time.ts';

/** How many of the agents that run are told one by one, the oldest first. */
const agentsShown = 10;

/** What is shown: with what goes on in the kernel where no daemon runs. */
type Shown = Status & { readonly kept?: readonly PinnedInstallation[] };

export function statusLines(view: Shown): string[] {
  return table(['left', 'left'], rowsOf(view));
}

function rowsOf(view: Shown): string[][] {
  return [
    ['recording', `${view.recording}, begun by tasktrail ${view.version}`],
    ['folder', `${view.folder ?? ''}, ${size(view.sizeBytes ?? 0)}`],
    ['daemon', view.daemonPid === undefined ? 'none runs' : `pid ${view.daemonPid}`],
    ...(view.mounts ?? []).map(({ mountPoint, shown }, i) => [
      i === 0 ? 'mounted' : '',
      `${shown === 'proc' ? 'paths of tasks, ' : ''}at ${mountPoint}`,
    ]),
    ['source', view.blind === '' ? view.source : `${view.source}; blind: ${view.blind}`],
    ...(view.queue ? queueRows(view.queue) : []),
    ...(view.kept ?? []).map(({ ringBytes }) => [
      'ring',
      `${size(ringBytes)}, which the kernel goes on filling`,
    ]),
    ['from', localTimeInSeconds(view.started)],
    ['to', localTimeInSeconds(view.time)],
    ...(view.isFull ? [['disk', 'FULL: nothing is recorded until there is room']] : []),
    ...(view.unsealed === undefined
      ? []
      : [['sealing', `NONE until the next start, nothing else is lost: ${view.unsealed}`]]),
    ...keptRows(view),
    ...(view.setAside ?? []).map((name, i) => [
      i === 0 ? 'unsound' : '',
      `a part that is set aside in ${name}`,
    ]),
    ['events', grouped(view.seq)],
    ['tasks', grouped(view.tasks)],
    ...view.trees.map(({ tree, mountPoint, containers }, i) => [
      i === 0 ? 'trees' : '',
      `${tree}, ${counted(containers, 'container')}${mountPoint === '' ? '' : `, mirrors ${mountPoint}`}`,
    ]),
    ['gaps', gapsOf(view)],
    ['stalls', stallsOf(view)],
    ['releases', releasesOf(view)],
    ...agentRows(view),
  ];
}

const longMs = 24 * 60 * 60 * 1000;

function queueRows({ sizeBytes, usedBytes, bytesPerSecond, isPinned, obstacle }: QueueGauge): string[][] {
  const used = `${size(sizeBytes)}, ${Math.ceil((100 * usedBytes) / sizeBytes)} % in use`;
  const bearsMs = (1000 * (sizeBytes - usedBytes)) / Math.max(bytesPerSecond, 1);
  const bears = bearsMs > longMs ? 'more than a day' : duration(bearsMs);
  const without = isPinned
    ? 'it is filled on without the daemon'
    : `it ends with the daemon${obstacle === '' ? '' : `: ${obstacle}`}`;
  return [
    ['ring', `${used}; at ${size(bytesPerSecond)}/s it holds ${bears} of what nobody reads`],
    ['', without],
  ];
}

function gapsOf({ gaps, lost }: RecordingView): string {
  if (gaps === 0) return 'none';
  return `${gaps}, ${counted(lost, 'observation')} known to be lost in them`;
}

function stallsOf({ stalls, longestStallMs }: RecordingView): string {
  return stalls === 0 ? 'none' : `${grouped(stalls)}, the longest ${duration(longestStallMs)}`;
}

function releasesOf({ releases, waiting }: RecordingView): string {
  if (releases.releases === 0) return 'none';
  const { attempts, succeeded, failed, stale } = releases;
  return [
    grouped(releases.releases),
    `${counted(attempts, 'attempt')} to run the agent`,
    `${grouped(succeeded)} succeeded`,
    ...(failed > 0 ? [`${grouped(failed)} failed`] : []),
    ...(stale > 0 ? [`${grouped(stale)} stale`] : []),
    ...(waiting > 0 ? [`${grouped(waiting)} waiting`] : []),
  ].join(', ');
}

function agentRows({ releaseAgent, agents, daemonPid }: Status): string[][] {
  const shown = agents.slice(0, agentsShown).map((agent) => agentRow(agent, daemonPid !== undefined));
  const more = agents.length - shown.length;
  return [
    ['agent', releaseAgent],
    ...shown,
    ...(more > 0 ? [['', `and ${grouped(more)} more of them`]] : []),
  ];
}

/** Nobody knows how an attempt went on that outlived its recorder. */
function agentRow({ path, attempt, since, runningMs, ...agent }: AgentView, live: boolean): string[] {
  if (!live) return ['unfinished', `for ${path}, attempt ${attempt}, begun ${localTimeInSeconds(since)}`];
  const parts = [
    `for ${path}`,
    `attempt ${attempt}`,
    `since ${duration(runningMs)}`,
    ...(agent.pid ? [`pid ${agent.pid}`] : []),
    ...(agent.stuck && !agent.executed ? ['its program cannot be read so far'] : []),
  ];
  return [agent.stuck ? 'stuck' : 'running', parts.join(', ')];
}
