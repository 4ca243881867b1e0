import assert from 'node:assert/strict';
import { after } from 'node:test';
import { createMemoryDisk, openMemoryJournal, type MemoryDisk } from '../journal/memory/journal.ts';
import { createMemorySamples } from '../journal/memory/samples.ts';
import type { Journal } from '../journal/journal.ts';
import type { SampleStore } from '../journal/samples.ts';
import { OperatingError } from '../lib/errors.ts';
import type { Timers } from '../lib/timers.ts';
import { checkName } from '../release/describe-plan.ts';
import type { ServiceSpec, VerifyCheck } from '../release/service.ts';
import { SLOT_NAMES, type SlotName } from '../release/slot.ts';
import { SPEC } from '../rollout/fixtures.ts';
import { latencyBucket, type ReplicaSecond } from '../traffic/counts.ts';
import type { SourceSet } from '../metrics/source.ts';
import type { FailedRequest } from '../traffic/counts.ts';
import type { ChannelCount } from '../notify/channel.ts';
import type { CertificateObservation, Route, TrafficRouter } from '../traffic/router.ts';
import type { CheckedRelease, Checker, CheckResult } from '../workload/checker.ts';
import type { ReplicaState, SlotWorkload, WorkloadRuntime } from '../workload/runtime.ts';
import type { FreezeRule } from './calendar.ts';
import type { Caller, Controller } from './controller.ts';
import { createController } from './loop.ts';
import type { Log, Ports } from './ports.ts';

/** What the service of the world is unless a test says otherwise: short steps, requests as the unit. */
export const WORLD_SPEC: ServiceSpec = {
  ...SPEC,
  policy: {
    ...SPEC.policy,
    sticky: { by: 'none' },
    stepsPercent: [25, 50, 100],
    dwell: { atLeastMs: 3000, atMostMs: 6000 },
    watchMs: 5000,
    keepOldMs: 10_000,
    judge: { checks: [], warmUpMs: 0 },
  },
};

export const ANA: Caller = { actor: 'ana', role: 'operator' };
const STEP_MS = 50;

/** Users', and what is counted apart from them. */
type Lane = 'replicas' | 'mirrored' | 'copied' | 'overrides';

type Waiting = { atMs: number; readonly act: () => void };

/** Time that moves when a test says so. */
class ManualTime {
  nowMs = 1_700_000_000_000;
  monotonicMs = 0;
  readonly #beganMs = this.nowMs;
  readonly waiting = new Set<Waiting>();

  get steadyMs(): number {
    return this.#beganMs + this.monotonicMs;
  }

  at(ms: number, act: () => void): () => void {
    const one = { atMs: this.monotonicMs + ms, act };
    this.waiting.add(one);
    return () => this.waiting.delete(one);
  }

  move(ms: number): void {
    this.nowMs += ms;
    this.monotonicMs += ms;
    const due = [...this.waiting].filter((one) => one.atMs <= this.monotonicMs);
    for (const one of due.sort((a, b) => a.atMs - b.atMs)) if (this.waiting.delete(one)) one.act();
  }
}

const worlds: World[] = [];

/** Whatever a test did to its world: each rollout that was judged in it must be judged the same once more. */
after(async () => {
  for (const world of worlds) await world.judgeAgain();
});

/** What a kill throws out of the journal. Nobody handles it: the process is gone. */
class Killed extends Error {}

/** What runs in a slot, as the runtime and the proxy see it. */
type Running = { workload: SlotWorkload; crashes: number };

/**
 * A machine in memory: a proxy and processes that outlive the controller, a journal on a disk that does too. The fakes keep
 * state like the real ones: routes only go forward, a route that was applied stays, counts are kept until they are fetched.
 */
export class World {
  readonly disk: MemoryDisk = createMemoryDisk();
  readonly samples: SampleStore = createMemorySamples();
  readonly time = new ManualTime();
  /** What measures ask; a test puts its own here. */
  source: SourceSet['of'] = () => 'this world has no source';
  pushed: SourceSet['pushed'] = { add: () => undefined };
  readonly routes = new Map<string, Route>();
  readonly doors = new Set<string>();
  readonly running = new Map<string, Running>();
  /** Every effect, in order, for a person to read in a failing test. */
  readonly effects: string[] = [];
  /** Releases that answer, in parts of a hundred, with 500. */
  readonly errorPercent = new Map<string, number>();
  /** Releases that never become healthy. */
  readonly sick = new Set<string>();
  /** Ports where nothing that somebody else runs answers. */
  readonly deadPorts = new Set<number>();
  /** Releases whose build goes on until the promise resolves. */
  readonly building = new Map<string, Promise<void>>();
  /** Digests of artifacts that are not kept any more. */
  readonly filesGone = new Set<string>();
  /** Releases whose checks fail, and how. */
  readonly failing = new Map<string, string>();
  /** Releases whose checks go on until the promise resolves. */
  readonly checking = new Map<string, Promise<void>>();
  readonly inFlight = new Map<string, number>();
  /** What is deployed where nothing else is said. */
  spec: ServiceSpec = WORLD_SPEC;
  /** Of the server file. */
  freezes: readonly FreezeRule[] = [];
  /** What became of messages to people. */
  messages: readonly ChannelCount[] = [];
  /** What the proxy says of those of every service; empty: nothing. */
  certificates: readonly CertificateObservation[] = [];
  /** False where a test throws away what rollouts were judged by. */
  keepsEvidence = true;
  requestsPerSecond = 200;
  /** Of those who choose the candidate by a header, where the route names one. */
  chosenPerSecond = 0;
  /** Whether the proxy can copy requests. */
  mirrors = true;
  proxyDown = false;
  /** Routes that are sent now reach the proxy when the promise resolves, whatever became of who sent them. */
  routesWait: Promise<void> | null = null;
  /** Seconds of counts that the proxy forgot. */
  lost: { fromSecond: number; toSecond: number } | null = null;
  bootId = 'boot-1';
  digest = 'digest-1';
  readonly warnings: string[] = [];
  /** What the last pruning left. */
  filesKept: readonly string[] = [];
  commits = 0;
  /** Kills the controller at this commit, counted from the first. */
  killAt: { readonly commit: number; readonly when: 'before' | 'after' } | null = null;
  #counts: { readonly service: string; readonly lane: Lane; readonly row: ReplicaSecond }[] = [];
  #countedUpTo: number;
  #alive: { value: boolean } = { value: false };
  #running: ReturnType<typeof createController> | null = null;
  #randoms = 0;

  constructor() {
    worlds.push(this);
    this.#countedUpTo = Math.floor(this.time.steadyMs / 1000) - 1;
  }

  get controller(): Controller {
    return this.#running!.controller;
  }

  get answers(): ReturnType<typeof createController>['idempotency'] {
    return this.#running!.idempotency;
  }

  get isAlive(): boolean {
    return this.#alive.value;
  }

  async start(): Promise<void> {
    const alive = { value: true };
    this.#alive = alive;
    this.#running = createController(
      this.#ports(alive),
      { slotPorts: { from: 9000, to: 9100 }, keepReleases: 3, routeLateMs: 3000, freezes: this.freezes },
      { version: 'test', startedAtMs: this.time.nowMs, stateDir: '/nowhere', pid: 1 },
    );
    try {
      await this.#running.start(this.bootId);
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
    }
    await settled();
  }

  /** As by SIGKILL: nothing that it had under way goes on. */
  kill(): void {
    this.#alive.value = false;
  }

  /** kill, another boot id, every process gone. */
  restartMachine(): void {
    this.kill();
    this.bootId = `${this.bootId}+`;
    this.running.clear();
  }

  /** Lets time pass, restarting the controller whenever it was killed. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.time.move(STEP_MS);
      this.#count();
      await settled();
      if (!this.isAlive) await this.start();
    }
  }

  /** Lets time pass until it holds; a bounded number of seconds. */
  async until(what: string, holds: () => boolean, mostSeconds = 120): Promise<void> {
    for (let ms = 0; ms < mostSeconds * 1000; ms += STEP_MS) {
      if (this.isAlive && holds()) return;
      await this.pass(STEP_MS);
    }
    throw new Error(
      `${mostSeconds}s went by without: ${what}\n${this.effects.slice(-20).join('\n')}\n${this.warnings.slice(-10).join('\n')}`,
    );
  }

  /** Deploys; when the controller dies over it, asks again as a client does. */
  async deploy(label: string, options: { readonly supersede?: boolean; readonly spec?: ServiceSpec } = {}) {
    const { supersede = false, spec = this.spec } = options;
    const ask = { spec, label, artifactDigest: `digest of ${label}`, supersede, planId: null };
    return this.asked(() => this.controller.steer.deploy(ask, ANA));
  }

  async asked<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      while (!this.isAlive) await this.start();
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      }
    }
  }

  service(name = 'shop') {
    return this.controller.read.service(name);
  }

  isGone(name = 'shop'): boolean {
    try {
      this.service(name);
      return false;
    } catch (error) {
      if (error instanceof OperatingError && error.code === 'SERVICE_UNKNOWN') return true;
      throw error;
    }
  }

  over(label: string): boolean {
    return this.controller.read
      .history({ service: 'shop', limit: 50 })
      .some((one) => one.label === label && one.endedAtMs !== null);
  }

  /** First version up and serving, its rollout over. */
  async serving(label = 'v1'): Promise<void> {
    if (!this.isAlive) await this.start();
    await this.deploy(label);
    await this.until(`${label} serves`, () => this.over(label) && this.service().stable === label);
  }

  /** How many rollouts were judged once more; fails where one of them comes out differently. */
  async judgeAgain(): Promise<number> {
    if (this.#running === null || !this.keepsEvidence) return 0;
    this.killAt = null;
    if (!this.isAlive) await this.start();
    const { read, judge } = this.controller;
    let again = 0;
    for (const { id } of read.history({ service: null, limit: 1000 })) {
      try {
        const view = await judge.rollout(id, { rules: 'recorded', changes: [] });
        assert.deepEqual(view.different, [], id);
        assert.equal(view.sameVerdict, true, `${id}: ${view.sentence}`);
        again += 1;
      } catch (error) {
        if (!(error instanceof OperatingError) || error.code !== 'NOTHING_JUDGED') throw error;
      }
    }
    return again;
  }

  said(rollout: string): string {
    return this.controller.read
      .why(rollout)
      .events.flatMap((event) => event.says)
      .join('\n');
  }

  #ports(alive: { value: boolean }): Ports {
    const guarded = <T extends object>(port: T): T => guard(port, alive);
    const log: Log = {
      info: () => undefined,
      warn: (_fields, message) => void this.warnings.push(message),
      error: (_fields, message) => void this.warnings.push(message),
    };
    return {
      clock: {
        nowMs: () => this.time.nowMs,
        steadyMs: () => this.time.steadyMs,
        monotonicMs: () => this.time.monotonicMs,
      },
      random: { hex: (bytes) => (this.#randoms += 1).toString(16).padStart(bytes * 2, '0') },
      timers: this.#timers(alive),
      journal: this.#journal(alive),
      samples: { ...guarded(this.samples), close: async () => undefined },
      router: guarded(this.#router()),
      runtime: guarded(this.#runtime()),
      store: guarded({
        put: async () => undefined,
        has: async (digest) => !this.filesGone.has(digest),
        prepare: async () => '/nowhere',
        space: async () => ({ freeBytes: 1e12 }),
        prune: async (keep) => {
          this.filesKept = keep.map((release) => release.id);
          return [];
        },
      }),
      sources: { of: (measure) => this.source(measure), pushed: this.pushed },
      checker: guarded<Checker>({ attempt: (check, on, signal) => this.#attempt(check, on, signal) }),
      environmentDigest: async () => this.digest,
      probe: async ({ port }) => (this.deadPorts.has(port) ? 'connection refused' : null),
      messages: () => this.messages,
      log,
    };
  }

  async #attempt(check: VerifyCheck, { release }: CheckedRelease, signal: AbortSignal): Promise<CheckResult> {
    this.effects.push(`check ${release.id}: ${checkName(check)}`);
    const until = this.checking.get(release.id);
    const ended = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    if (until !== undefined) await Promise.race([until, ended]);
    if (signal.aborted) this.effects.push(`check of ${release.id} ended`);
    const wrong = this.failing.get(release.id);
    return wrong === undefined
      ? { ok: true, found: '200 (8ms)', output: [] }
      : { ok: false, found: wrong, output: ['no such table: cart'] };
  }

  #timers(alive: { value: boolean }): Timers {
    return {
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          const act = (): void => void (alive.value && resolve());
          // Others act in between, and no time goes by.
          if (ms === 0) return void setImmediate(act);
          const cancel = this.time.at(ms, act);
          signal.addEventListener('abort', () => {
            cancel();
            resolve();
          });
        }),
      every: (ms, act) => {
        let cancel: () => void;
        const again = (): void => {
          if (!alive.value) return;
          cancel = this.time.at(ms, again);
          act();
        };
        cancel = this.time.at(ms, again);
        return () => cancel();
      },
    };
  }

  #journal(alive: { value: boolean }): Journal {
    const journal = openMemoryJournal(this.disk);
    const commit: Journal['commit'] = (entry) => {
      if (!alive.value) throw new Killed();
      this.commits += 1;
      const dies = this.killAt !== null && this.killAt.commit === this.commits;
      if (dies && this.killAt?.when === 'before') {
        alive.value = false;
        throw new Killed();
      }
      const committed = journal.commit(entry);
      if (!dies) return committed;
      alive.value = false;
      throw new Killed();
    };
    return {
      load: () => journal.load(),
      commit,
      events: (query) => journal.events(query),
      document: (kind, key) => journal.document(kind, key),
      documents: (query) => journal.documents(query),
      prune: (request) => journal.prune(request),
      verify: () => journal.verify(),
      head: () => journal.head(),
      close: () => undefined,
    };
  }

  #router(): TrafficRouter {
    return {
      capabilities: {
        shareStepPercent: 0.1,
        sticky: ['none', 'cookie'],
        identities: true,
        override: true,
        hold: false,
        mirror: this.mirrors,
        preview: true,
      },
      install: async ({ service }) => {
        this.#assertProxy();
        this.doors.add(service);
      },
      remove: async (service) => {
        this.#assertProxy();
        this.doors.delete(service);
        this.routes.delete(service);
      },
      apply: async (route) => {
        this.#assertProxy();
        if (this.routesWait !== null) await this.routesWait;
        if (!this.doors.has(route.service)) throw new Error(`${route.service} is not installed`);
        if (route.revision <= (this.routes.get(route.service)?.revision ?? 0)) return;
        this.routes.set(route.service, route);
        const share = route.split === null ? '' : `, ${route.split.sharePercent}% to ${route.split.slot}`;
        this.effects.push(`route ${route.revision}: ${route.serve ?? 'nobody'}${share}`);
      },
      observe: async (service) => {
        this.#assertProxy();
        return {
          revision: this.routes.get(service)?.revision ?? 0,
          slots: { blue: this.#observed(service, 'blue'), green: this.#observed(service, 'green') },
          ...(this.certificates.length > 0 && { certificates: this.certificates }),
        };
      },
      cut: async (service, slot) => {
        this.#assertProxy();
        this.effects.push(`cut ${slot}`);
        const cut = this.inFlight.get(`${service}/${slot}`) ?? 0;
        this.inFlight.delete(`${service}/${slot}`);
        return cut;
      },
      traffic: async (service, cursor) => {
        this.#assertProxy();
        const after = cursor === null ? this.#countedUpTo : Number(cursor);
        const { lost } = this;
        const isLost = lost !== null && lost.toSecond > after && lost.toSecond <= this.#countedUpTo;
        const own = this.#counts.filter((one) => one.service === service && one.row.second > after);
        const of = (lane: Lane) => own.filter((one) => one.lane === lane).map((one) => one.row);
        const rows = of('replicas');
        return {
          cursor: String(this.#countedUpTo),
          upToSecond: this.#countedUpTo,
          lost: isLost ? { fromSecond: Math.max(lost.fromSecond, after + 1), toSecond: lost.toSecond } : null,
          replicas: rows,
          identities: [],
          mirrored: of('mirrored'),
          copied: of('copied'),
          overrides: of('overrides'),
          failed: rows.flatMap(exampleOf),
        };
      },
    };
  }

  #runtime(): WorkloadRuntime {
    return {
      ensure: async (workload) => {
        const key = `${workload.service}/${workload.slot}`;
        const { id } = workload.release;
        const building = this.building.get(id);
        if (building !== undefined) {
          this.effects.push(`build ${id}`);
          this.stopped.delete(key);
          await building;
          if (this.stopped.delete(key))
            throw new OperatingError('WORKLOAD_START_FAILED', `${id}: a stop was asked for meanwhile`, {
              retryable: false,
            });
        }
        const there = this.running.get(key);
        if (there?.workload.release.id === id && there.workload.replicas === workload.replicas) return;
        this.effects.push(`start ${id} in ${workload.slot}`);
        this.running.set(key, { workload, crashes: there?.workload.release.id === id ? there.crashes : 0 });
      },
      observe: async (service) =>
        SLOT_NAMES.flatMap((slot) => {
          const there = this.running.get(`${service}/${slot}`);
          return there === undefined ? [] : replicasOf(there, slot);
        }),
      stop: async (service, slot) => {
        const key = `${service}/${slot}`;
        this.stopped.add(key);
        const there = this.running.get(key);
        if (this.running.delete(key)) this.effects.push(`stop ${there?.workload.release.id} in ${slot}`);
      },
      logs: async function* () {},
      diagnose: async () => [],
      onChange: () => () => undefined,
    };
  }

  readonly stopped = new Set<string>();

  #assertProxy(): void {
    if (this.proxyDown)
      throw new OperatingError('TRAFFIC_UNREACHABLE', 'the proxy does not answer', { retryable: true });
  }

  #observed(service: string, slot: SlotName) {
    const used = this.routes.get(service)?.replicas[slot] ?? 0;
    const there = this.running.get(`${service}/${slot}`);
    const id = there?.workload.release.id;
    const healthy = id !== undefined && !this.sick.has(id);
    return {
      replicas: Array.from({ length: used }, (_, replica) => ({
        replica,
        healthy: healthy && replica < (there?.workload.replicas ?? 0),
        goodInARow: healthy ? 3 : 0,
        lastProbe: null,
      })),
      inFlight: this.inFlight.get(`${service}/${slot}`) ?? 0,
      streams: 0,
    };
  }

  /** Closes the seconds that are over, with the traffic that the route sends. */
  #count(): void {
    const over = Math.floor(this.time.steadyMs / 1000) - 1;
    for (let second = this.#countedUpTo + 1; second <= over; second += 1) {
      for (const route of this.routes.values()) {
        const { service } = route;
        const keep = (lane: Lane, rows: readonly ReplicaSecond[]): void => {
          this.#counts.push(...rows.map((row) => ({ service, lane, row })));
        };
        keep('replicas', this.#rowsOf(route, second));
        const { serve, mirror, candidate } = route;
        if (mirror !== undefined && serve !== null) {
          const attempts = Math.round((this.requestsPerSecond * mirror.sharePercent) / 100);
          keep('mirrored', this.#answered(service, { second, slot: mirror.slot, attempts }));
          keep('copied', this.#answered(service, { second, slot: serve, attempts }));
        }
        if (candidate !== undefined) {
          const attempts = this.chosenPerSecond;
          keep('overrides', this.#answered(service, { second, slot: candidate, attempts }));
        }
      }
      this.#countedUpTo = second;
    }
  }

  #rowsOf(route: Route, second: number): readonly ReplicaSecond[] {
    const share = (route.split?.sharePercent ?? 0) / 100;
    return SLOT_NAMES.flatMap((slot) => {
      const part = (route.serve === slot ? 1 - share : 0) + (route.split?.slot === slot ? share : 0);
      const attempts = Math.round(this.requestsPerSecond * part);
      return this.#answered(route.service, { second, slot, attempts });
    });
  }

  /** What comes of so many requests in a slot. */
  #answered(
    service: string,
    { second, slot, attempts }: Pick<ReplicaSecond, 'second' | 'slot' | 'attempts'>,
  ): readonly ReplicaSecond[] {
    const release = this.running.get(`${service}/${slot}`)?.workload.release.id;
    if (attempts === 0 || release === undefined) return [];
    const failed = Math.round((attempts * (this.errorPercent.get(release) ?? 0)) / 100);
    const classes = {
      ok: attempts - failed,
      clientError: 0,
      serverError: failed,
      connectFailure: 0,
      timeout: 0,
      clientAbort: 0,
    };
    const latency = [[latencyBucket(20), attempts]] as const;
    return [{ second, slot, replica: 0, attempts, requests: attempts, classes, latency }];
  }
}

function replicasOf({ workload, crashes }: Running, slot: SlotName): readonly ReplicaState[] {
  return Array.from({ length: workload.replicas }, (_, replica) => ({
    slot,
    replica,
    releaseId: workload.release.id,
    address: workload.addresses[replica]!,
    running: true,
    pid: 1000 + replica,
    startedAtMs: 0,
    crashes: replica === 0 ? crashes : 0,
    lastExit: null,
  }));
}

/** A dead controller gets no answer any more. */
function guard<T extends object>(port: T, alive: { value: boolean }): T {
  return new Proxy(port, {
    get: (target, name, receiver) => {
      const value: unknown = Reflect.get(target, name, receiver);
      if (typeof value !== 'function') return value;
      return (...args: readonly unknown[]): unknown =>
        alive.value
          ? (value as (...args: readonly unknown[]) => unknown).apply(target, [...args])
          : new Promise(() => {});
    },
  });
}

/** Until everything that can go on without time has gone on. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function exampleOf({ second, slot, replica, classes }: ReplicaSecond): readonly FailedRequest[] {
  const told = { kind: 'serverError', status: 500, method: 'POST', path: '/checkout' } as const;
  return classes.serverError > 0 ? [{ second, slot, replica, ...told }] : [];
}
