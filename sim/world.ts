import type { Journal } from '../src/journal/journal.ts';
import { createMemorySamples } from '../src/journal/memory/samples.ts';
import { OperatingError } from '../src/lib/errors.ts';
import type { SampleStore } from '../src/journal/samples.ts';
import { createController } from '../src/controller/loop.ts';
import type { Log, Ports } from '../src/controller/ports.ts';
import type { Phase, ServiceState } from '../src/rollout/state.ts';
import type { Route, TrafficRouter } from '../src/traffic/router.ts';
import type { CheckResult } from '../src/workload/checker.ts';
import type { WorkloadRuntime } from '../src/workload/runtime.ts';
import { Audit } from './audit.ts';
import type { Draw } from './draw.ts';
import { tapJournal, type CommitKill } from './journal-tap.ts';
import { Machine } from './machine.ts';
import { ManualTime, settled, type Life } from './manual-time.ts';
import { DYING_AFTER_MS, errorPartOf, LATE_AT, natureOf } from './nature.ts';
import { FakeProxy } from './proxy.ts';
import { Runtime, type Pace } from './runtime.ts';
import { Wire, type Armed } from './wire.ts';

/** A controller that was killed is started again after this long, by its supervisor. */
const RESPAWN_MS = 300;
/** What time alone brings about, such as a replica that becomes healthy, is seen so late at most. */
const LOOKS_EVERY_MS = 50;
const MOST_OLD_ROUTES = 20;
const MOST_STARTS_IN_A_ROW = 50;

export type WorldParts = {
  readonly draw: Draw;
  readonly pace: Pace;
  /** Opens what is on the disk; called anew for every controller. */
  readonly openJournal: () => Journal;
  readonly trace: ((line: string) => void) | null;
};

/** One machine with its proxy, its processes, its disk and one controller, all driven by one seed. */
export class SimWorld {
  readonly time = new ManualTime();
  readonly draw: Draw;
  readonly machine: Machine;
  readonly proxy: FakeProxy;
  readonly audit: Audit;
  readonly armed: Armed[] = [];
  /** The newest committed state of each service. */
  readonly live = new Map<string, ServiceState>();
  commitKill: CommitKill | null = null;
  diskFull = false;
  proxyAway = false;
  digest = 'digest-1';
  /** Routes that may arrive once more. */
  readonly oldRoutes: Route[] = [];
  commits = 0;
  calls = 0;
  readonly #parts: WorldParts;
  readonly #samples: SampleStore = createMemorySamples();
  #life: Life = { alive: false };
  #runtime: Runtime | null = null;
  #running: ReturnType<typeof createController> | null = null;
  #journal: Journal | null = null;
  readonly #saved = new Set<string>();
  readonly #doomed = new Set<string>();
  #randoms = 0;
  #checks = 0;
  #startAtMs = 0;
  #startsInARow = 0;
  #lookedAtMs = -Infinity;

  constructor(parts: WorldParts) {
    this.#parts = parts;
    this.draw = parts.draw;
    this.machine = new Machine(this.time);
    this.proxy = new FakeProxy(this.time, {
      isSound: (service, slot, replica) => this.machine.isSound(service, slot, replica),
      errorPart: (service, slot, share) =>
        errorPartOf(natureOf(this.machine.releaseIn(service, slot) ?? ''), share),
    });
    this.machine.onCrash = (key, replica) => this.#runtime?.crashed(key, replica);
    this.audit = new Audit(this);
  }

  get controller(): ReturnType<typeof createController>['controller'] {
    return this.#running!.controller;
  }

  get journal(): Journal {
    return this.#journal!;
  }

  get isAlive(): boolean {
    return this.#life.alive;
  }

  phaseOf(service: string): Phase | 'none' {
    return this.live.get(service)?.rollout?.phase ?? 'none';
  }

  tell(line: () => string): void {
    this.#parts.trace?.(`${(this.time.monotonicMs / 1000).toFixed(2).padStart(8)}  ${line()}`);
  }

  /** As by SIGKILL: nothing that it had under way goes on. */
  readonly kill = (): void => {
    if (!this.#life.alive) return;
    this.#life.alive = false;
    this.#startAtMs = this.time.monotonicMs + RESPAWN_MS;
    this.audit.memory.strike('killed');
    this.audit.obstructed('the controller was killed');
  };

  restartMachine(): void {
    this.kill();
    this.machine.reboot();
    this.proxy.restart(false);
    this.audit.rebooted();
  }

  async start(): Promise<void> {
    const life = { alive: true };
    this.#life = life;
    this.#journal?.close();
    this.#journal = this.#parts.openJournal();
    this.#runtime = new Runtime({ machine: this.machine, time: this.time, life, pace: this.#parts.pace });
    this.#running = createController(
      this.#ports(life, this.#runtime, this.#journal),
      { slotPorts: { from: 9000, to: 9100 }, keepReleases: 3, routeLateMs: 1500 },
      { version: 'sim', startedAtMs: this.time.nowMs, stateDir: '/nowhere', pid: 1 },
    );
    this.tell(() => 'the controller starts');
    try {
      await this.#running.start(this.machine.bootId);
      this.#startsInARow = 0;
    } catch (error) {
      // A full disk at the start: the supervisor tries again.
      this.tell(() => `the start failed: ${String(error)}`);
      this.audit.mustBeTheWorlds(error);
      this.#startsInARow += 1;
      if (this.#startsInARow > MOST_STARTS_IN_A_ROW) this.audit.breach('the controller cannot be started');
      this.kill();
    }
    await settled();
  }

  /** Lets time pass, starting the controller again whenever it was killed. Ends at the first breach. */
  async pass(ms: number): Promise<void> {
    const until = this.time.monotonicMs + ms;
    this.disturbed();
    while (this.time.monotonicMs < until && this.audit.breaches.length === 0) await this.instant(until);
  }

  /** Something was done from outside: what follows from it is looked at in the next instant. */
  disturbed(): void {
    this.#lookedAtMs = -Infinity;
  }

  /** To the next thing that happens. Where nothing did, nothing is looked at, but for now and then. */
  async instant(untilMs: number): Promise<void> {
    const { monotonicMs } = this.time;
    const most = this.isAlive ? untilMs : Math.min(untilMs, Math.max(this.#startAtMs, monotonicMs + 1));
    this.time.step(most - monotonicMs, (ms) => this.proxy.serve(ms));
    const now = this.time.monotonicMs;
    const starts = !this.isAlive && now >= this.#startAtMs;
    if (!starts && !this.time.hasStirred && now - this.#lookedAtMs < LOOKS_EVERY_MS) return;
    await settled();
    if (!this.isAlive && this.time.monotonicMs >= this.#startAtMs) await this.start();
    this.proxy.look();
    this.audit.moment();
    this.#lookedAtMs = now;
  }

  /** Whether it held within so many milliseconds. */
  async until(holds: () => boolean, mostMs: number): Promise<boolean> {
    const end = this.time.monotonicMs + mostMs;
    this.disturbed();
    while (this.time.monotonicMs < end && this.audit.breaches.length === 0) {
      if (this.isAlive && holds()) return true;
      await this.instant(Math.min(end, this.time.monotonicMs + 250));
    }
    return this.isAlive && holds();
  }

  /** What is doomed to die under traffic dies some time after it got some. */
  doomUnderTraffic(key: string, releaseId: string): void {
    if (natureOf(releaseId) !== 'dying' || this.#doomed.has(releaseId)) return;
    this.#doomed.add(releaseId);
    this.time.at(DYING_AFTER_MS, () => {
      const there = this.machine.slots.get(key);
      if (!this.#saved.has(releaseId) && there?.workload.release.id === releaseId)
        this.machine.curse(releaseId, null);
    });
  }

  /** Whether it does not die of its traffic any more. */
  isSaved(releaseId: string): boolean {
    return this.#saved.has(releaseId);
  }

  /** What died of its traffic lives again, and stays alive. */
  save(releaseIds: readonly string[]): void {
    for (const id of releaseIds) {
      this.machine.lift(id);
      this.#doomed.add(id);
      this.#saved.add(id);
    }
  }

  #ports(life: Life, runtime: Runtime, journal: Journal): Ports {
    const wire = new Wire(
      {
        time: this.time,
        draw: this.draw,
        armed: this.armed,
        kill: this.kill,
        called: () => (this.calls += 1),
      },
      life,
    );
    return {
      clock: {
        nowMs: () => this.time.nowMs,
        steadyMs: () => this.time.steadyMs,
        monotonicMs: () => this.time.monotonicMs,
      },
      random: { hex: (bytes) => (this.#randoms += 1).toString(16).padStart(bytes * 2, '0') },
      timers: this.time.timersOf(life),
      journal: tapJournal(this, journal, life),
      samples: { ...this.#samples, close: async () => undefined },
      router: this.#router(wire),
      runtime: this.#workloads(wire, runtime),
      store: {
        put: async () => undefined,
        has: async () => true,
        prepare: async () => '/nowhere',
        space: async () => ({ freeBytes: 1e12 }),
        prune: async () => [],
      },
      sources: {
        of: () => 'nothing is measured elsewhere in the simulated world',
        pushed: { add: () => undefined },
      },
      checker: {
        attempt: (_check, { release }) => wire.carry('check', (lateMs) => this.#check(release.id, lateMs)),
      },
      environmentDigest: async () => this.digest,
      probe: async () => null,
      log: this.#log(life),
    };
  }

  async #check(releaseId: string, lateMs: number): Promise<CheckResult> {
    this.#checks += 1;
    await new Promise<void>((resolve) => {
      this.time.at(this.draw.whole(1, 10) * 100 + lateMs, resolve);
    });
    const nature = natureOf(releaseId);
    const ok = nature !== 'unverified' && (nature !== 'verified-late' || this.#checks % LATE_AT === 0);
    this.tell(() => `  ${releaseId} is checked: ${ok ? 'it holds' : 'it fails'}`);
    if (ok) this.audit.memory.checked.add(releaseId);
    return { ok, found: ok ? '200 (8ms)' : '500 instead of 2xx (8ms)', output: [] };
  }

  #router(wire: Wire): TrafficRouter {
    const { proxy } = this;
    const carry: Wire['carry'] = (call, act) =>
      wire.carry(call, (lateMs) => {
        this.audit.mustAnswer();
        return act(lateMs);
      });
    return {
      capabilities: {
        shareStepPercent: 0.1,
        sticky: ['none', 'cookie'],
        identities: true,
        hold: false,
        mirror: true,
        preview: true,
        override: true,
      },
      install: (door) => carry('install', () => proxy.install(door)),
      remove: (service) => carry('remove', () => proxy.remove(service)),
      apply: (route) => {
        const salt = proxy.doors.get(route.service)?.salt;
        const { restarts } = proxy;
        return carry('apply', () => {
          // What was on its way to a proxy that was restarted never arrives.
          if (restarts !== proxy.restarts)
            throw new OperatingError('TRAFFIC_UNREACHABLE', 'the connection broke', { retryable: true });
          // What comes late for a service of before is not taken for one of the same name.
          if (salt !== undefined && salt !== proxy.doors.get(route.service)?.salt) return;
          if (proxy.apply(route)) this.audit.routed(route);
          this.oldRoutes.push(route);
          if (this.oldRoutes.length > MOST_OLD_ROUTES) this.oldRoutes.shift();
        });
      },
      observe: (service) => carry('observe', () => proxy.observe(service)),
      cut: (service, slot) => carry('cut', () => proxy.cut(service, slot)),
      traffic: (service, cursor) => carry('traffic', () => proxy.traffic(service, cursor)),
    };
  }

  #workloads(wire: Wire, runtime: Runtime): WorkloadRuntime {
    return {
      ensure: (workload) =>
        wire.carry('ensure', (lateMs) => {
          this.tell(() => `  ensure ${workload.release.id} in ${workload.slot} × ${workload.replicas}`);
          this.audit.bringing(workload);
          return runtime.ensure(workload, lateMs);
        }),
      observe: (service) => wire.carry('look', () => this.machine.states(service)),
      stop: (service, slot) =>
        wire.carry('stop', (lateMs) => {
          this.tell(() => `  stop ${slot}`);
          this.audit.stopping(service, slot);
          return runtime.stop(service, slot, lateMs);
        }),
      logs: async function* () {},
      diagnose: async () => [],
      onChange: (listener) => runtime.onChange(listener),
    };
  }

  #log(life: Life): Log {
    const heard = (message: string): void => {
      if (!life.alive) return;
      if (message.includes('this is a bug in Bascule')) this.audit.breach(message);
      this.tell(() => `  log: ${message}`);
    };
    return {
      info: () => undefined,
      warn: (_fields, message) => heard(message),
      error: (_fields, message) => heard(message),
    };
  }
}
