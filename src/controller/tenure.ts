import { assert } from '../lib/assert.ts';
import { OperatingError } from '../lib/errors.ts';
import type { Engine } from './engine.ts';
import { Executor } from './execute.ts';
import type { Ports, Settings } from './ports.ts';

/** What doing needs of the engine. */
export type Decisions = Pick<Engine, 'find' | 'post' | 'turn' | 'finishLater'>;

type Tenure = { readonly salt: string; readonly executor: Executor };

/**
 * One executor for each life of a service, from its first deploy to its removal. What is still being tried for a service that
 * was removed must not take the next one of the same name for it: routes and ids of commands begin anew.
 */
export class Tenures {
  readonly #tenures = new Map<string, Tenure>();
  readonly #engine: Engine;
  readonly #make: (decisions: Decisions) => Executor;

  constructor(ports: Ports, engine: Engine, settings: Settings, stopping: AbortSignal) {
    this.#engine = engine;
    this.#make = (decisions) => new Executor(ports, decisions, settings, stopping);
  }

  /** The executor of a service that is there now. */
  of(service: string): Executor {
    const salt = this.#engine.find(service)?.salt;
    assert(salt !== undefined, `${service} is gone, and something is to be done for it`);
    const known = this.#tenures.get(service);
    if (known?.salt === salt) return known.executor;
    const executor = this.#make(during(this.#engine, salt));
    this.#tenures.set(service, { salt, executor });
    return executor;
  }

  /** Gives the proxy what it lost of a service, if that is still there. */
  async restore(service: string): Promise<void> {
    if (this.#engine.find(service) !== null) await this.of(service).restore(service);
  }

  forget(service: string): void {
    this.#tenures.delete(service);
  }
}

/** The engine as one life of a service sees it: over when the service is gone, whoever has its name then. */
function during(engine: Engine, salt: string): Decisions {
  const find: Decisions['find'] = (service) => {
    const state = engine.find(service);
    return state?.salt === salt ? state : null;
  };
  return {
    find,
    turn: () => engine.turn(),
    post: (service, event, actor, extra) => {
      if (find(service) === null)
        throw new OperatingError(
          'SERVICE_UNKNOWN',
          `${service} was removed; ${event.kind} is of no use any more`,
          {
            retryable: false,
          },
        );
      return engine.post(service, event, actor, extra);
    },
    finishLater: (service, command) => {
      if (find(service) !== null) engine.finishLater(service, command);
    },
  };
}
