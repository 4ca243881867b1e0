/** What counts of a rollout's record when it is asked whether it stays. `outcome`: null while it goes on. */
export type Past = { readonly id: string; readonly releaseId: string; readonly outcome: string | null };

/**
 * Records beyond the newest `most`. Those stay that go on, and of a release that is kept the last of each outcome: a
 * rollback goes by it. `records`: newest first. `kept`: ids of releases whose files stay.
 */
export function oldRollouts(
  records: readonly Past[],
  kept: ReadonlySet<string>,
  most: number,
): ReadonlySet<Past> {
  const seen = new Set<string>();
  const old = records.filter(({ releaseId, outcome }, index) => {
    if (outcome === null) return false;
    const ended = `${releaseId} ${outcome}`;
    const isLast = !seen.has(ended);
    seen.add(ended);
    return index >= most && !(isLast && kept.has(releaseId));
  });
  return new Set(old);
}

/** Those that are not kept and that no rollout names: until then its label stays taken. */
export function oldReleases(
  releases: readonly string[],
  kept: ReadonlySet<string>,
  staying: readonly Past[],
): readonly string[] {
  const named = new Set(staying.map(({ releaseId }) => releaseId));
  return releases.filter((id) => !kept.has(id) && !named.has(id));
}
