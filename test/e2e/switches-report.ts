import { availableParallelism, loadavg } from 'node:os';
import type { LoadReport } from './load/tally.ts';
import { SERVED_BEFORE_NEXT } from './switcher.ts';
import type { Shown } from './switcher.ts';

const LATENCY_LIMIT_MS = 50;

/** What was asked for. */
export type Show = {
  /** The kind of proxy. */
  readonly proxy: string;
  /** Switches by a reload, for comparison. */
  readonly control: number;
  readonly switches: number;
  /** Further switches, whose effect is timed. */
  readonly latency: number;
  readonly perSecond: number;
  readonly replicas: number;
  /** Whether streams had the time to be ended after their grace. */
  readonly rests: boolean;
  /** The drain divided by the length of a transfer. */
  readonly drainToTransfer: number;
};

/** What is not as it must be, in sentences. */
export function faults(report: LoadReport, show: Show, { switched, lastStartMs }: Shown): string[] {
  const versions = Object.entries(report.versions);
  const perSecond = (report.sent * 1000) / report.sendingMs;
  const checks: readonly (readonly [holds: boolean, otherwise: string])[] = [
    [report.failed === 0, `${report.failed} requests failed`],
    [
      report.answered === report.sent,
      `${report.sent - report.answered} of ${report.sent} requests not answered`,
    ],
    [report.unsent === 0, `${report.unsent} requests were due but could not be sent`],
    [versions.every(([, { ok }]) => ok > 0) && versions.length === 2, 'not both slots served'],
    [
      versions.every(([, counts]) => counts.serverErrors + counts.clientErrors === 0),
      'the application answered errors',
    ],
    [switched === show.switches + show.latency, `only ${switched} switches`],
    [perSecond >= Math.min(1000, show.perSecond * 0.95), `only ${perSecond.toFixed(0)} requests a second`],
    [report.uploads.spanned > 0 && report.downloads.spanned > 0, 'no transfer spanned a switch'],
    [report.streams.spanned > 0, 'no event stream spanned a switch'],
    [report.webSockets.spanned > 0, 'no WebSocket spanned a switch'],
    [!show.rests || report.streams.endedProperly > 0, 'no event stream was ended after its grace'],
    [show.drainToTransfer >= 2, 'the drain does not exceed the longest transfer'],
    [
      show.latency === 0 || quantile(lastStartMs, 0.99) <= LATENCY_LIMIT_MS,
      `p99 is above ${LATENCY_LIMIT_MS} ms`,
    ],
  ];
  return checks.filter(([holds]) => !holds).map(([, otherwise]) => otherwise);
}

export function print(
  report: LoadReport,
  { switched, applyMs, lastStartMs }: Shown,
  wrong: readonly string[],
): void {
  const { uploads, downloads, streams, webSockets, latencyMs } = report;
  const rows: (readonly [string, string])[] = [
    ['switches', `${switched}, each after ${SERVED_BEFORE_NEXT} requests on the slot chosen before`],
    ['  apply()', spread(applyMs)],
    ['requests', `${report.sent} in ${(report.sendingMs / 1000).toFixed(1)} s, ${rate(report)} a second`],
    ...Object.entries(report.versions).map(([version, { ok }]) => [`  by ${version}`, `${ok} ok`] as const),
    ['  latency', `p50 ${ms(latencyMs.p50)}, p99 ${ms(latencyMs.p99)}, max ${ms(latencyMs.max)}`],
    ['uploads', `${uploads.done} done, ${uploads.spanned} of them spanned a switch`],
    ['downloads', `${downloads.done} done, ${downloads.spanned} of them spanned a switch`],
    [
      'event streams',
      `${streams.opened} opened, ${streams.events} events, ${streams.spanned} spanned a switch`,
    ],
    ['  ended properly', `${streams.endedProperly}, after their grace`],
    [
      'WebSockets',
      `${webSockets.done} of ${webSockets.opened} closed by the client, ${webSockets.messages} messages, ${webSockets.spanned} spanned a switch`,
    ],
    ['failed', String(report.failed)],
    ...Object.entries(report.failures).map(([kind, count]) => [`  ${kind}`, String(count)] as const),
  ];
  if (lastStartMs.length > 0) {
    rows.push([
      `last start on the abandoned slot`,
      `${spread(lastStartMs)}, of ${lastStartMs.length} switches`,
    ]);
  }
  // Other work on the machine delays what is timed here.
  rows.push(['machine', `${availableParallelism()} cores, load average ${loadavg()[0]!.toFixed(1)}`]);
  for (const [name, value] of rows) console.log(`${name.padEnd(20)} ${value}`);
  for (const { kind, what, detail, atMs } of report.examples)
    console.log(`  ${atMs} ms ${what}: ${kind}, ${detail}`);
  console.log(wrong.length === 0 ? 'PASS' : `FAIL: ${wrong.join('; ')}`);
}

function spread(values: readonly number[]): string {
  const [p50, p99, max] = [0.5, 0.99, 1].map((q) => ms(quantile(values, q)));
  return `p50 ${p50}, p99 ${p99}, max ${max}`;
}

/** Nearest rank. */
function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)] ?? 0;
}

function rate({ sent, sendingMs }: LoadReport): string {
  return ((sent * 1000) / sendingMs).toFixed(0);
}

function ms(value: number): string {
  return `${value.toFixed(1)} ms`;
}
