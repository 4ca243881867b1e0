import type { Release } from '../release/release.ts';
import type { ServiceState } from '../rollout/state.ts';
import { releasesToKeep } from '../workload/retention.ts';
import { EvidenceKeeping } from './evidence-keeping.ts';
import { forgetOldDocuments } from './old-documents.ts';
import type { Ports, Settings } from './ports.ts';
import type { RolloutRecord } from './records.ts';

export const SECONDS_KEPT_S = 15 * 60;
export const MINUTES_KEPT_S = 7 * 86_400;
const MOST_SAMPLE_BYTES = 256 * 1024 * 1024;
/** About two thousand rollouts of half an hour. */
export const MOST_EVIDENCE_BYTES = 1024 * 1024 * 1024;
const DAY_MS = 86_400_000;
/** Between two parts of the work. */
const PAUSE_MS = 2;
/** Old documents are looked for once an hour: that reads them all. */
const ROUNDS_BETWEEN_DOCUMENTS = 60;
/** Releases that failed and stay, with their files, to be looked at and tried again. */
const KEEP_TRIED = 2;
/** Promotions of a service that are looked through for what a rollback may name. */
const PROMOTIONS_READ = 100;

/** What was looked up for a service: `state` when that was, and what it depends on. */
type Kept = { readonly state: ServiceState; readonly of: string; readonly releases: readonly Release[] };

/**
 * Takes away what nothing needs: samples past their time, releases that no way back could ask for. Of a thousand services, so
 * in small parts between which others act.
 */
export class Tidying {
  readonly #ports: Ports;
  readonly #settings: Settings;
  readonly #stopping: AbortSignal;
  readonly #kept = new Map<string, Kept>();
  readonly #evidence: EvidenceKeeping;
  #rounds = 0;

  constructor(ports: Ports, settings: Settings, stopping: AbortSignal) {
    this.#ports = ports;
    this.#settings = settings;
    this.#stopping = stopping;
    this.#evidence = new EvidenceKeeping(ports);
  }

  /** Its evidence is kept with the next round. */
  ended(rollout: string): void {
    this.#evidence.ended(rollout);
  }

  /** `services`: as they are when it is asked. */
  async tidy(services: () => readonly ServiceState[]): Promise<void> {
    await this.#compactSamples(services());
    for (const state of services()) if (this.#lookUp(state) === 'read' && !(await this.#pause())) return;
    if (this.#rounds % ROUNDS_BETWEEN_DOCUMENTS === 0)
      await forgetOldDocuments({
        journal: this.#ports.journal,
        samples: this.#ports.samples,
        beforeMs: this.#ports.clock.nowMs() - DAY_MS,
        kept: () => new Set(this.#releases(services()).map(({ id }) => id)),
        pause: () => this.#pause(),
      });
    if (this.#stopping.aborted) return;
    this.#rounds += 1;
    const names = new Set(services().map(({ service }) => service));
    for (const service of this.#kept.keys()) if (!names.has(service)) this.#kept.delete(service);
    await this.#ports.store.prune(this.#releases(services()));
  }

  async #compactSamples(states: readonly ServiceState[]): Promise<void> {
    const nowSecond = Math.floor(this.#ports.clock.steadyMs() / 1000);
    const keep = states.flatMap(({ service, rollout }) => {
      const first = rollout?.spans[0]?.fromSecond;
      return first === undefined ? [] : [{ service, fromSecond: first - SECONDS_KEPT_S }];
    });
    await this.#evidence.keep();
    await this.#ports.samples.compact({
      secondsBefore: nowSecond - SECONDS_KEPT_S,
      minutesBefore: nowSecond - MINUTES_KEPT_S,
      maxBytes: MOST_SAMPLE_BYTES,
      maxEvidenceBytes: MOST_EVIDENCE_BYTES,
      keep,
    });
  }

  /** Those that stay now; what has changed since it was looked up is looked up at once. */
  #releases(states: readonly ServiceState[]): readonly Release[] {
    return states.flatMap((state) => {
      this.#lookUp(state);
      return this.#kept.get(state.service)!.releases;
    });
  }

  /** Only when something has changed: a thousand services have a hundred thousand records. */
  #lookUp(state: ServiceState): 'known' | 'read' {
    const { service, slots, rollout } = state;
    const known = this.#kept.get(service);
    if (known?.state === state) return 'known';
    const newest = this.#ports.journal.documents({ kind: 'rollout', aggregate: service, limit: 1 })[0]?.key;
    const inUse = [slots.blue.releaseId, slots.green.releaseId, rollout?.id, rollout?.next?.rollout];
    const of = JSON.stringify([newest, ...inUse]);
    const releases = known?.of === of ? known.releases : releasesOf(this.#ports, state, this.#settings);
    this.#kept.set(service, { state, of, releases });
    return 'read';
  }

  async #pause(): Promise<boolean> {
    await this.#ports.timers.sleep(PAUSE_MS, this.#stopping);
    return !this.#stopping.aborted;
  }
}

function releasesOf(ports: Ports, state: ServiceState, settings: Settings): readonly Release[] {
  const records = ports.journal
    .documents({ kind: 'rollout', aggregate: state.service, limit: PROMOTIONS_READ })
    .map(({ value }) => value as unknown as RolloutRecord);
  const { rollout } = state;
  const ids = releasesToKeep({
    inSlots: [state.slots.blue.releaseId, state.slots.green.releaseId].filter((id) => id !== null),
    inRollouts: [rollout?.releaseId, rollout?.from?.releaseId, rollout?.next?.releaseId].filter(
      (id) => id !== undefined,
    ),
    inPlans: [],
    promotions: records
      .filter(({ ending }) => ending?.outcome === 'done')
      .map((record) => record.rollout.releaseId),
    keepPromoted: settings.keepReleases,
    tried: records
      .filter(({ ending }) => ending !== null && ending.outcome !== 'done')
      .map((record) => record.rollout.releaseId),
    keepTried: KEEP_TRIED,
  });
  return [...ids].flatMap((id) => {
    const release = ports.journal.document('release', id) as unknown as Release | undefined;
    return release === undefined ? [] : [release];
  });
}
