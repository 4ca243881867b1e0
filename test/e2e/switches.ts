/**
 * `npm run e2e:switches`: switches a proxy between two slots under load, and counts what users saw.
 *
 *   --proxy builtin     or nginx, haproxy
 *   --control 0         switches by `nginx -s reload` under the same load afterwards: it shows that the load finds faults
 *   --switches 1000     a switch counts once the newly chosen slot served 20 requests that were sent after it
 *   --latency 200       (0 unless built-in)
 *                             switches whose time to the start of the last request on the abandoned slot is measured
 *   --per-second 1200   requests a second, besides uploads, slow downloads, event streams and WebSockets
 *   --replicas 2        per slot
 *
 * Ends with 1 if one request failed, or if anything that this is to show was not shown.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { SlotName } from '../../src/release/slot.ts';
import type { Route } from '../../src/traffic/router.ts';
import { absentProxy, othersKind } from './behind.ts';
import { DRAIN_MS, startDoor, type OpenDoor } from './door.ts';
import { forkLoad } from './load/remote.ts';
import type { LoadReport } from './load/tally.ts';
import { freePorts } from './ports.ts';
import { startReloading } from './reloading.ts';
import { Switcher, type Shown } from './switcher.ts';
import { faults, print } from './switches-report.ts';
import type { Show } from './switches-report.ts';

/** Every so many switches the route stays for longer than the streams' grace, so that streams are ended. */
const REST_EVERY = 100;
const REST_MS = 2500;
const TRANSFER_MS = 2000;
const TRAFFIC = {
  uploads: 8,
  downloads: 9,
  streams: 20,
  webSockets: 20,
  transferBytes: 400_000,
  transferMs: TRANSFER_MS,
};

async function main(show: Show): Promise<number> {
  const kind = show.proxy === 'builtin' ? null : othersKind(show.proxy);
  const why = kind === null ? null : absentProxy(kind);
  if (why !== null) throw new Error(why);
  const door = await startDoor(show.replicas, kind);
  try {
    const { report, shown } = await underLoad(door, show);
    const wrong = faults(report, show, shown);
    print(report, shown, wrong);
    if (show.control > 0) await control(door, show);
    return wrong.length === 0 ? 0 : 1;
  } finally {
    await door.close();
  }
}

type Seen = { readonly report: LoadReport; readonly shown: Shown };

async function underLoad(
  door: OpenDoor,
  { switches, latency, perSecond, rests }: Pick<Show, 'switches' | 'latency' | 'perSecond' | 'rests'>,
): Promise<Seen> {
  const load = forkLoad({ port: door.port, perSecond, connections: 48, users: 2000, ...TRAFFIC });
  try {
    const route = new Switcher(door, load);
    const beganMs = performance.now();
    for (let i = 1; i <= switches; i++) {
      await route.switch();
      if (rests && i % REST_EVERY === 0) await sleep(REST_MS);
      if (i % REST_EVERY === 0) progress(`${i} of ${switches} switches, ${seconds(beganMs)} s`);
    }
    for (let i = 0; i < latency; i++) await route.switchMeasured();
    return { report: await load.stop(), shown: route.shown() };
  } finally {
    load.kill();
  }
}

/** The same load on the same applications; what it finds is told, and no fault of ours. */
async function control(door: OpenDoor, show: Show): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'bascule-reloading-'));
  const [port] = await freePorts(1);
  const ports = (slot: SlotName): number[] => door.backends[slot].map(({ address }) => address.port);
  const nginx = await startReloading(directory, port!, { blue: ports('blue'), green: ports('green') });
  try {
    const apply = ({ serve, split }: Route): Promise<void> => nginx.serve(split?.slot ?? serve!);
    const reloaded = { ...door, port: port!, router: { apply } };
    const { report, shown } = await underLoad(reloaded, { ...show, switches: show.control, latency: 0 });
    console.log(
      `the control, ${shown.switched} switches by \`nginx -s reload\`: ${report.failed} of ${report.sent} requests failed ${JSON.stringify(report.failures)}`,
    );
  } finally {
    await nginx.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1000).toFixed(0);
}

function progress(text: string): void {
  process.stderr.write(`${text}\n`);
}

function flags(): Show {
  const text = { type: 'string' } as const;
  const options = {
    proxy: text,
    control: text,
    switches: text,
    latency: text,
    'per-second': text,
    replicas: text,
  };
  const { values } = parseArgs({ options, strict: true });
  const number = (name: keyof typeof values, fallback: number): number => {
    const value = Number(values[name] ?? fallback);
    if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} takes a whole number`);
    return value;
  };
  const switches = number('switches', 1000);
  const proxy = values.proxy ?? 'builtin';
  return {
    proxy,
    control: number('control', 0),
    switches,
    latency: number('latency', proxy === 'builtin' ? 200 : 0),
    perSecond: number('per-second', 1200),
    replicas: number('replicas', 2),
    // Only the built-in proxy ends streams; those of the others end with the processes.
    rests: proxy === 'builtin' && switches >= REST_EVERY,
    drainToTransfer: DRAIN_MS / TRANSFER_MS,
  };
}

process.exitCode = await main(flags());
