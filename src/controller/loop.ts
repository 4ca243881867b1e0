import type { Json } from '../lib/json.ts';
import type { Controller, ServerInfo } from './controller.ts';
import { Calendar } from './calendar.ts';
import { Counting } from './counting.ts';
import { Deploys } from './deploys.ts';
import { Desk } from './desk.ts';
import { Engine, type EngineListener } from './engine.ts';
import { Guarding } from './guarding.ts';
import { Judging } from './judging.ts';
import { Lookout } from './lookout.ts';
import { MeasureDesk } from './measure-desk.ts';
import { Measuring } from './measuring.ts';
import { releaseOf } from './slot-work.ts';
import { Metrics } from './metrics.ts';
import { Permitted } from './permitted.ts';
import type { Ports, Settings } from './ports.ts';
import { ProxyTotals } from './proxy-totals.ts';
import { answerOf, type KeptAnswer } from './receipt.ts';
import { Reads } from './reads.ts';
import { auditedVerbs, MOST_STRANGERS_A_MINUTE, Refusals, type Refused } from './refusals.ts';
import { Reserved } from './reserved.ts';
import { Steer } from './steer.ts';
import { Rounds } from './rounds.ts';
import { Tenures } from './tenure.ts';
import { Troubles } from './troubles.ts';
import { Tidying } from './tidy.ts';
import { Tokens } from './tokens.ts';

const LOOK_MS = 200;
/** Services without a rollout are looked at and counted less often. */
const CALM_ROUNDS = 10;
const COUNT_MS = 250;
/** A round is done in so many parts, one after another: a thousand services at once would be one long turn of the event loop. */
export const PARTS = 10;
const COMPACT_MS = 60_000;
const TROUBLES_MS = 2000;

type Started = Omit<ServerInfo, 'lastSeq'>;

type Running = {
  readonly controller: Controller;
  readonly idempotency: Notes;
  /** Writes down what was refused before it got here, and what changes nothing of what is recorded otherwise. */
  note(noted: Refused): void;
  /** Writes down that another proxy took the place of the one that ran. After `start`. */
  noteProxy(says: string): void;
  start(bootId: string): Promise<void>;
  stop(): Promise<void>;
};

/**
 * The controller of one state directory: takes up what the journal holds, makes the world so, and goes on. There is no
 * recovery mode; a fresh start and one after a kill are the same code.
 */
export function createController(ports: Ports, settings: Settings, info: Started): Running {
  const stopping = new AbortController();
  const engine = new Engine(ports);
  const calendar = new Calendar(settings.freezes ?? []);
  engine.freezeBy(calendar);
  const desk = new Desk();
  const totals = new ProxyTotals();
  const tenures = new Tenures(ports, engine, settings, stopping.signal);
  const lookout = new Lookout(ports, engine, (service) => tenures.restore(service));
  const troubles = new Troubles(ports, engine, lookout);
  const metrics = metricsOf(ports, info, { desk, totals, seen: lookout });
  const measuring = new Measuring(ports, (id) => releaseOf(ports, id));
  const counting = new Counting(ports, engine, { desk, measuring, totals });
  const reserved = new Reserved(ports.router, engine, settings.slotPorts);
  const deploys = new Deploys(ports, engine, reserved);
  const permitted = new Permitted(engine, deploys);
  const reads = new Reads({ ports, engine, desk, info, metrics, seen: lookout, permitted });
  const steer = new Steer(ports, engine, { deploys, reads, reserved, calendar });
  const tokens = new Tokens(ports, engine);
  const refusals = new Refusals(ports, engine);
  const waste = new Tidying(ports, settings, stopping.signal);
  const { looks, counts, tidying } = roundsOf(ports, engine, { lookout, counting, waste });
  const stops: (() => void)[] = [];
  const listener = listenerOf({ tenures, reads, metrics, desk, waste, kept: [counting, lookout] });

  async function start(bootId: string): Promise<void> {
    const pending = engine.load();
    engine.listen(listener, (rollout) => desk.evidence(rollout));
    const restarted = engine.bootId !== null && engine.bootId !== bootId;
    for (const { service, commands } of pending) {
      const answer = restarted ? engine.post(service, { kind: 'machineRestarted' }, 'bascule') : null;
      const state = engine.find(service);
      if (state === null) continue;
      const executor = tenures.of(service);
      executor.adopt(state, answer?.kind === 'turn' ? answer.turn.commands : commands);
      executor.enqueue(service, commands);
    }
    engine.noteBoot(bootId);
    stops.push(
      ports.runtime.onChange((service) => looks.runAnew(service)),
      ports.timers.every(LOOK_MS / PARTS, rounds(engine, looks)),
      ports.timers.every(COUNT_MS / PARTS, rounds(engine, counts)),
      ports.timers.every(COMPACT_MS, () => tidying.run('all')),
      ports.timers.every(TROUBLES_MS, () => troubles.look()),
    );
  }

  async function stop(): Promise<void> {
    stopping.abort();
    for (const one of stops.splice(0)) one();
    await Promise.all([looks.idle(), counts.idle(), tidying.idle()]);
    await measuring.stop();
    await ports.samples.close();
    ports.journal.close();
  }

  return {
    controller: {
      read: reads,
      judge: new Judging(ports, engine, reads),
      ...auditedVerbs({ steer, guard: new Guarding(ports, engine, steer), people: tokens }, refusals),
      tokens,
      measures: new MeasureDesk(ports, engine),
      artifacts: artifactsOf(ports),
    },
    note: notesOfOthers(ports, engine, refusals),
    noteProxy: (says) => engine.noteProxy(says),
    idempotency: notesOf(ports, engine, reads),
    start,
    stop,
  };
}

/** Whoever reaches the login of the dashboard can fail there: that is bounded for itself. */
function notesOfOthers(ports: Ports, engine: Engine, refusals: Refusals): (noted: Refused) => void {
  const strangers = new Refusals(ports, engine, MOST_STRANGERS_A_MINUTE);
  return (noted) => {
    const isStrangers = noted.verb === 'login' && noted.result === 'refused';
    (isStrangers ? strangers : refusals).note(noted);
  };
}

function artifactsOf({ store }: Ports): Controller['artifacts'] {
  return {
    has: (digest) => store.has(digest),
    put: (stream, digest) => store.put(stream, digest),
  };
}

type Told = {
  readonly desk: Desk;
  readonly totals: ProxyTotals;
  readonly seen: Pick<Lookout, 'certificates' | 'replicas'>;
};

function metricsOf(
  { messages = () => [] }: Ports,
  { version }: Started,
  { desk, totals, seen }: Told,
): Metrics {
  const verdict = (rollout: string) => desk.evidence(rollout).verdict?.overall ?? null;
  const certificates = (service: string) => seen.certificates.of(service);
  return new Metrics({ version, totals, verdict, messages, certificates, replicas: seen.replicas });
}

type Listening = {
  readonly tenures: Tenures;
  readonly reads: Reads;
  readonly metrics: Metrics;
  readonly desk: Desk;
  readonly waste: Tidying;
  /** What keeps something of each service. */
  readonly kept: readonly { forget(service: string): void }[];
};

function listenerOf({ tenures, reads, metrics, desk, waste, kept }: Listening): EngineListener {
  return {
    commands: (service, commands) => tenures.of(service).enqueue(service, commands),
    event: (event) => {
      metrics.decided(event.service, event.kind);
      reads.tell(event);
    },
    backUnrecorded: (route) => tenures.of(route.service).backUnrecorded(route),
    changed: (service, turn) => {
      if (turn.gone) {
        for (const each of kept) each.forget(service);
        tenures.forget(service);
      }
      if (turn.ended === null) return;
      metrics.ended(service, turn.ended.ending.outcome);
      desk.close(turn.ended.rollout.id);
      waste.ended(turn.ended.rollout.id);
    },
  };
}

/** Answers of idempotent requests, kept in the journal. */
type Notes = { get(key: string): KeptAnswer | null; put(key: string, answer: KeptAnswer): void };

function notesOf(ports: Ports, engine: Engine, reads: Reads): Notes {
  return {
    get: (key) => {
      const kept = (ports.journal.document('answer', key) as unknown as KeptAnswer | undefined) ?? null;
      return kept?.receipt === undefined ? kept : { ...kept, body: answerOf(kept.receipt, reads, engine) };
    },
    put: (key, answer) =>
      engine.note({ kind: 'answer', key, value: answer as unknown as Json }, 'answers', 'bascule'),
  };
}

type Repeated = { readonly lookout: Lookout; readonly counting: Counting; readonly waste: Tidying };

function roundsOf(ports: Ports, engine: Engine, { lookout, counting, waste }: Repeated) {
  return {
    looks: new Rounds(ports, 'looking', (service) => lookout.look(service)),
    counts: new Rounds(ports, 'counting', (service) => counting.take(service)),
    tidying: new Rounds(ports, 'tidying', () => waste.tidy(() => engine.services())),
  };
}

/** To be called at each part of a round. Acts in every round where a rollout is under way, now and then elsewhere. */
function rounds(engine: Engine, act: Rounds): () => void {
  let calls = 0;
  return () => {
    const part = calls % PARTS;
    const round = Math.floor(calls / PARTS);
    calls += 1;
    let index = -1;
    for (const { service, rollout } of engine.each()) {
      index += 1;
      if (index % PARTS !== part) continue;
      const isDue = (round + Math.floor(index / PARTS)) % CALM_ROUNDS === 0;
      if (rollout !== null || isDue) act.run(service);
    }
  };
}
