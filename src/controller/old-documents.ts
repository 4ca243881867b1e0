import type { Journal } from '../journal/journal.ts';
import type { SampleStore } from '../journal/samples.ts';
import { pagesOf } from './document-pages.ts';
import { oldReleases, oldRollouts, type Past } from './forgetting.ts';
import type { RolloutRecord } from './records.ts';

export const MOST_ROLLOUTS = 5000;
const DOCUMENTS_READ = 10_000;
export const MOST_EVENTS = 500_000;
/** Deleted at once. */
const PART = 200;
const EVENTS_PART = 1000;

export type Forgetting = {
  readonly journal: Journal;
  readonly samples: Pick<SampleStore, 'dropEvidence'>;
  /** Answers and plans from before are old. */
  readonly beforeMs: number;
  /** Ids of the releases whose files stay, as it is when it is asked. */
  readonly kept: () => ReadonlySet<string>;
  /** Lets others act; false when the controller stops. */
  readonly pause: () => Promise<boolean>;
};

/** `releaseId`: of whom it speaks; null for nobody. */
type Old = { readonly kind: string; readonly key: string; readonly releaseId: string | null };

/**
 * Answers and plans for a day, rollouts as many as people look at, releases as long as one of these names them, events until
 * there are too many. A few milliseconds at a time.
 */
export async function forgetOldDocuments(forgetting: Forgetting): Promise<void> {
  const { journal, samples, kept, pause } = forgetting;
  const answers = [...(await oldNotes(forgetting, 'answer')), ...(await oldNotes(forgetting, 'plan'))];
  const past = await pastRollouts(forgetting);
  const names = await releaseNames(forgetting);
  const then = kept();
  const old = [...answers, ...oldOf(past, names, then)];
  for (let at = 0; at < old.length; at += PART) {
    const now = kept();
    // Somebody may have gone back to it since.
    const isNeeded = ({ releaseId }: Old): boolean =>
      releaseId !== null && now.has(releaseId) && !then.has(releaseId);
    const documents = old.slice(at, at + PART).filter((one) => !isNeeded(one));
    journal.prune({ eventsUpToSeq: 0, documents: documents.map(({ kind, key }) => ({ kind, key })) });
    const rollouts = documents.filter(({ kind }) => kind === 'rollout').map(({ key }) => key);
    if (rollouts.length > 0) await samples.dropEvidence(rollouts);
    if (!(await pause())) return;
  }
  await forgetOldEvents(forgetting);
}

function oldOf(past: readonly Past[], names: readonly string[], kept: ReadonlySet<string>): readonly Old[] {
  const rollouts = oldRollouts(past, kept, MOST_ROLLOUTS);
  // What is older than all that was read may be named by what was not read.
  const isAll = past.length < DOCUMENTS_READ;
  const staying = past.filter((one) => !rollouts.has(one));
  const releases = isAll ? oldReleases(names, kept, staying) : [];
  return [
    ...[...rollouts].map(({ id, releaseId }) => ({ kind: 'rollout', key: id, releaseId })),
    ...releases.map((key) => ({ kind: 'release', key, releaseId: key })),
  ];
}

async function oldNotes({ journal, beforeMs, pause }: Forgetting, kind: string): Promise<readonly Old[]> {
  const old: Old[] = [];
  for (const page of pagesOf(journal, kind, DOCUMENTS_READ)) {
    for (const { key, value } of page)
      if ((value as { readonly atMs: number }).atMs < beforeMs) old.push({ kind, key, releaseId: null });
    if (!(await pause())) return [];
  }
  return old;
}

/** Newest first. */
async function pastRollouts({ journal, pause }: Forgetting): Promise<readonly Past[]> {
  const past: Past[] = [];
  for (const page of pagesOf(journal, 'rollout', DOCUMENTS_READ)) {
    for (const { key, value } of page) {
      const { rollout, ending } = value as unknown as RolloutRecord;
      past.push({ id: key, releaseId: rollout.releaseId, outcome: ending?.outcome ?? null });
    }
    if (!(await pause())) return [];
  }
  return past;
}

async function releaseNames({ journal, pause }: Forgetting): Promise<readonly string[]> {
  const names: string[] = [];
  for (const page of pagesOf(journal, 'release', DOCUMENTS_READ)) {
    names.push(...page.map(({ key }) => key));
    if (!(await pause())) return [];
  }
  return names;
}

/** Only in large steps: a checkpoint walks the chain that it replaces. Each of many small ones walks its own part. */
async function forgetOldEvents({ journal, pause }: Forgetting): Promise<void> {
  const excess = journal.head().seq - MOST_EVENTS;
  const oldest = journal.events({ aggregate: null, rollout: null, afterSeq: 0, limit: 1 })[0]?.seq ?? 0;
  if (excess - oldest <= MOST_EVENTS / 10) return;
  for (let upTo = oldest; upTo < excess;) {
    upTo = Math.min(upTo + EVENTS_PART, excess);
    journal.prune({ eventsUpToSeq: upTo, documents: [] });
    if (!(await pause())) return;
  }
}
