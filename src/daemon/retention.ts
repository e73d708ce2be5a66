/**
 * What a daemon goes by that removes the beginning of its recording, and how it tells of that.
 */
import type { RetentionView } from '../engine/reader.ts';
import type { Recorder } from '../engine/recorder.ts';
import { leastOf, limitsOn, type RetentionSettings } from '../log/limits.ts';
import type { Situation } from '../log/retention.ts';
import type { Clock } from '../ports.ts';
import { filesystemOf, folderBytes } from '../system/folder.ts';

/** What is to be thought of when something is to be removed. */
export function situationOf(
  { world }: Recorder,
  clock: Clock,
  folder: string,
  settings: RetentionSettings,
): Situation {
  const { totalBytes, freeBytes } = filesystemOf(folder);
  const [open] = world.releases.open();
  return {
    nowUs: clock.wallUs(),
    limits: limitsOn(totalBytes, settings),
    disk: { freeBytes, recordingBytes: folderBytes(folder) },
    ...(open && { openRelease: open.seq }),
  };
}

export function retentionOn(totalBytes: number, settings: RetentionSettings): Omit<RetentionView, 'isHeld'> {
  const { ageUs, sizeBytes, freeBytes } = limitsOn(totalBytes, settings);
  const size = leastOf(settings.sizes, totalBytes);
  return {
    ...(ageUs !== undefined && { ageMs: ageUs / 1000 }),
    ...(sizeBytes !== undefined && { sizeBytes }),
    ...(size && 'share' in size && { sizeShare: size.share }),
    ...(freeBytes !== undefined && { freeBytes }),
    ...(settings.free && 'share' in settings.free && { freeShare: settings.free.share }),
  };
}
