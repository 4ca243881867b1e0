import { journalConformance, type JournalSite, type Tampering } from '../conformance.ts';
import { createMemoryDisk, openMemoryJournal, type MemoryDisk } from './journal.ts';

journalConformance('the journal in memory', () => memorySite(createMemoryDisk()));

function memorySite(disk: MemoryDisk): JournalSite {
  return {
    open: () => openMemoryJournal(disk),
    tamper: (how) => tamper(disk, how),
    fill: () => {
      disk.isFull = true;
    },
    remove: () => {},
  };
}

function tamper(disk: MemoryDisk, how: Tampering): void {
  const at = disk.events.findIndex((row) => row.seq === how.seq);
  const row = disk.events[at]!;
  switch (how.kind) {
    case 'edit':
      disk.events[at] = { ...row, eventText: '{"n":99}' };
      break;
    case 'delete':
      disk.events.splice(at, 1);
      break;
    case 'swap': {
      const other = disk.events.findIndex(({ seq }) => seq === how.with);
      const { seq } = disk.events[other]!;
      disk.events[at] = { ...disk.events[other]!, seq: row.seq };
      disk.events[other] = { ...row, seq };
      break;
    }
    case 'cut':
      disk.events.length = at + 1;
      break;
  }
}
