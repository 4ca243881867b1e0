import { appendFileSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { IdentityBook, IdentityCounts } from '../identity-book.ts';
import { type IdentityNews, ONE_OFF } from '../identity-filter.ts';

/** About two million entries; past it, people whom only this file knows count as new after a restart. */
const MOST_BYTES = 64 * 1024 * 1024;
const ENTRY = /^(\d{1,12}) (\d{1,16}) ([01]) (\d{1,3}) (-?\d{1,4})$/;

/**
 * Who did what in one rollout, on disk beside the log: so that a reader which begins anew counts nobody twice. What was
 * noted of seconds that were not delivered is passed over, as their lines are read again.
 */
export class PeopleFile {
  private readonly path: string;
  private bytes = 0;

  constructor(path: string) {
    this.path = path;
  }

  /** The second since which the people of this rollout are noted, or null where none are. */
  since(rollout: string): number | null {
    const found = /^(\S+) (\d{1,12})\n/.exec(this.text());
    return found !== null && found[1] === rollout ? Number(found[2]) : null;
  }

  begin(rollout: string, second: number): void {
    const head = `${rollout} ${second}\n`;
    writeFileSync(this.path, head, { mode: 0o600 });
    this.bytes = head.length;
  }

  /** The book as it was when `upToSecond` was delivered. */
  restore(rollout: string, upToSecond: number): IdentityBook {
    const book = new IdentityBook(rollout);
    if (this.since(rollout) === null) return book;
    this.bytes = statSync(this.path).size;
    const seen = new IdentityCounts();
    for (const line of this.text().split('\n')) {
      const found = ENTRY.exec(line);
      if (found === null || Number(found[1]) > upToSecond) continue;
      const [identity, slot, did, bucket] = found.slice(2).map(Number) as [number, number, number, number];
      book.take([[identity, slot, did, bucket]], seen);
    }
    return book;
  }

  note(second: number, news: readonly IdentityNews[]): void {
    if (this.bytes > MOST_BYTES) return;
    const text = news
      .filter(([identity]) => identity !== ONE_OFF)
      .map(([identity, slot, did, bucket]) => `${second} ${identity} ${slot} ${did} ${bucket}\n`)
      .join('');
    if (text === '') return;
    appendFileSync(this.path, text);
    this.bytes += text.length;
  }

  remove(): void {
    rmSync(this.path, { force: true });
    this.bytes = 0;
  }

  private text(): string {
    try {
      return readFileSync(this.path, 'latin1');
    } catch {
      return '';
    }
  }
}
