import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { ChannelCount } from '../notify/channel.ts';
import type { Rollout, ServiceState } from '../rollout/state.ts';
import { isWaiting } from '../rollout/waiting.ts';
import type { CertificateView } from './views.ts';
import { SLOT_NAMES } from '../release/slot.ts';
import type { ProxyTotals } from './proxy-totals.ts';
import type { ReplicasSeen } from './replicas-seen.ts';

/** What is told only when somebody asks. */
export type MetricSources = {
  readonly version: string;
  readonly totals: ProxyTotals;
  readonly replicas: Pick<ReplicasSeen, 'of'>;
  /** The judge's word on a rollout now, or null. */
  readonly verdict: (rollout: string) => string | null;
  readonly messages: () => readonly ChannelCount[];
  /** Of a service, as the proxy saw them last; null for none. */
  readonly certificates: (service: string) => readonly CertificateView[] | null;
};

/** Of the library: gauges that are named like counters. */
const MISNAMED = ['handles', 'requests', 'resources'].map((what) => `bascule_nodejs_active_${what}_total`);

/** The controller's own metrics, in base units, `bascule_` before each name. docs/metrics.md has them all; a test compares. */
export class Metrics {
  readonly #sources: MetricSources;
  readonly #registry = new Registry();
  #isMeasured = false;
  readonly #build = this.#gauge('bascule_build_info', 'Always 1; the version is its label.', ['version']);
  readonly #ended = this.#counter('bascule_rollouts_ended_total', 'Rollouts that ended, by outcome.', [
    'service',
    'outcome',
  ]);
  readonly #decisions = this.#counter(
    'bascule_decisions_total',
    'Decisions recorded, by the kind of event.',
    ['service', 'kind'],
  );
  readonly #share = this.#gauge('bascule_candidate_share_ratio', 'Asked share of the candidate, 0 to 1.', [
    'service',
  ]);
  readonly #underWay = this.#gauge('bascule_rollout_under_way', '1 while a rollout is under way.', [
    'service',
  ]);
  readonly #phase = this.#gauge('bascule_rollout_phase', '1 for the phase of the rollout under way.', [
    'service',
    'phase',
  ]);
  readonly #waits = this.#gauge(
    'bascule_rollout_waits_for_person',
    '1 while the rollout goes on only when a person does something.',
    ['service'],
  );
  readonly #verdict = this.#gauge('bascule_verdict', "1 for the judge's word on the rollout under way.", [
    'service',
    'verdict',
  ]);
  readonly #healthy = this.#gauge('bascule_healthy_replicas', 'Healthy replicas as the proxy sees them.', [
    'service',
    'slot',
  ]);
  readonly #ejected = this.#gauge(
    'bascule_ejected_replicas',
    'Healthy replicas that get no requests for a while, for what they answered.',
    ['service', 'slot'],
  );
  readonly #queued = this.#gauge('bascule_proxy_queued_requests', 'Requests that wait for a replica.', [
    'service',
    'slot',
  ]);
  readonly #queueRefused = this.#counter(
    'bascule_proxy_queue_refused_total',
    'Requests that waited for a replica in vain, or found too many waiting.',
    ['service', 'slot'],
  );
  readonly #attempts = this.#counter(
    'bascule_proxy_attempts_total',
    'Attempts on replicas that the proxies counted, by what came of them.',
    ['service', 'slot', 'class'],
  );
  readonly #certificates = this.#gauge(
    'bascule_certificate_expires_timestamp_seconds',
    'When a certificate in use runs out; 0 where there is none yet.',
    ['service', 'file'],
  );
  readonly #messages = this.#counter('bascule_messages_total', 'Messages to people, by what came of them.', [
    'channel',
    'kind',
    'result',
  ]);

  constructor(sources: MetricSources) {
    this.#sources = sources;
  }

  ended(service: string, outcome: string): void {
    this.#ended.inc({ service, outcome });
  }

  decided(service: string, kind: string): void {
    this.#decisions.inc({ service, kind });
  }

  text(services: readonly ServiceState[]): Promise<string> {
    this.#ownProcess();
    for (const one of [this.#share, this.#underWay, this.#phase, this.#waits, this.#verdict]) one.reset();
    for (const one of [this.#healthy, this.#ejected, this.#queued, this.#certificates]) one.reset();
    for (const state of services) this.#service(state);
    this.#sums();
    return this.#registry.metrics();
  }

  #service({ service, rollout, slots }: ServiceState): void {
    this.#share.set({ service }, (rollout?.sharePercent ?? 0) / 100);
    this.#underWay.set({ service }, rollout === null ? 0 : 1);
    this.#waits.set({ service }, rollout !== null && isWaiting(rollout) ? 1 : 0);
    this.#healthy.set({ service, slot: 'blue' }, slots.blue.healthy);
    this.#healthy.set({ service, slot: 'green' }, slots.green.healthy);
    for (const { file, notAfterMs } of this.#sources.certificates(service) ?? [])
      this.#certificates.set({ service, file }, (notAfterMs ?? 0) / 1000);
    for (const slot of SLOT_NAMES) {
      const { ejected, queued } = this.#sources.replicas.of(service, slot);
      this.#ejected.set({ service, slot }, ejected);
      this.#queued.set({ service, slot }, queued);
    }
    if (rollout !== null) this.#underWayNow(service, rollout);
  }

  #underWayNow(service: string, { id, phase }: Rollout): void {
    this.#phase.set({ service, phase }, 1);
    const verdict = this.#sources.verdict(id);
    if (verdict !== null) this.#verdict.set({ service, verdict }, 1);
  }

  /** Counted elsewhere; a counter of the library can only be told by how much it grew. */
  #sums(): void {
    const { version, totals, messages } = this.#sources;
    this.#build.set({ version }, 1);
    this.#attempts.reset();
    totals.each((service, slot, name, count) => {
      this.#attempts.inc({ service, slot, class: snake(name) }, count);
    });
    this.#queueRefused.reset();
    totals.eachQueue((service, slot, count) => this.#queueRefused.inc({ service, slot }, count));
    this.#messages.reset();
    for (const { channel, kind, counts } of messages())
      for (const [result, count] of Object.entries(counts))
        this.#messages.inc({ channel, kind, result }, count);
  }

  /** Processor time, memory, open files, delay of the event loop: measured from the first time that somebody asks. */
  #ownProcess(): void {
    if (this.#isMeasured) return;
    this.#isMeasured = true;
    collectDefaultMetrics({ register: this.#registry, prefix: 'bascule_' });
    for (const name of MISNAMED) this.#registry.removeSingleMetric(name);
  }

  #gauge<T extends string>(name: string, help: string, labelNames: readonly T[]): Gauge<T> {
    return new Gauge({ name, help, labelNames, registers: [this.#registry] });
  }

  #counter<T extends string>(name: string, help: string, labelNames: readonly T[]): Counter<T> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }
}

/** `serverError` -> `server_error`. */
function snake(name: string): string {
  return name.replaceAll(/[A-Z]/gu, (letter) => `_${letter.toLowerCase()}`);
}
