/**
 * Verifying as it is asked for at every door: where it shall begin is an instant, and what a log has been noted to be
 * may be held against it.
 */
import { edgeOf } from '../engine/edge.ts';
import type { Instant } from '../engine/instant.ts';
import type { VerifyQuery } from '../engine/reader.ts';
import { openLogReader, type VerifyOptions, verifyLog } from '../log/openLog.ts';
import type { Verification } from '../ports.ts';
import { ByproductCheck } from './byproducts.ts';

export async function verifyRecording(
  folder: string,
  { expect, since }: VerifyQuery,
  progress: (seq: number) => unknown,
): Promise<Verification> {
  const begin = since && (await beginOf(folder, since));
  return verifyLog(
    { folder },
    {
      progress,
      byproducts: new ByproductCheck(),
      ...(expect && { expect }),
      ...(begin && { since: begin }),
    },
  );
}

/** A recording that may not be sound is read for this only where it has to be. */
async function beginOf(folder: string, instant: Instant): Promise<NonNullable<VerifyOptions['since']>> {
  if (instant.kind === 'time' || instant.kind === 'seq') return instant;
  const log = await openLogReader({ folder });
  try {
    const edge = await edgeOf(log, instant);
    return 'timeUs' in edge ? edge : { seq: edge.firstSeq };
  } finally {
    await log.close();
  }
}
