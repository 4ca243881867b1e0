import { OperatingError } from '../lib/errors.ts';
import { refused, type Answer } from '../rollout/answer.ts';
import type { DeployRequest, ServiceState } from '../rollout/state.ts';
import { actionsOf, actionsOfPast, begun, type Asker, type Starts } from './allowed.ts';
import type { Deploys } from './deploys.ts';
import type { Engine } from './engine.ts';
import { serviceOf, type RolloutRecord } from './records.ts';
import type { Actions } from './views.ts';

/** Ids that nothing has. */
const MADE_UP = { rollout: 'r-', seed: '' };

type Refused = Extract<Answer, { kind: 'refused' }>;

/** Who may do what now. Nothing is drawn and nothing is recorded for it. */
export class Permitted implements Starts {
  readonly #engine: Pick<Engine, 'moment' | 'find'>;
  readonly #deploys: Deploys;
  /** The version that a rollback goes to: many records are read for it, and it changes with the state alone. */
  readonly #back = new WeakMap<ServiceState, string | Refused>();

  constructor(engine: Pick<Engine, 'moment' | 'find'>, deploys: Deploys) {
    this.#engine = engine;
    this.#deploys = deploys;
  }

  service(state: ServiceState, asker: Asker): Actions {
    return actionsOf(state, asker, this.#at(state));
  }

  /** Of a rollout that is over. */
  past({ rollout }: Pick<RolloutRecord, 'rollout'>, asker: Asker): Actions {
    const state = this.#engine.find(serviceOf(rollout));
    return actionsOfPast(state, asker, () => this.#again(state!, rollout.releaseId, asker));
  }

  start(state: ServiceState, asker: Asker): DeployRequest {
    return this.#deploys.imagined(state, null, { asker, ids: MADE_UP });
  }

  back(state: ServiceState, asker: Asker): DeployRequest | Refused {
    const found = this.#back.get(state) ?? this.#lookUp(state);
    this.#back.set(state, found);
    if (typeof found !== 'string') return found;
    const to = { releaseId: found, remark: null };
    return orRefusal(() => this.#deploys.back(state, to, { ...asker, ids: MADE_UP }));
  }

  #again(state: ServiceState, releaseId: string, asker: Asker): Answer {
    const release = this.#deploys.release(releaseId);
    if (release === null)
      return refused('RELEASE_UNKNOWN', `the record of ${releaseId} is gone; nothing could be started.`);
    const request = this.#deploys.imagined(state, release, { asker, ids: MADE_UP });
    return begun(state, { request, supersede: false }, { asker, at: this.#at(state) });
  }

  #lookUp(state: ServiceState): string | Refused {
    return orRefusal(() => this.#deploys.lastGood(state));
  }

  #at(state: ServiceState) {
    return { moment: this.#engine.moment(state.service), starts: this };
  }
}

function orRefusal<T>(act: () => T): T | Refused {
  try {
    return act();
  } catch (error) {
    if (error instanceof OperatingError) return { kind: 'refused', code: error.code, why: error.message };
    throw error;
  }
}
