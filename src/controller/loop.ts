import { messageOf } from '../lib/errors.ts';
import type { Json } from '../lib/json.ts';
import type { Controller, ServerInfo } from './controller.ts';
import { Counting } from './counting.ts';
import { Deploys } from './deploys.ts';
import { Desk } from './desk.ts';
import { Engine, type EngineListener } from './engine.ts';
import { Executor } from './execute.ts';
import { Lookout } from './lookout.ts';
import { Metrics } from './metrics.ts';
import type { Ports, Settings } from './ports.ts';
import { Reads } from './reads.ts';
import { Steer } from './steer.ts';
import { every } from './ticker.ts';
import { tidy } from './tidy.ts';

const LOOK_MS = 200;
/** Services without a rollout are looked at and counted less often. */
const CALM_ROUNDS = 10;
const COUNT_MS = 250;
const COMPACT_MS = 60_000;

/**
 * The controller of one state directory: takes up what the journal holds, makes the world so, and goes on. There is no
 * recovery mode; a fresh start and one after a kill are the same code.
 */
export function createController(
  ports: Ports,
  settings: Settings,
  info: Omit<ServerInfo, 'lastSeq'>,
): {
  readonly controller: Controller;
  readonly idempotency: Notes;
  start(bootId: string): Promise<void>;
  stop(): Promise<void>;
} {
  const stopping = new AbortController();
  const engine = new Engine(ports);
  const desk = new Desk();
  const metrics = new Metrics();
  const executor = new Executor(ports, engine, settings, stopping.signal);
  const lookout = new Lookout(ports, engine);
  const counting = new Counting(ports, engine, desk);
  const deploys = new Deploys(ports, engine, settings);
  const reads = new Reads({ ports, engine, desk, info, metrics });
  const steer = new Steer(ports, engine, deploys, reads);
  const look = (service: string): Promise<void> => lookout.look(service);
  const stops: (() => unknown)[] = [];
  const forget = (service: string): void => counting.forget(service);
  const listener = listenerOf({ executor, reads, metrics, desk, forget });

  async function start(bootId: string): Promise<void> {
    const pending = engine.load();
    engine.listen(listener, (rollout) => desk.evidence(rollout));
    const restarted = engine.noteBoot(bootId);
    for (const { service, commands } of pending) {
      if (restarted) engine.post(service, { kind: 'machineRestarted' }, 'bascule');
      const state = engine.find(service);
      if (state === null) continue;
      executor.adopt(state);
      executor.enqueue(service, commands);
    }
    stops.push(
      ports.runtime.onChange((service) => lookSoon(ports, service, look)),
      every(LOOK_MS, ports, 'looking', rounds(engine, look)),
      every(
        COUNT_MS,
        ports,
        'counting',
        rounds(engine, (service) => counting.take(service)),
      ),
      every(COMPACT_MS, ports, 'tidying', () => tidy(ports, engine.services(), settings)),
    );
  }

  async function stop(): Promise<void> {
    stopping.abort();
    await Promise.all(stops.splice(0).map((one) => one()));
    await ports.samples.close();
    ports.journal.close();
  }

  const artifacts: Controller['artifacts'] = {
    has: (digest) => ports.store.has(digest),
    put: (stream, digest) => ports.store.put(stream, digest),
  };
  return { controller: { read: reads, steer, artifacts }, idempotency: notesOf(ports, engine), start, stop };
}

type Listening = {
  readonly executor: Executor;
  readonly reads: Reads;
  readonly metrics: Metrics;
  readonly desk: Desk;
  readonly forget: (service: string) => void;
};

function listenerOf({ executor, reads, metrics, desk, forget }: Listening): EngineListener {
  return {
    commands: (service, commands) => executor.enqueue(service, commands),
    event: (event) => reads.tell(event),
    changed: (service, _before, turn) => {
      if (turn.gone) forget(service);
      if (turn.ended === null) return;
      metrics.ended(service, turn.ended.ending.outcome);
      desk.close(turn.ended.rollout.id);
    },
  };
}

/** A replica started or exited: nobody waits for the next round to see it. */
function lookSoon(ports: Ports, service: string, look: (service: string) => Promise<void>): void {
  look(service).catch((error: unknown) => ports.log.error({ service }, messageOf(error)));
}

/** Answers of idempotent requests, kept in the journal. */
type Notes = { get(key: string): Answer | null; put(key: string, answer: Answer): void };
type Answer = {
  readonly request: string;
  readonly status: number;
  readonly body: unknown;
  readonly atMs: number;
};

function notesOf(ports: Ports, engine: Engine): Notes {
  return {
    get: (key) => (ports.journal.document('answer', key) as unknown as Answer | undefined) ?? null,
    put: (key, answer) =>
      engine.note({ kind: 'answer', key, value: answer as unknown as Json }, 'answers', 'bascule'),
  };
}

/** One act per service and round: at every round where a rollout is under way, now and then elsewhere. */
function rounds(engine: Engine, act: (service: string) => Promise<void>): () => Promise<void> {
  let round = 0;
  return async () => {
    round += 1;
    const due = engine
      .services()
      .filter((state, index) => state.rollout !== null || (round + index) % CALM_ROUNDS === 0);
    await Promise.all(due.map((state) => act(state.service)));
  };
}
