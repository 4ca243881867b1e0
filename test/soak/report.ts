import type { LoadReport } from '../e2e/load/tally.ts';
import type { ClientReport } from './client-process.ts';
import type { Deeds } from './director.ts';
import type { Sample, Watched } from './watch.ts';

/** Of what was sampled, the beginning is warming up. */
export const WARM_UP = 0.3;
/** Over the rest of the time, garbage apart. */
const MOST_GROWTH_MIB = 16;
/** Beyond those before the load: of a probe or a log that is just being looked at. */
const MOST_DESCRIPTORS = 3;

export type Told = {
  readonly seconds: number;
  readonly load: LoadReport;
  readonly clients: Readonly<Record<string, ClientReport>>;
  readonly deeds: Readonly<Record<string, Deeds>>;
  readonly sides: number;
  /** Under load. */
  readonly watched: readonly Watched[];
  /** By process, right after its garbage was collected: warm, and when the load was over. */
  readonly collectedMib: {
    readonly warm: Readonly<Record<string, number>>;
    readonly end: Readonly<Record<string, number>>;
  };
  /** By process, once the load is gone and what was idle is closed. The first sample is from before it. */
  readonly after: Readonly<Record<string, Sample>>;
  /** Event-loop delay of the server, p99 in milliseconds, seen from time to time. */
  readonly delaysMs: readonly number[];
};

/** What is not as it must be, in sentences. */
export function faultsOf({ load, clients, deeds, watched, collectedMib, after }: Told): string[] {
  const wrong: string[] = [];
  if (load.failed > 0) wrong.push(`${load.failed} failed over HTTP/1.1: ${JSON.stringify(load.examples)}`);
  const errors = Object.values(load.versions).reduce((sum, { serverErrors }) => sum + serverErrors, 0);
  if (errors > 0) wrong.push(`the application itself answered ${errors} times 5xx`);
  for (const [name, { faults }] of Object.entries(clients))
    if (faults.count > 0) wrong.push(`${faults.count} faults of ${name}: ${faults.examples.join('; ')}`);
  for (const [name, { rollouts, shares, restarts, applies }] of Object.entries(deeds))
    if (Math.min(rollouts, shares, restarts, applies) === 0) wrong.push(`of ${name} not everything was done`);
  for (const { name, samples } of watched) {
    const growth = collectedMib.end[name]! - collectedMib.warm[name]!;
    const more = after[name]!.descriptors - samples[0]!.descriptors;
    if (growth > MOST_GROWTH_MIB) wrong.push(`${name} grew by ${growth.toFixed(1)} MiB`);
    if (more > MOST_DESCRIPTORS) wrong.push(`${name} has ${more} more descriptors than before the load`);
  }
  return wrong;
}

export function print(told: Told): void {
  printTraffic(told);
  for (const [name, deeds] of Object.entries(told.deeds)) {
    const { rollouts, abortions, judged, shares, restarts, applies } = deeds;
    console.log(
      `${name}: ${rollouts} rollouts, ${abortions} that were aborted and ${judged} that the judge took back, ` +
        `${shares} changes of a share, ${restarts} restarts of a replica, ${applies} changes of the file`,
    );
  }
  console.log(`${told.sides} services that came and went`);
  printProcesses(told);
  const longest = Math.max(...told.delaysMs);
  console.log(
    `event-loop delay of the server, p99: ${longest.toFixed(1)} ms at most, of ${told.delaysMs.length} looks`,
  );
}

function printTraffic({ seconds, load, clients }: Told): void {
  const others = Object.values(clients).flatMap(({ done }) => Object.values(done));
  const all =
    load.sent + load.uploads.done + load.downloads.done + others.reduce((sum, count) => sum + count, 0);
  console.log(
    `${all} requests in ${seconds.toFixed(0)} s, as many as in an hour at ${(all / 3600).toFixed(0)} a second`,
  );
  const { p50, p99, max } = load.latencyMs;
  console.log(
    `HTTP/1.1: ${load.answered} of ${load.sent} answered (${load.unsent} not sent), ${load.failed} failed; ` +
      `p50 ${p50.toFixed(1)}, p99 ${p99.toFixed(1)}, longest ${max.toFixed(0)} ms`,
  );
  console.log(
    `${load.uploads.done} uploads, ${load.downloads.done} downloads, ${load.streams.opened} event streams with ` +
      `${load.streams.events} events, ${load.webSockets.opened} WebSockets with ${load.webSockets.messages} messages`,
  );
  for (const [name, { done, faults }] of Object.entries(clients)) {
    const list = Object.entries(done).map(([what, count]) => `${count} × ${what}`);
    console.log(`${name}: ${list.join(', ')}; ${faults.count} faults`);
  }
}

function printProcesses({ watched, collectedMib: { warm, end }, after }: Told): void {
  console.log(
    '\n| process | memory after warming up, MiB | … without garbage, warm and at the end | descriptors before, most, after |',
  );
  console.log('|---|--:|--:|--:|');
  for (const { name, samples } of watched) {
    const used = samples.slice(Math.floor(samples.length * WARM_UP)).map(({ rssMib }) => rssMib);
    const most = Math.max(...samples.map(({ descriptors }) => descriptors));
    const range = `${Math.min(...used).toFixed(0)} to ${Math.max(...used).toFixed(0)}`;
    const open = `${samples[0]!.descriptors}, ${most}, ${after[name]!.descriptors}`;
    const bare = `${warm[name]!.toFixed(1)}, ${end[name]!.toFixed(1)}`;
    console.log(`| ${name} | ${range} | ${bare} | ${open} |`);
  }
  console.log('');
}
