import type { EvidenceRange } from '../journal/samples.ts';
import type { Ports } from './ports.ts';
import { serviceOf, type RolloutRecord } from './records.ts';
import { BASELINE_SECONDS } from './session.ts';

/** Records looked through after a start for rollouts that ended while the former controller had no time left for them. */
const RECORDS_LOOKED_AT = 200;

/** Puts the seconds of every rollout that is over where compaction does not come. To be called before each compaction. */
export class EvidenceKeeping {
  readonly #ports: Pick<Ports, 'journal' | 'samples'>;
  /** Rollouts that ended since, or null before the first look. */
  #over: Set<string> | null = null;

  constructor(ports: Pick<Ports, 'journal' | 'samples'>) {
    this.#ports = ports;
  }

  ended(rollout: string): void {
    this.#over?.add(rollout);
  }

  async keep(): Promise<void> {
    this.#over ??= new Set(this.#recent());
    for (const id of this.#over) {
      const record = this.#ports.journal.document('rollout', id) as unknown as RolloutRecord | undefined;
      const range = record === undefined ? null : evidenceRange(record);
      if (range !== null) await this.#ports.samples.keepEvidence(range);
      this.#over.delete(id);
    }
  }

  #recent(): readonly string[] {
    return this.#ports.journal
      .documents({ kind: 'rollout', aggregate: null, limit: RECORDS_LOOKED_AT })
      .filter(({ value }) => (value as unknown as RolloutRecord).endedAtMs !== null)
      .map(({ key }) => key);
  }
}

/** The seconds that a rollout was judged by, with those before it; null where nothing was judged. */
export function evidenceRange({ rollout, judged }: RolloutRecord): EvidenceRange | null {
  const first = rollout.spans[0]?.fromSecond;
  if (first === undefined || rollout.from === null || judged === undefined || judged === null) return null;
  const service = serviceOf(rollout);
  const { toSecond } = judged;
  return { rollout: rollout.id, service, fromSecond: first - BASELINE_SECONDS, toSecond };
}
