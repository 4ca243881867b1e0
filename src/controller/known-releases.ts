import type { Release } from '../release/release.ts';
import { SLOT_NAMES } from '../release/slot.ts';
import type { ServiceState } from '../rollout/state.ts';
import type { Ports } from './ports.ts';
import type { RolloutRecord } from './records.ts';
import type { ReleaseView } from './views.ts';

type Kept = Pick<Ports, 'journal' | 'store'>;

/** As many as anybody chooses from. */
const MOST_SHOWN = 100;
const RECORDS_READ = 1000;

/** The versions of a service that were made here, newest first. */
export async function knownReleases(ports: Kept, state: ServiceState): Promise<readonly ReleaseView[]> {
  const asked = { aggregate: state.service, limit: MOST_SHOWN };
  const releases = ports.journal
    .documents({ kind: 'release', ...asked })
    .map(({ value }) => value as unknown as Release);
  const lasts = lastRollouts(ports, state.service);
  return Promise.all(
    releases.map(async (release) => ({
      label: release.label,
      createdAtMs: release.createdAtMs,
      createdBy: release.createdBy,
      artifactDigest: release.artifactDigest,
      role: roleOf(state, release.id),
      last: lasts.get(release.id) ?? null,
      isKept: await isKept(ports, release),
    })),
  );
}

/** Whether there is what it is made of: its files, or nothing where somebody else runs it. */
export async function isKept({ store }: Pick<Ports, 'store'>, release: Release): Promise<boolean> {
  return release.artifactDigest === null || (await store.has(release.artifactDigest));
}

function lastRollouts({ journal }: Kept, service: string): ReadonlyMap<string, ReleaseView['last']> {
  const lasts = new Map<string, ReleaseView['last']>();
  const records = journal.documents({ kind: 'rollout', aggregate: service, limit: RECORDS_READ });
  for (const { value } of records) {
    const { rollout, ending, startedAtMs } = value as unknown as RolloutRecord;
    const { id, releaseId } = rollout;
    if (!lasts.has(releaseId))
      lasts.set(releaseId, { rollout: id, startedAtMs, outcome: ending?.outcome ?? null });
  }
  return lasts;
}

function roleOf({ slots }: ServiceState, releaseId: string): ReleaseView['role'] {
  const slot = SLOT_NAMES.find((name) => slots[name].releaseId === releaseId);
  return slot === undefined ? null : slots[slot].role;
}
