import type { MeasureSample } from '../metrics/source.ts';
import type { Measure } from '../release/measure.ts';
import type { ServiceSpec } from '../release/service.ts';
import { labelOf, slotWithRole, type ServiceState } from '../rollout/state.ts';
import type { Engine } from './engine.ts';
import { windowSeconds } from './measure-windows.ts';
import { queryOf } from './measuring.ts';
import type { Ports } from './ports.ts';
import { releaseOf } from './slot-work.ts';

/** One measure of a file, as its source answers now. */
export type MeasureCheck = {
  readonly measure: string;
  readonly source: string;
  /** Whether its source can be asked, and understood the question where there was one to ask. */
  readonly ok: boolean;
  readonly says: string;
};

export type Push = {
  readonly service: string;
  readonly version: string;
  readonly values: readonly { readonly name: string; readonly sum: number; readonly count: number }[];
};

const DEADLINE_MS = 15_000;

/** What people and applications ask about measures, beside rollouts. */
export class MeasureDesk {
  readonly #ports: Pick<Ports, 'clock' | 'sources' | 'journal'>;
  readonly #engine: Engine;

  constructor(ports: Pick<Ports, 'clock' | 'sources' | 'journal'>, engine: Engine) {
    this.#ports = ports;
    this.#engine = engine;
  }

  push({ service, version, values }: Push): void {
    this.#engine.state(service);
    this.#ports.sources.pushed.add(values.map((value) => ({ service, version, ...value })));
  }

  /** Each source of the file's measures is reached, and asked about what is stable now where there is something. */
  check(spec: ServiceSpec): Promise<readonly MeasureCheck[]> {
    const state = this.#engine.find(spec.name);
    return Promise.all((spec.policy.judge.measures ?? []).map((measure) => this.#check(measure, state)));
  }

  async #check(measure: Measure, state: ServiceState | null): Promise<MeasureCheck> {
    const about = { measure: measure.name, source: measure.from ?? measure.source };
    const source = this.#ports.sources.of(measure);
    if (typeof source === 'string') return { ...about, ok: false, says: source };
    const signal = AbortSignal.timeout(DEADLINE_MS);
    const trouble = await source.check(signal);
    if (trouble !== null) return { ...about, ok: false, says: trouble };
    const slot = state === null ? null : slotWithRole(state, 'stable');
    const releaseId = slot === null ? null : state!.slots[slot].releaseId;
    // A command acts, and what is pushed says nothing of who will push.
    if (slot === null || releaseId === null || ['command', 'pushed'].includes(measure.source))
      return { ...about, ok: true, says: 'can be asked' };
    const label = labelOf(releaseId);
    const release = releaseOf(this.#ports, releaseId);
    const of = { service: state!.service, slot, role: 'stable', version: label, release } as const;
    const window = this.#lastWindow(measure);
    const found = await source.sample(queryOf(measure, of, window), window, signal);
    return { ...about, ok: isUnderstood(found), says: `${label}: ${wordsOf(found)}` };
  }

  #lastWindow({ intervalMs, delayMs }: Measure): { readonly fromMs: number; readonly toMs: number } {
    const toMs = Math.floor((this.#ports.clock.nowMs() - delayMs) / 1000) * 1000;
    return { fromMs: toMs - windowSeconds(intervalMs) * 1000, toMs };
  }
}

/** Nothing to see may be the truth of a quiet minute. */
function isUnderstood(found: MeasureSample): boolean {
  return found.kind === 'value' || found.why !== 'unreachable';
}

function wordsOf(found: MeasureSample): string {
  return found.kind === 'value' ? String(Number(found.value.toPrecision(4))) : `no value: ${found.says}`;
}
