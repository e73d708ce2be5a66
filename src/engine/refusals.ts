/**
 * The budget of recorded refusals. Auditors want to see who tried what; nobody may fill the log by trying
 * very often. Each uid has a bucket; what does not fit is counted and reported as one number.
 */

/** How many refusals of one uid are recorded at once, and how many a second go on being. */
const burst = 50;
const perSecond = 10;

interface Bucket {
  tokens: number;
  filledUs: number;
  suppressed: number;
}

export interface Suppressed {
  readonly uid: number;
  readonly count: number;
}

export class RefusalBudget {
  readonly #buckets = new Map<number, Bucket>();

  /** Whether a refusal of this uid may be recorded now; where not, it is counted. */
  allow(uid: number, nowUs: number): boolean {
    const bucket = this.#bucketOf(uid, nowUs);
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowUs - bucket.filledUs) / 1e6) * perSecond);
    bucket.filledUs = nowUs;
    if (bucket.tokens < 1) {
      bucket.suppressed += 1;
      return false;
    }
    bucket.tokens -= 1;
    return true;
  }

  /** What was counted since the last call, by uid. Buckets that are full again are forgotten. */
  takeSuppressed(nowUs: number): Suppressed[] {
    const taken: Suppressed[] = [];
    for (const [uid, bucket] of this.#buckets) {
      if (bucket.suppressed > 0) taken.push({ uid, count: bucket.suppressed });
      bucket.suppressed = 0;
      if (nowUs - bucket.filledUs > (burst / perSecond) * 1e6) this.#buckets.delete(uid);
    }
    return taken;
  }

  #bucketOf(uid: number, nowUs: number): Bucket {
    const known = this.#buckets.get(uid);
    if (known) return known;
    const bucket = { tokens: burst, filledUs: nowUs, suppressed: 0 };
    this.#buckets.set(uid, bucket);
    return bucket;
  }
}
