import type { EvidenceRange } from '../samples.ts';
import { PAGE_ROWS, type SampleDatabase, type SamplePage } from './sample-database.ts';

/** Copies the seconds of a rollout, once. */
export function keepEvidence(samples: SampleDatabase, range: EvidenceRange): void {
  const { sql } = samples;
  samples.transaction('Keeping evidence', () => {
    const service = sql.service.get(range.service);
    if (service === undefined || sql.evidence.of.get(range.rollout) !== undefined) return;
    const minutesUntil = service.minutesUntil > range.fromSecond ? service.minutesUntil : 0;
    sql.evidence.add.run(range.rollout, Math.min(service.upToSecond, range.toSecond), minutesUntil);
    const { id } = sql.evidence.of.get(range.rollout)!;
    sql.evidence.copy.run(id, service.id, range.fromSecond, range.toSecond);
    sql.evidence.measure.run(id);
    if (sql.evidence.of.get(range.rollout)!.bytes === 0) sql.evidence.remove.run(id);
  });
}

/** Null: nothing was kept. */
export function evidencePage(
  samples: SampleDatabase,
  query: { readonly rollout: string; readonly fromSecond: number; readonly toSecond: number },
): SamplePage | null {
  const { of, page } = samples.sql.evidence;
  const kept = of.get(query.rollout);
  if (kept === undefined) return null;
  return {
    rows: page.all(kept.id, query.fromSecond, query.toSecond, PAGE_ROWS),
    upToSecond: kept.upToSecond,
    minutesUntil: kept.minutesUntil === 0 ? null : kept.minutesUntil,
  };
}

export function dropEvidence(samples: SampleDatabase, rollouts: readonly string[]): void {
  samples.transaction('Dropping evidence', () => {
    for (const rollout of rollouts) {
      const kept = samples.sql.evidence.of.get(rollout);
      if (kept !== undefined) drop(samples, kept.id);
    }
  });
}

/** The oldest goes when all takes more than `maxBytes`. Within the caller's transaction. Returns whether there may be more. */
export function fitEvidence(samples: SampleDatabase, maxBytes: number): boolean {
  if (evidenceBytes(samples) <= maxBytes) return false;
  const oldest = samples.sql.evidence.oldest.get();
  if (oldest !== undefined) drop(samples, oldest.id);
  return true;
}

export function evidenceBytes(samples: SampleDatabase): number {
  return samples.sql.evidence.bytes.get()!.bytes;
}

function drop(samples: SampleDatabase, id: number): void {
  samples.sql.evidence.removeSeconds.run(id);
  samples.sql.evidence.remove.run(id);
}
