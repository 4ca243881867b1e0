import type { HealthSpec } from '../../release/service.ts';
import type { Probe, ReplicaObservation } from '../router.ts';
import type { BackendTotal } from './cross-check.ts';
import { type BackendPlace, parseBackend, parseServer, type ServerPlace } from './names.ts';

/** What one worker says of one server in one of our backends. */
export type ServerState = {
  readonly backend: BackendPlace;
  readonly server: ServerPlace;
  /** Requests under way. */
  readonly inFlight: number;
  /** Tries so far. */
  readonly total: number;
  /** `UP`, `UP 1/2`, `DOWN 1/3`, `MAINT`, … */
  readonly status: string;
  readonly check: {
    /** `L7OK`, `L7STS`, `L4CON`, …; empty before the first one. */
    readonly status: string;
    /** Of HTTP, or null. */
    readonly code: number | null;
    readonly tookMs: number;
    /** Good ones in a row while it is down; while it is up, `rise` and more. */
    readonly health: number;
  };
};

/** Reads `show stat`. */
export function parseStats(text: string): ServerState[] {
  const lines = text.split('\n').filter((line) => line.includes(','));
  const names = lines[0]?.replace(/^# /, '').split(',') ?? [];
  const [backendAt, serverAt, currentAt, totalAt, statusAt, checkAt, codeAt, tookAt, healthAt] = [
    'pxname',
    'svname',
    'scur',
    'stot',
    'status',
    'check_status',
    'check_code',
    'check_duration',
    'check_health',
  ].map((name) => names.indexOf(name)) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return lines.slice(1).flatMap((line) => {
    const fields = splitRow(line);
    const backend = parseBackend(fields[backendAt] ?? '');
    const server = parseServer(fields[serverAt] ?? '');
    if (backend === null || server === null) return [];
    const code = fields[codeAt] ?? '';
    const check = {
      // A star before it: under way.
      status: (fields[checkAt] ?? '').replace(/^\* ?/, ''),
      code: code === '' ? null : Number(code),
      tookMs: Number(fields[tookAt] ?? 0),
      health: Number(fields[healthAt] ?? 0),
    };
    return [
      {
        backend,
        server,
        inFlight: Number(fields[currentAt] ?? 0),
        total: Number(fields[totalAt] ?? 0),
        status: fields[statusAt] ?? '',
        check,
      },
    ];
  });
}

export function inFlightOf(states: readonly ServerState[]): number {
  return states.reduce((total, { inFlight }) => total + inFlight, 0);
}

/** Reads the rows of backends in `show stat`, each with its own line of names. */
export function parseTotals(text: string, worker: number): BackendTotal[] {
  const lines = text.split('\n').filter((line) => line.includes(','));
  const names = lines[0]?.replace(/^# /, '').split(',') ?? [];
  const [backendAt, nameAt, currentAt, totalAt] = ['pxname', 'svname', 'scur', 'stot'].map((name) =>
    names.indexOf(name),
  ) as [number, number, number, number];
  return lines.flatMap((line) => {
    const fields = splitRow(line);
    if (fields[nameAt] !== 'BACKEND') return [];
    const [started, inFlight] = [Number(fields[totalAt]), Number(fields[currentAt])];
    return [{ worker, backend: fields[backendAt]!, started, inFlight }];
  });
}

/** A replica as HAProxy's own checks see it. `body`: of its last bad answer, where it was asked for. */
export function observation(
  state: ServerState,
  health: HealthSpec,
  atMs: number,
  body: string,
): ReplicaObservation {
  const { check, server } = state;
  const isHealthy = state.status.startsWith('UP');
  const isOk = check.status === 'L7OK' || check.status === 'L7OKC';
  const lastProbe: Probe | null =
    check.status === '' || check.status === 'INI'
      ? null
      : { atMs, ok: isOk, found: found(check, health), tookMs: check.tookMs, body: isOk ? '' : body };
  const goodInARow = isHealthy ? (isOk ? health.rise : 0) : Math.min(check.health, health.rise);
  return { replica: server.replica, healthy: isHealthy, goodInARow, lastProbe };
}

function found({ status, code }: ServerState['check'], health: HealthSpec): string {
  if (code !== null && code > 0) return String(code);
  switch (status) {
    case 'L4CON':
      return 'connection refused';
    case 'L4TOUT':
    case 'L7TOUT':
    case 'L6TOUT':
      return `no answer within ${health.timeoutMs}ms`;
    case 'L7RSP':
      return 'no HTTP answer';
    case 'SOCKERR':
      return 'no connection';
    default:
      return status;
  }
}

/** Fields with commas are within quotes, in which a quote is doubled. */
function splitRow(line: string): string[] {
  if (!line.includes('"')) return line.split(',');
  const fields: string[] = [];
  for (const [, quoted, plain] of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g))
    fields.push(quoted === undefined ? (plain ?? '') : quoted.replaceAll('""', '"'));
  return fields;
}
