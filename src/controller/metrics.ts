import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { ServiceState } from '../rollout/state.ts';

/** The controller's own metrics, in base units, `bascule_` before each name. */
export class Metrics {
  readonly #registry = new Registry();
  #isMeasured = false;
  readonly #ended = new Counter({
    name: 'bascule_rollouts_ended_total',
    help: 'Rollouts that ended, by outcome.',
    labelNames: ['service', 'outcome'],
    registers: [this.#registry],
  });
  readonly #share = new Gauge({
    name: 'bascule_candidate_share_ratio',
    help: 'Asked share of the candidate, 0 to 1.',
    labelNames: ['service'],
    registers: [this.#registry],
  });
  readonly #underWay = new Gauge({
    name: 'bascule_rollout_under_way',
    help: '1 while a rollout is under way.',
    labelNames: ['service'],
    registers: [this.#registry],
  });
  readonly #healthy = new Gauge({
    name: 'bascule_healthy_replicas',
    help: 'Healthy replicas as the proxy sees them.',
    labelNames: ['service', 'slot'],
    registers: [this.#registry],
  });

  ended(service: string, outcome: string): void {
    this.#ended.inc({ service, outcome });
  }

  text(services: readonly ServiceState[]): Promise<string> {
    this.#ownProcess();
    this.#share.reset();
    this.#underWay.reset();
    this.#healthy.reset();
    for (const { service, rollout, slots } of services) {
      this.#share.set({ service }, (rollout?.sharePercent ?? 0) / 100);
      this.#underWay.set({ service }, rollout === null ? 0 : 1);
      this.#healthy.set({ service, slot: 'blue' }, slots.blue.healthy);
      this.#healthy.set({ service, slot: 'green' }, slots.green.healthy);
    }
    return this.#registry.metrics();
  }

  /** Processor time, memory, open files, delay of the event loop: measured from the first time that somebody asks. */
  #ownProcess(): void {
    if (this.#isMeasured) return;
    this.#isMeasured = true;
    collectDefaultMetrics({ register: this.#registry, prefix: 'bascule_' });
  }
}
