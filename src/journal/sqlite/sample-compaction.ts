import type { SampleStore } from '../samples.ts';
import { MINUTE, minuteOf } from '../rollup.ts';
import { readPragma } from './migrate.ts';
import { sumUp, type SampleDatabase } from './sample-database.ts';
import { evidenceBytes, fitEvidence } from './sample-evidence.ts';
import type { ServiceRow } from './sample-statements.ts';

export type CompactLimits = Parameters<SampleStore['compact']>[0];

/** Bounds one step, so that samples of the present are stored in between. */
const MINUTES_PER_STEP = 30;
const VACUUM_PAGES_PER_STEP = 1000;
/** Free space that is not worth giving back to the file system. */
const SLACK_BYTES = 1_048_576;

/** Does a bounded part of the work. Returns whether there is more. */
export function compactStep(samples: SampleDatabase, limits: CompactLimits): boolean {
  const services = samples.sql.services.all();
  return samples.transaction('Compacting samples', () => {
    for (const service of services) dropOld(samples, service, limits);
    if (services.some((service) => sumUpMinutes(samples, service, limits))) return true;
    if (dropToFit(samples, services, limits)) return true;
    if (fitEvidence(samples, limits.maxEvidenceBytes)) return true;
    return false;
  });
}

/** Gives free pages back to the file system when they are many; outside of `compactStep`'s transaction. */
export function vacuumStep(samples: SampleDatabase, maxBytes: number): boolean {
  const { free, total } = bytesOf(samples);
  if (free === 0 || (total - evidenceBytes(samples) <= maxBytes && free <= SLACK_BYTES + (total - free) / 4))
    return false;
  samples.database.exec(`PRAGMA incremental_vacuum(${VACUUM_PAGES_PER_STEP})`);
  samples.database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  return true;
}

function dropOld(samples: SampleDatabase, service: ServiceRow, limits: CompactLimits): void {
  const before = Math.min(limits.minutesBefore, keepFrom(service, limits));
  dropBefore(samples, service, before);
  const { minutes, seconds, removeService } = samples.sql;
  const isEmpty =
    minutes.oldest.get(service.id)!.second === null && seconds.oldest.get(service.id)!.second === null;
  if (isEmpty && service.upToSecond < before) removeService.run(service.id);
}

/** A minute goes when all of it is old. */
function dropBefore(samples: SampleDatabase, service: ServiceRow, second: number): void {
  samples.sql.minutes.removeBefore.run(service.id, second - MINUTE + 1);
  samples.sql.seconds.removeBefore.run(service.id, second);
}

function sumUpMinutes(samples: SampleDatabase, service: ServiceRow, limits: CompactLimits): boolean {
  const { seconds, minutes, setMinutesUntil } = samples.sql;
  const boundary = minuteOf(Math.min(limits.secondsBefore, keepFrom(service, limits)));
  const oldest = seconds.oldest.get(service.id)!.second;
  if (oldest === null || oldest >= boundary) return false;
  const end = Math.min(boundary, minuteOf(oldest) + MINUTES_PER_STEP * MINUTE);
  for (let minute = minuteOf(oldest); minute < end; minute += MINUTE) {
    const rows = seconds.between.all(service.id, minute, minute + MINUTE);
    if (rows.length > 0) minutes.put.run(service.id, minute, sumUp(minute, rows));
  }
  seconds.removeBefore.run(service.id, end);
  const next = seconds.oldest.get(service.id)!.second ?? boundary;
  setMinutesUntil.run(next < boundary ? end : boundary, service.id);
  return true;
}

/** The oldest 32nd of the time that may go, at least a second, goes when there is too much. */
function dropToFit(samples: SampleDatabase, services: readonly ServiceRow[], limits: CompactLimits): boolean {
  const { free, total } = bytesOf(samples);
  if (total - free - evidenceBytes(samples) <= limits.maxBytes) return false;
  const { seconds, minutes } = samples.sql;
  let oldest = Infinity;
  let newest = -Infinity;
  for (const service of services) {
    const keep = Math.min(keepFrom(service, limits), Number.MAX_SAFE_INTEGER);
    for (const table of [seconds, minutes]) {
      const last = table.newest.get(service.id, keep)!.second;
      if (last === null) continue;
      newest = Math.max(newest, last);
      oldest = Math.min(oldest, table.oldest.get(service.id)!.second!);
    }
  }
  if (oldest > newest) return false;
  const cutoff = oldest + Math.ceil((newest + 1 - oldest) / 32);
  for (const service of services) {
    const before = Math.min(cutoff, keepFrom(service, limits));
    minutes.removeBefore.run(service.id, before);
    seconds.removeBefore.run(service.id, before);
  }
  return true;
}

function keepFrom(service: ServiceRow, limits: CompactLimits): number {
  const ranges = limits.keep.filter((range) => range.service === service.name);
  return Math.min(Infinity, ...ranges.map((range) => range.fromSecond));
}

function bytesOf(samples: SampleDatabase): { free: number; total: number } {
  const page = readPragma(samples.database, 'page_size');
  return {
    free: readPragma(samples.database, 'freelist_count') * page,
    total: readPragma(samples.database, 'page_count') * page,
  };
}
