import type { RolloutRecord } from './records.ts';

/**
 * Records beyond the newest `most`. Those stay that go on, and of a release that is kept the last of each outcome: a
 * rollback goes by it. `records`: newest first. `kept`: ids of releases whose files stay.
 */
export function oldRollouts(
  records: readonly RolloutRecord[],
  kept: ReadonlySet<string>,
  most: number,
): ReadonlySet<RolloutRecord> {
  const seen = new Set<string>();
  const old = records.filter(({ rollout, ending }, index) => {
    if (ending === null) return false;
    const outcome = `${rollout.releaseId} ${ending.outcome}`;
    const isLast = !seen.has(outcome);
    seen.add(outcome);
    return index >= most && !(isLast && kept.has(rollout.releaseId));
  });
  return new Set(old);
}

/** Those that are not kept and that no rollout names: until then its label stays taken. */
export function oldReleases(
  releases: readonly string[],
  kept: ReadonlySet<string>,
  staying: readonly RolloutRecord[],
): readonly string[] {
  const named = new Set(staying.map(({ rollout }) => rollout.releaseId));
  return releases.filter((id) => !kept.has(id) && !named.has(id));
}
