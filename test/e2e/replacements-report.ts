import type { LoadReport } from './load/tally.ts';
import { machine } from './switches-report.ts';
import type { Shown } from './switcher.ts';

/** What was asked for. */
export type Asked = {
  readonly switches: number;
  readonly replacements: number;
  readonly kills: number;
  readonly perSecond: number;
  readonly workers: number;
};

/** What the load saw while something was done. */
export type Part = {
  readonly sent: number;
  readonly failed: number;
  readonly http2Requests: number;
  readonly forMs: number;
};

/** `formers`: proxies that had something in flight after it. */
export type Replacement = { readonly tookMs: number; readonly formers: number };

/** Connections that the process had, and failures on these and on others. */
export type Kill = { readonly held: number; readonly failed: number; readonly elsewhere: number };

export type Seen = {
  readonly report: LoadReport;
  readonly switches: Part;
  readonly replacements: Part;
  readonly kills: Part;
  readonly replaced: readonly Replacement[];
  readonly killed: readonly Kill[];
  readonly switched: Shown;
};

/** What is not as it must be, in sentences. */
export function faults(seen: Seen, asked: Asked, drainToTransfer: number): string[] {
  const { report, switches, replacements, kills, replaced, killed, switched } = seen;
  const { uploads, downloads, streams, webSockets, http2 } = report;
  const elsewhere = sum(killed.map((kill) => kill.elsewhere));
  const checks: readonly (readonly [holds: boolean, otherwise: string])[] = [
    [switches.failed === 0, `${switches.failed} requests failed by switches`],
    [replacements.failed === 0, `${replacements.failed} requests failed by replacements`],
    [elsewhere === 0, `${elsewhere} requests failed that were not in the process that was killed`],
    [
      report.failed === switches.failed + replacements.failed + kills.failed &&
        sum(killed.map(({ failed }) => failed)) === kills.failed,
      'requests failed before, between or after',
    ],
    [switched.switched === asked.switches + asked.replacements, `only ${switched.switched} switches`],
    [replaced.length === asked.replacements, `only ${replaced.length} replacements`],
    [
      asked.replacements === 0 || replaced.some(({ formers }) => formers > 0),
      'no former proxy had anything in flight',
    ],
    [
      killed.length === asked.kills && killed.every(({ held }) => held > 0),
      'a worker had no connection when it was killed',
    ],
    [uploads.spanned > 0 && downloads.spanned > 0, 'no transfer spanned a switch'],
    [streams.spanned > 0 && streams.endedProperly > 0, 'no event stream was ended after its grace'],
    [webSockets.spanned > 0, 'no WebSocket spanned a switch'],
    [http2.spanned > 0 && http2.goneAway > 0, 'no connection of HTTP/2 was told to go'],
    [
      http2.requests > 0 && http2.uploads > 0 && http2.downloads > 0 && http2.streams > 0,
      'something was not asked over HTTP/2',
    ],
    [report.unsent === 0, `${report.unsent} requests were due but could not be sent`],
    [drainToTransfer >= 2, 'the drain does not exceed the longest transfer'],
  ];
  return checks.filter(([holds]) => !holds).map(([, otherwise]) => otherwise);
}

export function print(seen: Seen, wrong: readonly string[]): void {
  const { report, switches, replacements, kills, replaced, killed, switched } = seen;
  const { uploads, downloads, streams, webSockets, http2, latencyMs } = report;
  const took = replaced.map(({ tookMs }) => tookMs);
  const rows: readonly (readonly [string, string])[] = [
    ['switches', `${switched.switched - replaced.length}: ${told(switches)}`],
    ['replacements', `${replaced.length}, each with a switch: ${told(replacements)}`],
    ['  of the proxy', `p50 ${at(took, 0.5)} ms, max ${at(took, 1)} ms from the call to the answer`],
    [
      '  formers',
      `up to ${Math.max(0, ...replaced.map(({ formers }) => formers))} that still had connections`,
    ],
    ['kills -9', `${killed.length} workers: ${told(kills)}`],
    ['  connections', `${sum(killed.map(({ held }) => held))} were theirs`],
    ['  elsewhere', `${sum(killed.map(({ elsewhere }) => elsewhere))} failed that were not theirs`],
    [
      'HTTP/1.1',
      `${report.sent} requests, p50 ${latencyMs.p50.toFixed(1)} ms, p99 ${latencyMs.p99.toFixed(1)} ms`,
    ],
    ['  uploads', `${uploads.done} done, ${uploads.spanned} of them spanned a switch`],
    ['  downloads', `${downloads.done} done, ${downloads.spanned} of them spanned a switch`],
    ['  event streams', `${streams.opened} opened, ${streams.endedProperly} ended after their grace`],
    [
      '  WebSockets',
      `${webSockets.opened} opened, ${webSockets.messages} messages, ${webSockets.spanned} spanned a switch`,
    ],
    [
      'HTTP/2',
      `${http2.requests} requests, ${http2.connections} connections, ${http2.goneAway} of them told to go; ${http2.unsent} requests that the client took back unsent`,
    ],
    [
      '  transfers',
      `${http2.uploads} uploads, ${http2.downloads} downloads, ${http2.streams} event streams ended in order`,
    ],
    ['machine', machine()],
  ];
  for (const [name, value] of rows) console.log(`${name.padEnd(16)} ${value}`);
  const { examples } = report;
  for (const { kind, what, detail, atMs } of examples)
    console.log(`  ${atMs} ms ${what}: ${kind}, ${detail}`);
  console.log(wrong.length === 0 ? 'PASS' : `FAIL: ${wrong.join('; ')}`);
}

function told({ sent, http2Requests, failed, forMs }: Part): string {
  return `${failed} failed of ${sent} and ${http2Requests} (HTTP/2) requests in ${(forMs / 1000).toFixed(0)} s`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Nearest rank. */
function at(values: readonly number[], quantile: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * quantile) - 1)] ?? 0;
}
