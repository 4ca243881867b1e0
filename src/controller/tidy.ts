import type { Release } from '../release/release.ts';
import type { ServiceState } from '../rollout/state.ts';
import { releasesToKeep } from '../workload/retention.ts';
import { EvidenceKeeping } from './evidence-keeping.ts';
import { oldReleases, oldRollouts } from './forgetting.ts';
import type { Ports, Settings } from './ports.ts';
import type { RolloutRecord } from './records.ts';

const SECONDS_KEPT_S = 15 * 60;
const MINUTES_KEPT_S = 7 * 86_400;
const MOST_SAMPLE_BYTES = 256 * 1024 * 1024;
/** About two thousand rollouts of half an hour. */
const MOST_EVIDENCE_BYTES = 1024 * 1024 * 1024;
const DAY_MS = 86_400_000;
/** Old documents are looked for once an hour: that reads them all. */
const ROUNDS_BETWEEN_DOCUMENTS = 60;
/** Releases that failed and stay, with their files, to be looked at and tried again. */
const KEEP_TRIED = 2;
const MOST_ROLLOUTS = 5000;
const DOCUMENTS_READ = 10_000;
const MOST_EVENTS = 500_000;
/** Promotions of a service that are looked through for what a rollback may name. */
const PROMOTIONS_READ = 100;

/** Takes away what nothing needs: samples past their time, releases that no way back could ask for. */
export class Tidying {
  readonly #ports: Ports;
  readonly #settings: Settings;
  readonly #kept = new Map<string, { readonly of: string; readonly releases: readonly Release[] }>();
  readonly #evidence: EvidenceKeeping;
  #rounds = 0;

  constructor(ports: Ports, settings: Settings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#evidence = new EvidenceKeeping(ports);
  }

  /** Its evidence is kept with the next round. */
  ended(rollout: string): void {
    this.#evidence.ended(rollout);
  }

  async tidy(states: readonly ServiceState[]): Promise<void> {
    const nowSecond = Math.floor(this.#ports.clock.steadyMs() / 1000);
    const keep = states.flatMap(({ service, rollout }) => {
      const first = rollout?.spans[0]?.fromSecond;
      return first === undefined ? [] : [{ service, fromSecond: first - SECONDS_KEPT_S }];
    });
    const limits = {
      secondsBefore: nowSecond - SECONDS_KEPT_S,
      minutesBefore: nowSecond - MINUTES_KEPT_S,
      maxBytes: MOST_SAMPLE_BYTES,
      maxEvidenceBytes: MOST_EVIDENCE_BYTES,
    };
    await this.#evidence.keep();
    await this.#ports.samples.compact({ ...limits, keep });
    const releases = states.flatMap((state) => this.#releasesOf(state));
    if (this.#rounds % ROUNDS_BETWEEN_DOCUMENTS === 0)
      await forgetOldDocuments(this.#ports, new Set(releases.map(({ id }) => id)));
    this.#rounds += 1;
    await this.#ports.store.prune(releases);
  }

  /** Looked up anew only when something has changed: a thousand services have a hundred thousand records. */
  #releasesOf(state: ServiceState): readonly Release[] {
    const { service, slots, rollout } = state;
    const newest = this.#ports.journal.documents({ kind: 'rollout', aggregate: service, limit: 1 })[0]?.key;
    const inUse = [slots.blue.releaseId, slots.green.releaseId, rollout?.id, rollout?.next?.rollout];
    const of = JSON.stringify([newest, ...inUse]);
    const known = this.#kept.get(service);
    if (known?.of === of) return known.releases;
    const releases = releasesOf(this.#ports, state, this.#settings);
    this.#kept.set(service, { of, releases });
    return releases;
  }
}

/**
 * Answers and plans for a day, rollouts as many as people look at, releases as long as one of these names them, events until
 * there are too many. `kept`: releases whose files stay.
 */
async function forgetOldDocuments(ports: Ports, kept: ReadonlySet<string>): Promise<void> {
  const read = (kind: string) => ports.journal.documents({ kind, aggregate: null, limit: DOCUMENTS_READ });
  const yesterdayMs = ports.clock.nowMs() - DAY_MS;
  const old = ['answer', 'plan'].flatMap((kind) =>
    read(kind)
      .filter(({ value }) => (value as { readonly atMs: number }).atMs < yesterdayMs)
      .map(({ key }) => ({ kind, key })),
  );
  const records = read('rollout').map(({ value }) => value as unknown as RolloutRecord);
  const rollouts = oldRollouts(records, kept, MOST_ROLLOUTS);
  // What is older than all that was read may be named by what was not read.
  const isAll = records.length < DOCUMENTS_READ;
  const staying = records.filter((record) => !rollouts.has(record));
  const releases = isAll
    ? oldReleases(
        read('release').map(({ key }) => key),
        kept,
        staying,
      )
    : [];
  const documents = [
    ...old,
    ...[...rollouts].map(({ rollout }) => ({ kind: 'rollout', key: rollout.id })),
    ...releases.map((key) => ({ kind: 'release', key })),
  ];
  const excess = ports.journal.head().seq - MOST_EVENTS;
  const oldest = ports.journal.events({ aggregate: null, rollout: null, afterSeq: 0, limit: 1 })[0]?.seq ?? 0;
  // In large steps: a checkpoint walks the chain that it replaces.
  const eventsUpToSeq = excess - oldest > MOST_EVENTS / 10 ? excess : 0;
  if (documents.length > 0 || eventsUpToSeq > 0) ports.journal.prune({ eventsUpToSeq, documents });
  if (rollouts.size > 0) await ports.samples.dropEvidence([...rollouts].map(({ rollout }) => rollout.id));
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
