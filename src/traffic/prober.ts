import { type IncomingMessage, request } from 'node:http';
import type { Readable } from 'node:stream';
import { authorityOf, requestTo } from '../lib/address.ts';
import { connectProblem } from '../lib/connect-problem.ts';
import { afterPatience } from '../lib/patience.ts';
import { formatUpstream, withPrefix } from '../lib/upstream.ts';
import { appProtocol } from '../release/service.ts';
import { SLOT_NAMES, type SlotName } from '../release/slot.ts';
import { exactHost } from './exact-host.ts';
import { probeOverH2c } from './h2c-probe.ts';
import type { Door, Probe, ReplicaObservation, Route } from './router.ts';

const BODY_BYTES = 200;
/** A healthy body is read to its end, up to this length, so that no application logs a broken pipe. */
const MAX_BODY_BYTES = 65_536;
/** Share of the interval by which each probe is early or late, so that replicas are not probed in step. */
const JITTER = 0.1;

export type ReplicaHealth = {
  readonly service: string;
  readonly slot: SlotName;
  readonly replica: number;
  readonly healthy: boolean;
};

/** What is used of a request of `node:http`. */
export type ProbeRequest = {
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
  on(event: 'response', listener: (response: ProbeResponse) => void): unknown;
  end(): unknown;
  destroy(): unknown;
};

export type ProbeResponse = Pick<IncomingMessage, 'statusCode' | 'headers'> &
  Pick<Readable, 'setEncoding' | 'on'>;

export type ProberOptions = {
  readonly onChange: (health: ReplicaHealth) => void;
  /** 0 to 1. */
  readonly random: () => number;
  /**
   * The request, not yet ended, where a replica is probed through a proxy, whose absence is then no word about the replica;
   * by default it is asked at its own address.
   */
  readonly ask?: (door: Door, slot: SlotName, replica: number) => ProbeRequest;
  /** What the proxy says in place of the replica, or null where the answer is the replica's own. */
  readonly unreached?: (response: ProbeResponse) => string | null;
};

/** Probes every replica in use, as its door's health check says, and keeps what was found. */
export class Prober {
  private readonly options: ProberOptions;
  private readonly services = new Map<string, Record<SlotName, ReplicaProbe[]>>();

  constructor(options: ProberOptions) {
    this.options = options;
  }

  /** Begins and ends probing so that exactly the replicas in use are probed. `presumed`: healthy until proven otherwise. */
  follow(
    door: Door,
    route: Route | null,
    presumed: (slot: SlotName, replica: number) => boolean = () => false,
  ): void {
    const probes = this.services.get(door.service) ?? { blue: [], green: [] };
    this.services.set(door.service, probes);
    for (const slot of SLOT_NAMES) {
      const wanted = Math.min(route?.replicas[slot] ?? 0, door.slots[slot].length);
      for (const gone of probes[slot].splice(wanted)) {
        gone.stop();
        if (gone.isHealthy) gone.report(false);
      }
      for (const [replica, probe] of probes[slot].entries()) {
        if (!probe.follow(door)) probes[slot][replica] = this.begin(door, { slot, replica }, false);
      }
      for (let replica = probes[slot].length; replica < wanted; replica += 1) {
        probes[slot].push(this.begin(door, { slot, replica }, presumed(slot, replica)));
      }
    }
  }

  forget(service: string): void {
    for (const slot of SLOT_NAMES) for (const probe of this.services.get(service)?.[slot] ?? []) probe.stop();
    this.services.delete(service);
  }

  /** Probes a replica now, because somebody could not connect to it. */
  hurry(service: string, slot: SlotName, replica: number): void {
    this.services.get(service)?.[slot][replica]?.hurry();
  }

  observe(service: string, slot: SlotName): ReplicaObservation[] {
    return (this.services.get(service)?.[slot] ?? []).map((probe, replica) => probe.observation(replica));
  }

  /** All that is known, for a worker that begins. */
  health(): ReplicaHealth[] {
    return [...this.services].flatMap(([service, slots]) =>
      SLOT_NAMES.flatMap((slot) =>
        slots[slot].map((probe, replica) => ({ service, slot, replica, healthy: probe.isHealthy })),
      ),
    );
  }

  stop(): void {
    for (const service of this.services.keys()) this.forget(service);
  }

  private begin(door: Door, at: { slot: SlotName; replica: number }, presumed: boolean): ReplicaProbe {
    const onChange = (healthy: boolean): void =>
      this.options.onChange({ service: door.service, ...at, healthy });
    return new ReplicaProbe({ ...this.options, door, ...at, presumed, onChange });
  }
}

type ReplicaProbeOptions = Pick<ProberOptions, 'ask' | 'unreached' | 'random'> & {
  readonly door: Door;
  readonly slot: SlotName;
  readonly replica: number;
  readonly presumed: boolean;
  readonly onChange: (healthy: boolean) => void;
};

class ReplicaProbe {
  isHealthy: boolean;
  private readonly options: ReplicaProbeOptions;
  private door: Door;
  private goodInARow: number;
  private badInARow = 0;
  private last: Probe | null = null;
  private timer: NodeJS.Timeout;
  private running: ProbeRequest | null = null;
  private stopped = false;
  /** A worker waits to hear that it is well. */
  private suspected = false;

  constructor(options: ReplicaProbeOptions) {
    this.options = options;
    this.door = options.door;
    this.isHealthy = options.presumed;
    this.goodInARow = options.presumed ? options.door.health[options.slot].rise : 0;
    // What was healthy when this process was ended is not asked in the very moment in which all others are, too.
    const { intervalMs } = options.door.health[options.slot];
    const firstMs = options.presumed ? intervalMs * options.random() : 0;
    this.timer = setTimeout(() => this.probe(), firstMs);
  }

  /** Goes on with a changed description; false when the address is another one. */
  follow(door: Door): boolean {
    const { slot, replica } = this.options;
    if (formatUpstream(door.slots[slot][replica]!) === formatUpstream(this.door.slots[slot][replica]!)) {
      this.door = door;
      return true;
    }
    this.stop();
    if (this.isHealthy) this.report(false);
    return false;
  }

  report(healthy: boolean): void {
    this.options.onChange(healthy);
  }

  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.running?.destroy();
  }

  hurry(): void {
    if (this.stopped) return;
    this.suspected = true;
    if (this.running !== null) return;
    clearTimeout(this.timer);
    this.probe();
  }

  observation(replica: number): ReplicaObservation {
    return { replica, healthy: this.isHealthy, goodInARow: this.goodInARow, lastProbe: this.last };
  }

  private probe(): void {
    const { slot, replica, ask = askAtItsAddress, unreached } = this.options;
    const atMs = Date.now();
    const startedMs = performance.now();
    const done = (ok: boolean, found: string, body: string, counts = true): void => {
      callOff();
      if (this.running !== probe) return;
      this.running = null;
      probe.destroy();
      const tookMs = Math.round(performance.now() - startedMs);
      if (!this.stopped) this.take({ atMs, ok, found, tookMs, body }, counts);
    };
    const { timeoutMs } = this.door.health[slot];
    const probe = ask(this.door, slot, replica);
    this.running = probe;
    const callOff = afterPatience(timeoutMs, () => done(false, `no answer within ${timeoutMs}ms`, ''));
    // A proxy that is away says nothing of those behind it: taken for their word, it would be found back with nobody well.
    const isTheirs = this.options.ask === undefined;
    probe.on('error', (error: NodeJS.ErrnoException) =>
      done(
        false,
        `${isTheirs ? '' : 'the proxy: '}${connectProblem(error) ?? error.code ?? error.message}`,
        '',
        isTheirs,
      ),
    );
    probe.on('response', (response) => {
      const status = response.statusCode ?? 0;
      const ok = status >= 200 && status < 300;
      let body = '';
      let length = 0;
      const other = unreached?.(response) ?? null;
      const answered = (): void => done(ok && other === null, other ?? String(status), ok ? '' : body);
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        length += text.length;
        if (body.length < BODY_BYTES) body = (body + text).slice(0, BODY_BYTES);
        if (length >= MAX_BODY_BYTES) answered();
      });
      response.on('end', answered);
      response.on('error', () => done(false, `${status}, then the answer broke off`, body));
    });
    probe.end();
  }

  private take(probe: Probe, counts: boolean): void {
    this.last = probe;
    if (counts) this.count(probe);
    const jitter = 1 + JITTER * (2 * this.options.random() - 1);
    const { intervalMs } = this.door.health[this.options.slot];
    this.timer = setTimeout(() => this.probe(), Math.max(1, intervalMs * jitter - probe.tookMs));
  }

  private count(probe: Probe): void {
    const { rise, fall } = this.door.health[this.options.slot];
    this.goodInARow = probe.ok ? Math.min(rise, this.goodInARow + 1) : 0;
    this.badInARow = probe.ok ? 0 : Math.min(fall, this.badInARow + 1);
    const healthy = this.isHealthy ? this.badInARow < fall : this.goodInARow >= rise;
    if (healthy !== this.isHealthy || (this.suspected && probe.ok)) {
      this.suspected = false;
      this.isHealthy = healthy;
      this.report(healthy);
    }
  }
}

function askAtItsAddress(door: Door, slot: SlotName, replica: number): ProbeRequest {
  if (appProtocol(door.spec.proxy) === 'h2c') return probeOverH2c(door, slot, replica);
  const upstream = door.slots[slot][replica]!;
  return request({
    ...requestTo(upstream),
    path: withPrefix(upstream.pathPrefix, door.health[slot].path),
    method: 'GET',
    agent: false,
    headers: {
      host: exactHost(door.spec.host) ?? authorityOf(upstream),
      'user-agent': 'bascule-probe',
      connection: 'close',
    },
  });
}
