/**
 * `npm run e2e:switches`: switches the built-in proxy between two slots under load, and counts what users saw.
 *
 *   --switches 1000     a switch counts once the newly chosen slot served 20 requests that were sent after it
 *   --latency 200       switches whose time to the start of the last request on the abandoned slot is measured
 *   --per-second 1200   requests a second, besides uploads, slow downloads and event streams
 *   --replicas 2        per slot
 *
 * Ends with 1 if one request failed, or if anything that this is to show was not shown.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DRAIN_MS, startDoor } from './door.ts';
import { forkLoad } from './load/remote.ts';
import { Switcher } from './switcher.ts';
import { faults, print } from './switches-report.ts';
import type { Show } from './switches-report.ts';

/** Every so many switches the route stays for longer than the streams' grace, so that streams are ended. */
const REST_EVERY = 100;
const REST_MS = 2500;
const TRANSFER_MS = 2000;
const TRAFFIC = { uploads: 8, downloads: 9, streams: 20, transferBytes: 400_000, transferMs: TRANSFER_MS };

async function main(show: Show): Promise<number> {
  const door = await startDoor(show.replicas);
  try {
    const load = forkLoad({
      port: door.port,
      perSecond: show.perSecond,
      connections: 48,
      users: 2000,
      ...TRAFFIC,
    });
    try {
      const route = new Switcher(door, load);
      const beganMs = performance.now();
      for (let i = 1; i <= show.switches; i++) {
        await route.switch();
        if (i % REST_EVERY === 0) await sleep(REST_MS);
        if (i % REST_EVERY === 0) progress(`${i} of ${show.switches} switches, ${seconds(beganMs)} s`);
      }
      for (let i = 0; i < show.latency; i++) await route.switchMeasured();
      const report = await load.stop();
      const wrong = faults(report, show, route.shown());
      print(report, route.shown(), wrong);
      return wrong.length === 0 ? 0 : 1;
    } finally {
      load.kill();
    }
  } finally {
    await door.close();
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
  const options = { switches: text, latency: text, 'per-second': text, replicas: text };
  const { values } = parseArgs({ options, strict: true });
  const number = (name: keyof typeof values, fallback: number): number => {
    const value = Number(values[name] ?? fallback);
    if (!Number.isInteger(value) || value < 0) throw new Error(`--${name} takes a whole number`);
    return value;
  };
  const switches = number('switches', 1000);
  return {
    switches,
    latency: number('latency', 200),
    perSecond: number('per-second', 1200),
    replicas: number('replicas', 2),
    rests: switches >= REST_EVERY,
    drainToTransfer: DRAIN_MS / TRANSFER_MS,
  };
}

process.exitCode = await main(flags());
