import type { Journal } from '../journal/journal.ts';

/** Read in a few milliseconds; ten thousand at once would hold up everything else for a quarter of a second. */
const PAGE = 100;

/** The newest `most` documents of a kind, newest first, a page at a time. */
export function* pagesOf(
  journal: Pick<Journal, 'documents'>,
  kind: string,
  most: number,
): Generator<ReturnType<Journal['documents']>> {
  let last: string | null = null;
  for (let left = most; left > 0;) {
    const from: { readonly olderThan?: string } = last === null ? {} : { olderThan: last };
    const page = journal.documents({ kind, aggregate: null, limit: Math.min(PAGE, left), ...from });
    if (page.length === 0) return;
    yield page;
    last = page.at(-1)!.key;
    left -= page.length;
  }
}
