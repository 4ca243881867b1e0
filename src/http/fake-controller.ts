import { createHash } from 'node:crypto';
import type { Caller, Controller } from '../controller/controller.ts';
import type {
  Actions,
  Answered,
  AuditView,
  ChainCheck,
  EventView,
  PlanView,
  RolloutView,
  ServiceView,
} from '../controller/views.ts';
import { OperatingError } from '../lib/errors.ts';
import { BEHIND } from './fake-judgement.ts';
import { INFO, PLAN, RELEASE } from './fake-plan.ts';
import { guardPart } from './fake-guards.ts';
import { measuresPart, type FakeMeasures } from './fake-measures.ts';
import { judgePart } from './fake-judge.ts';
import { tokensPart, type FakeTokens } from './fake-tokens.ts';

/** A controller for tests of the API and of the commands: holds views, answers verbs by simple rules. */
export type Fake = FakeMeasures &
  FakeTokens & {
    readonly controller: Controller;
    /** Steering calls that reached it, refused ones included: `pause shop by local (unverified) as admin`. */
    readonly calls: string[];
    /** Steering calls that changed something. */
    readonly changes: string[];
    readonly events: EventView[];
    readonly artifacts: Map<string, Buffer>;
    readonly logLines: { readonly replica: number; readonly releaseId: string; readonly text: string }[];
    plan: PlanView;
    /** Newest first. */
    audit: readonly AuditView[];
    chainFault: ChainCheck['fault'];
    /** What the next steering call is refused with, or null. */
    refusal: OperatingError | null;
    /** Called before each steering call is answered: a script may move the world here. */
    onSteer: (call: string) => void | Promise<void>;
    show(service: ServiceView): void;
    rollout(rollout: RolloutView): void;
    record(event: EventView): void;
    listeners(): number;
  };

type State = Omit<Fake, 'controller' | 'later'>;

export function fakeController(): Fake {
  const services = new Map<string, ServiceView>();
  const rollouts = new Map<string, RolloutView>();
  const listeners = new Set<(event: EventView) => void>();
  const state: State = {
    calls: [],
    changes: [],
    events: [],
    artifacts: new Map(),
    logLines: [],
    pushed: [],
    measureChecks: [],
    plan: PLAN,
    audit: [],
    chainFault: null,
    refusal: null,
    onSteer: () => undefined,
    show: (service) => {
      services.set(service.name, service);
      for (const one of [service.rollout, service.last]) if (one !== null) rollouts.set(one.id, one);
    },
    rollout: (rollout) => {
      rollouts.set(rollout.id, rollout);
      const service = services.get(rollout.service);
      if (service === undefined) return;
      const over = rollout.phase === 'over';
      services.set(rollout.service, {
        ...service,
        rollout: over ? null : rollout,
        last: over ? rollout : service.last,
      });
    },
    record: (event) => {
      state.events.push(event);
      for (const listener of listeners) listener(event);
    },
    listeners: () => listeners.size,
  };
  const { later, ...people } = tokensPart(state);
  const controller: Controller = {
    read: readPart(state, services, rollouts, listeners),
    judge: judgePart(
      (id) => find(rollouts, id, 'rollout'),
      (name) => find(services, name, 'service'),
      () => [...rollouts.values()],
    ),
    steer: steerPart(state, services, rollouts),
    guard: guardPart(state, (name) => find(services, name, 'service')),
    measures: measuresPart(state, (name) => find(services, name, 'service')),
    artifacts: artifactPart(state),
    ...people,
  };
  return Object.assign(state, { controller, later });
}

function find<T>(map: ReadonlyMap<string, T>, key: string, what: 'service' | 'rollout'): T {
  const found = map.get(key);
  if (found !== undefined) return found;
  const code = what === 'service' ? 'SERVICE_UNKNOWN' : 'ROLLOUT_UNKNOWN';
  const known = [...map.keys()].join(', ');
  throw new OperatingError(code, `There is no ${what} ${key}. Known: ${known === '' ? 'none' : known}.`, {
    retryable: false,
  });
}

function actionsIn({ allowedActions, refusedActions }: Actions): Actions {
  return { allowedActions, refusedActions };
}

function readPart(
  fake: State,
  services: Map<string, ServiceView>,
  rollouts: Map<string, RolloutView>,
  listeners: Set<(event: EventView) => void>,
): Controller['read'] {
  return {
    services: async (_asker, only) =>
      [...services.values()].filter(({ name }) => only === undefined || name === only),
    service: (name) => find(services, name, 'service'),
    actions: (name) => actionsIn(find(services, name, 'service')),
    pastActions: (id) => actionsIn(find(rollouts, id, 'rollout')),
    rollout: (id) => find(rollouts, id, 'rollout'),
    why: (id) => {
      const rollout = find(rollouts, id, 'rollout');
      const events = fake.events.filter((event) => event.rollout === id);
      const sentence =
        rollout.reason ?? `${rollout.label} is at ${rollout.sharePercent}%; nothing is decided yet`;
      return {
        rollout,
        sentence,
        ...BEHIND,
        events,
        chain: { seq: events.at(-1)?.seq ?? 0, mac: 'ab12'.repeat(16) },
      };
    },
    history: ({ service, limit }) =>
      [...rollouts.values()]
        .filter((one) => service === null || one.service === service)
        .toSorted((a, b) => b.startedAtMs - a.startedAtMs)
        .slice(0, limit),
    events: ({ service, rollout, afterSeq, limit }) =>
      fake.events
        .filter((event) => event.seq > afterSeq)
        .filter((event) => service === null || event.service === service)
        .filter((event) => rollout === null || event.rollout === rollout)
        .slice(0, limit),
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async *logs({ follow, signal, tail }) {
      yield* fake.logLines.slice(-tail);
      if (!follow) return;
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    },
    audit: ({ limit, beforeSeq }) => {
      const older = fake.audit.filter(({ seq }) => beforeSeq === null || seq < beforeSeq);
      const entries = older.slice(0, limit);
      return { entries, before: older.length > limit ? entries.at(-1)!.seq : null };
    },
    checkChain: (announced) => ({
      head: { seq: 5, mac: 'ab12'.repeat(16) },
      records: 5,
      fault: fake.chainFault,
      compared: announced === null ? null : announced.seq > 1,
    }),
    info: () => ({ ...INFO, lastSeq: fake.events.at(-1)?.seq ?? 0 }),
    freezes: () => [],
    releases: async (name) => {
      find(services, name, 'service');
      return [RELEASE];
    },
    metrics: () => Promise.resolve('# TYPE bascule_up gauge\nbascule_up 1\n'),
  };
}

function steerPart(
  fake: State,
  services: Map<string, ServiceView>,
  rollouts: Map<string, RolloutView>,
): Controller['steer'] {
  const took = async (call: string, caller: Caller) => {
    fake.calls.push(`${call} by ${caller.actor} as ${caller.role}`);
    if (fake.refusal !== null) throw fake.refusal;
    await fake.onSteer(call);
  };
  /** A verb on a rollout that is under way. */
  const onRollout = async (name: string, verb: string, caller: Caller): Promise<Answered> => {
    await took(`${verb} ${name}`, caller);
    const service = find(services, name, 'service');
    if (service.rollout === null) {
      throw new OperatingError(
        'NO_ROLLOUT',
        `no rollout of ${name} is under way, so there is nothing to ${verb.split(' ')[0]}. Nothing changed.`,
        { retryable: false },
      );
    }
    fake.changes.push(`${verb} ${name}`);
    return { result: 'done', message: `${verb}: recorded.`, service, rollout: service.rollout };
  };
  return {
    ...steerFile(fake, services, took),
    redeploy: async ({ service: name, label, supersede }, caller) => {
      await took(`redeploy ${name} ${label}${supersede ? ' supersede' : ''}`, caller);
      const service = find(services, name, 'service');
      fake.changes.push(`redeploy ${name} ${label}`);
      return { result: 'done', message: `rollout of ${label} begins.`, service, rollout: service.rollout };
    },
    retry: async (id, caller) => {
      await took(`retry ${id}`, caller);
      const rollout = find(rollouts, id, 'rollout');
      fake.changes.push(`retry ${id}`);
      return { result: 'done', message: `r-0194 begins: ${rollout.label} again.`, service: null, rollout };
    },
    ...steerRollout(onRollout),
    abort: async ({ service: name, rollout }, caller) => {
      await took(`abort ${name}${rollout === null ? '' : ` ${rollout}`}`, caller);
      const service = find(services, name, 'service');
      if (service.rollout === null) {
        return { result: 'nothing', message: `no rollout of ${name} is under way.`, service, rollout: null };
      }
      fake.changes.push(`abort ${name}`);
      return { result: 'done', message: `all traffic goes back to v42.`, service, rollout: service.rollout };
    },
    rollback: async ({ service: name, label }, caller) => {
      await took(`rollback ${name} ${label ?? 'last good'}`, caller);
      const service = find(services, name, 'service');
      fake.changes.push(`rollback ${name}`);
      return { result: 'done', message: `back to ${label ?? 'v41'}.`, service, rollout: service.rollout };
    },
    remove: async (name, caller) => {
      await took(`remove ${name}`, caller);
      const service = find(services, name, 'service');
      fake.changes.push(`remove ${name}`);
      return { result: 'done', message: `${name} is taken away.`, service, rollout: null };
    },
  };
}

function steerFile(
  fake: State,
  services: ReadonlyMap<string, ServiceView>,
  took: (call: string, caller: Caller) => Promise<void>,
): Pick<Controller['steer'], 'apply' | 'plan' | 'deploy'> {
  return {
    apply: async ({ spec, dryRun }, caller) => {
      await took(`apply ${spec.name}${dryRun ? ' (dry run)' : ''}`, caller);
      const service = find(services, spec.name, 'service');
      const { replicas } = spec.scale;
      const now = service.slots.blue.replicas;
      const changes = replicas === now ? [] : [`replicas ${now} → ${replicas}`];
      if (dryRun || changes.length === 0) {
        const message = changes.length === 0 ? `${spec.name} is as the file says.` : 'nothing was applied.';
        return { result: 'nothing', message, changes, service, rollout: null };
      }
      fake.changes.push(`apply ${spec.name}`);
      return { result: 'done', message: `${spec.name} is applied.`, changes, service, rollout: null };
    },
    plan: async ({ spec, label }, caller) => {
      await took(`plan ${spec.name} ${label}`, caller);
      return { ...fake.plan, label };
    },
    deploy: async ({ spec, label, artifactDigest, supersede, planId }, caller) => {
      await took(
        `deploy ${spec.name} ${label}${supersede ? ' supersede' : ''}${planId === null ? '' : ` ${planId}`}`,
        caller,
      );
      if (artifactDigest === null || !fake.artifacts.has(artifactDigest))
        throw new Error('deployed an artifact that was not put');
      const service = services.get(spec.name) ?? null;
      if (service?.stable === label) {
        return { result: 'nothing', message: `${label} is what serves already.`, service, rollout: null };
      }
      fake.changes.push(`deploy ${spec.name} ${label}`);
      const rollout = service?.rollout ?? null;
      return { result: 'done', message: `rollout of ${label} begins.`, service, rollout };
    },
  };
}

function steerRollout(
  act: (service: string, verb: string, caller: Caller) => Promise<Answered>,
): Pick<Controller['steer'], 'pause' | 'resume' | 'promote' | 'weight'> {
  return {
    pause: (name, caller) => act(name, 'pause', caller),
    resume: (name, caller) => act(name, 'resume', caller),
    promote: ({ service, fromStep, full }, caller) =>
      act(service, `promote ${full ? 'full' : `from-step-${fromStep}`}`, caller),
    weight: ({ service, percent, beyondPlan }, caller) =>
      act(service, `weight ${percent}${beyondPlan ? '!' : ''}`, caller),
  };
}

function artifactPart(fake: State): Controller['artifacts'] {
  return {
    has: (digest) => Promise.resolve(fake.artifacts.has(digest)),
    put: async (stream, digest) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of stream) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      if (createHash('sha256').update(bytes).digest('hex') !== digest) {
        throw new OperatingError('ARTIFACT_DIGEST_MISMATCH', 'The upload is not what its digest says.', {
          retryable: true,
        });
      }
      fake.artifacts.set(digest, bytes);
    },
  };
}
