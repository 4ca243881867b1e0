import type { Journal } from '../src/journal/journal.ts';
import { createMemoryDisk, openMemoryJournal } from '../src/journal/memory/journal.ts';
import { agreeNowAndThen, isAgreed, withApprovals } from './agreeing.ts';
import { asksPerson } from './stage.ts';
import { CELLS, type Cell, type Coverage, type Row } from './coverage.ts';
import { Draw } from './draw.ts';
import { FAULTS, strike, type Fault } from './faults.ts';
import { People, VERBS, type TypedVerb } from './people.ts';
import { playScenario, SCENARIOS } from './scenarios.ts';
import { restRight } from './rest.ts';
import { drawSpec, SERVICE, withEarly } from './spec.ts';
import { SimWorld } from './world.ts';

// An error is born for every call to a proxy that is away: its stack is of no use here, and expensive.
Error.stackTraceLimit = 2;

export type Result = {
  readonly seed: number;
  readonly breach: string | null;
  /** Decisions recorded, verbs typed, faults that struck. */
  readonly events: number;
};

export type StoryOptions = {
  readonly coverage: Coverage;
  readonly trace: ((line: string) => void) | null;
  /** Null: in memory. */
  readonly openJournal: (() => Journal) | null;
};

const LEAST_EVENTS = 200;
const MOST_CHAOS_MS = 600_000;
const AIMS = 6;
const CONVERGES_MS = 120_000;

/** Plays one seed: a time of faults, then a time of calm in which everything must come right. */
export async function playSeed(seed: number, options: StoryOptions): Promise<Result> {
  const draw = new Draw(seed);
  const disk = createMemoryDisk();
  const world = new SimWorld({
    draw,
    pace: { startMs: draw.whole(1, 20) * 50, stopMs: draw.whole(1, 10) * 50 },
    openJournal: options.openJournal ?? (() => openMemoryJournal(disk)),
    trace: options.trace,
  });
  const spec = withEarly(drawSpec(draw), seed);
  const people = new People(world, isAgreed(seed) ? withApprovals(spec) : spec);
  if (isAgreed(seed)) agreeNowAndThen(world, seed);
  const chaos = new Chaos(world, people, options.coverage, aimsOf(seed));
  try {
    await world.start();
    await people.deploy(people.label('good'));
    await chaos.rage();
    await converge(world, people);
    if (world.audit.breaches.length === 0)
      await playScenario(SCENARIOS[seed % SCENARIOS.length]!, world, people);
    if (world.audit.breaches.length === 0) endChecks(world);
  } finally {
    world.kill();
    world.journal.close();
  }
  const [breach = null] = world.audit.breaches;
  return { seed, breach, events: chaos.events };
}

/** Every cell of the table is aimed at by many seeds: rare states would else be hit too rarely. */
function aimsOf(seed: number): readonly Cell[] {
  const step = 7;
  return Array.from({ length: AIMS }, (_, index) => CELLS[((seed * AIMS + index) * step) % CELLS.length]!);
}

/** Faults and people, at random and at what this seed aims at. */
class Chaos {
  struck = 0;
  readonly #world: SimWorld;
  readonly #people: People;
  readonly #coverage: Coverage;
  readonly #aims: Set<Cell>;

  constructor(world: SimWorld, people: People, coverage: Coverage, aims: readonly Cell[]) {
    this.#world = world;
    this.#people = people;
    this.#coverage = coverage;
    this.#aims = new Set(aims);
  }

  get events(): number {
    return this.#world.commits + this.#people.typed + this.struck;
  }

  async rage(): Promise<void> {
    const world = this.#world;
    const { draw, time, audit } = world;
    const wild = draw.pick([0.3, 0.5, 0.8]);
    const gap = draw.pick([10, 20, 40]);
    let nextMs = 0;
    while (this.events < LEAST_EVENTS && time.monotonicMs < MOST_CHAOS_MS && audit.breaches.length === 0) {
      this.#aim();
      if (time.monotonicMs >= nextMs) {
        this.#act(draw.chance(wild) ? draw.pick(FAULTS) : `"${this.#verb()}"`);
        nextMs = time.monotonicMs + draw.whole(1, gap) * 50;
      }
      await world.instant(Math.max(nextMs, time.monotonicMs + 1));
    }
  }

  /** People mostly deploy and wait; the rest they do now and then. */
  #verb(): TypedVerb {
    const { draw } = this.#world;
    const isIdle = this.#world.phaseOf(SERVICE) === 'none';
    if (isIdle && draw.chance(0.7)) return 'deploy';
    const verb = draw.pick(VERBS);
    return verb === 'remove' && draw.chance(0.7) ? 'resume' : verb;
  }

  #aim(): void {
    const phase = this.#world.phaseOf(SERVICE);
    for (const cell of this.#aims) {
      if (cell.phase !== phase || !this.#world.isAlive) continue;
      this.#aims.delete(cell);
      this.#act(cell.row);
    }
  }

  #act(row: Row): void {
    const world = this.#world;
    world.disturbed();
    const hit = (): void => {
      this.struck += 1;
      this.#coverage.add(row, world.phaseOf(SERVICE));
    };
    const verb = VERBS.find((one) => `"${one}"` === row);
    if (verb === undefined) return strike(world, row as Fault, hit);
    if (!world.isAlive || (world.live.size === 0 && verb !== 'deploy' && verb !== 'supersede')) return;
    this.#coverage.add(row, world.phaseOf(SERVICE));
    void this.#people.any(verb);
  }
}

/** Nothing goes wrong any more. What waits for a person gets one; in bounded time all is over and exactly right. */
async function converge(world: SimWorld, people: People): Promise<void> {
  heal(world);
  world.save(people.labels.map((label) => `${SERVICE}/${label}`));
  const until = world.time.monotonicMs + CONVERGES_MS;
  const isOver = (): boolean => (world.live.get(SERVICE)?.rollout ?? null) === null;
  while (
    !(world.isAlive && isOver()) &&
    world.time.monotonicMs < until &&
    world.audit.breaches.length === 0
  ) {
    const rollout = world.live.get(SERVICE)?.rollout ?? null;
    const waits = rollout !== null && rollout.ending === null;
    if (world.isAlive && rollout?.held) for (const whom of [SERVICE, null]) void people.unfreeze(whom);
    if (world.isAlive && waits && (rollout.paused !== null || rollout.byHand || asksPerson(rollout)))
      void people.any(world.draw.pick(['resume', 'abort', 'promote-full']));
    await world.pass(5000);
  }
  if (world.audit.breaches.length > 0) return;
  if (!isOver()) return world.audit.breach(`not over ${CONVERGES_MS / 1000}s after everything works again`);
  await restRight(world);
}

function heal(world: SimWorld): void {
  world.tell(() => '--- nothing goes wrong any more ---');
  world.armed.length = 0;
  world.commitKill = null;
  world.diskFull = false;
  world.proxyAway = false;
  world.machine.liftAll();
  for (const { processes } of world.machine.slots.values())
    for (const process of processes) process.hung = false;
}

/** Timers of a controller at rest: three rounds, and what a scenario left behind of the world. */
const TIMERS_AT_REST = 40;

function endChecks(world: SimWorld): void {
  const fault = world.journal.verify();
  if (fault !== null) world.audit.breach(`the chain does not hold at ${fault.seq}: ${fault.why}`);
  if (world.time.waiting > TIMERS_AT_REST) world.audit.breach(`${world.time.waiting} timers wait at rest`);
  const pending = world.journal.load().flatMap((one) => one.pending);
  if (pending.length > 2) world.audit.breach(`${pending.length} commands have no result at rest`);
}
