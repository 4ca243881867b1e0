import type { Verb } from '../src/rollout/event.ts';
import type { Freeze, Lock } from '../src/rollout/guard.ts';
import {
  at,
  CANARY_STEPS,
  EARLY,
  emptyService,
  firstRequest,
  requestOf,
  SPEC,
  VERIFY,
} from '../src/rollout/fixtures.ts';
import type { ServiceState } from '../src/rollout/state.ts';
import { transition } from '../src/rollout/transition.ts';

type Bare = Parameters<typeof at>[1];

const STABLE_HEALTH: Bare = { kind: 'healthSeen', slot: 'blue', releaseId: 'shop/v1', healthy: 2 };
const CANDIDATE_HEALTH: Bare = { kind: 'healthSeen', slot: 'green', releaseId: 'shop/v2', healthy: 2 };

/** Plays events from the empty service on; after each, what was commanded of the route is proven unless held back. */
function play(events: readonly Bare[], holdBackLastRoute = false): ServiceState {
  let state = emptyService();
  events.forEach((bare, index) => {
    state = after(state, bare);
    if (holdBackLastRoute && index === events.length - 1) return;
    while (!state.route.proven) state = after(state, { kind: 'routeProven', revision: state.route.revision });
  });
  return state;
}

function after(state: ServiceState, bare: Bare): ServiceState {
  const answer = transition(state, at(1_000_000, bare));
  if (answer.kind !== 'turn') throw new Error(`${bare.kind}: ${answer.why}`);
  return answer.turn.state;
}

const FIRST: readonly Bare[] = [
  { kind: 'deploy', request: firstRequest('v1'), supersede: false, spec: null },
  { kind: 'slotStarted', slot: 'blue', releaseId: 'shop/v1', replicas: 2 },
  STABLE_HEALTH,
];
const DEPLOY: Bare = {
  kind: 'deploy',
  request: requestOf('v2', [...CANARY_STEPS.slice(0, 4), { kind: 'ask' }, ...CANARY_STEPS.slice(4)]),
  supersede: false,
  spec: null,
};
const VERIFIED_DEPLOY: Bare = {
  kind: 'deploy',
  request: requestOf('v2', [...CANARY_STEPS.slice(0, 2), VERIFY, ...CANARY_STEPS.slice(2)]),
  supersede: false,
  spec: null,
};
const EARLY_DEPLOY: Bare = {
  kind: 'deploy',
  request: requestOf('v2', [...CANARY_STEPS.slice(0, 2), ...EARLY, ...CANARY_STEPS.slice(2)]),
  supersede: false,
  spec: null,
};
const AGREED_DEPLOY: Bare = {
  kind: 'deploy',
  request: {
    ...requestOf('v2', [
      ...CANARY_STEPS.slice(0, 3),
      { kind: 'approval', before: 50, need: 1, of: null },
      ...CANARY_STEPS.slice(3),
    ]),
    actor: 'bob',
    known: true,
  },
  supersede: false,
  spec: null,
};
const STARTED: Bare = { kind: 'slotStarted', slot: 'green', releaseId: 'shop/v2', replicas: 2 };
const PROMOTE: Bare = { kind: 'promote', fromStep: null, full: false };
const UP: readonly Bare[] = [...FIRST, DEPLOY, STARTED, CANDIDATE_HEALTH];
const FULL: readonly Bare[] = [...UP, { kind: 'promote', fromStep: null, full: true }];

function watchedToTheEnd(): ServiceState {
  const watching = play(FULL);
  return after(watching, { kind: 'watched', stage: watching.rollout!.stage, seconds: 120, breach: null });
}

function gone(): ServiceState {
  return { ...play(FIRST), removing: true };
}

/** Every state that a service can be in, by the words of the documentation. */
const STATES: Readonly<Record<string, () => ServiceState>> = {
  'nothing deployed': emptyService,
  'first deploy, starting': () => play(FIRST.slice(0, 1)),
  'one version serves': () => play(FIRST),
  starting: () => play([...FIRST, DEPLOY]),
  probing: () => play([...FIRST, DEPLOY, STARTED]),
  verifying: () => play([...FIRST, VERIFIED_DEPLOY, STARTED, CANDIDATE_HEALTH]),
  mirror: () => play([...FIRST, EARLY_DEPLOY, STARTED, CANDIDATE_HEALTH]),
  'header-only': () => play([...FIRST, EARLY_DEPLOY, STARTED, CANDIDATE_HEALTH, PROMOTE]),
  shifting: () => play(UP, true),
  dwelling: () => play(UP),
  'dwelling, paused': () => play([...UP, { kind: 'pause' }]),
  'dwelling, by hand': () => play([...UP, { kind: 'weight', percent: 20, beyondPlan: false }]),
  asking: () => play([...UP, PROMOTE, PROMOTE]),
  'waiting for approval': () => play([...FIRST, AGREED_DEPLOY, STARTED, CANDIDATE_HEALTH, PROMOTE]),
  watching: () => play(FULL),
  returning: () => play([...UP, { kind: 'abort', rollout: null }], true),
  retiring: () => play([...UP, { kind: 'abort', rollout: null }]),
  'done, old one warm': watchedToTheEnd,
  'done, new one down, old one stands in': () =>
    after(watchedToTheEnd(), { kind: 'healthSeen', slot: 'green', releaseId: 'shop/v2', healthy: 0 }),
  'being removed': gone,
};

/** Every verb, with the flags that make a difference. */
const VERBS: Readonly<Record<string, Verb>> = {
  deploy: { kind: 'deploy', request: requestOf('v3'), supersede: false, spec: null },
  'deploy --supersede': { kind: 'deploy', request: requestOf('v3'), supersede: true, spec: null },
  pause: { kind: 'pause' },
  resume: { kind: 'resume' },
  promote: { kind: 'promote', fromStep: null, full: false },
  'promote --full': { kind: 'promote', fromStep: null, full: true },
  'weight 25': { kind: 'weight', percent: 25, beyondPlan: false },
  approve: { kind: 'approve', rollout: null, step: null, reason: null, verified: true },
  'approve (not known)': { kind: 'approve', rollout: null, step: null, reason: null, verified: false },
  reject: { kind: 'reject', rollout: null, step: null, reason: 'too early' },
  abort: { kind: 'abort', rollout: null },
  rollback: {
    kind: 'rollback',
    request: {
      ...requestOf('v1', [{ kind: 'ready' }, { kind: 'full' }, { kind: 'watch', forMs: 1000 }]),
      rollout: 'back',
      purpose: 'rollback',
    },
    healthy: 2,
    crashes: 0,
  },
  'apply (door)': { kind: 'apply', spec: { ...SPEC, door: { ...SPEC.door, drainMs: 5000 } } },
  'apply (policy)': { kind: 'apply', spec: { ...SPEC, policy: { ...SPEC.policy, watchMs: 5000 } } },
  remove: { kind: 'remove' },
  'lock acquire': { kind: 'lock', reason: 'sale', untilMs: null, timeZone: 'UTC' },
  'lock release': { kind: 'unlock', force: false, reason: null },
  freeze: {
    kind: 'freeze',
    freeze: { ...freezeBy('ana', false), scope: 'service' },
  },
  unfreeze: { kind: 'unfreeze' },
};

const LOCK: Lock = { by: 'bob', atMs: 0, reason: 'sale', untilMs: null, timeZone: 'UTC' };

function freezeBy(by: string, alsoAdvancing: boolean): Freeze {
  return { by, scope: 'server', fromMs: 0, untilMs: null, timeZone: 'UTC', alsoAdvancing, reason: null };
}

/** What stands before going forward, by the words of the documentation. */
const GUARDS = {
  'locked by bob': { lock: LOCK, frozen: [] },
  frozen: { lock: null, frozen: [freezeBy('bob', false)] },
  'frozen, also advancing': { lock: null, frozen: [freezeBy('bob', true)] },
} as const;
type Guard = keyof typeof GUARDS;
const GUARD_NAMES = Object.keys(GUARDS) as readonly Guard[];

type Cell = {
  readonly state: string;
  readonly verb: string;
  readonly does: string;
  /** The same where a guard stands before it. */
  readonly guarded: Readonly<Record<Guard, string>>;
};

export function verbTable(): readonly Cell[] {
  return Object.entries(STATES).flatMap(([name, make]) => {
    const state = make();
    return Object.entries(VERBS).map(([verb, bare]) => ({
      state: name,
      verb,
      does: cellOf(state, bare, []),
      guarded: Object.fromEntries(
        GUARD_NAMES.map((guard) => [guard, guardedCell(state, bare, guard)]),
      ) as Cell['guarded'],
    }));
  });
}

/** As a moment after the guard was put there: a rollout under way is held by then. */
function guardedCell(state: ServiceState, verb: Verb, guard: Guard): string {
  const { lock, frozen } = GUARDS[guard];
  const locked = lock === null ? state : { ...state, lock };
  const answer = transition(locked, { ...at(1_000_000, { kind: 'clockAdvanced' }), frozen });
  return cellOf(answer.kind === 'turn' ? answer.turn.state : locked, verb, frozen);
}

function cellOf(state: ServiceState, verb: Verb, frozen: readonly Freeze[]): string {
  const answer = transition(state, { ...at(1_000_000, verb), frozen });
  switch (answer.kind) {
    case 'refused':
      return `refused: \`${answer.code}\``;
    case 'nothing':
      return 'nothing to do';
    case 'turn':
      return answer.turn.says.join('; ') || 'done';
  }
}

/** Where a guard changes nothing, the table says so in one character. */
const AS_WITHOUT = '=';

/** docs/verbs.md. */
export function renderVerbTable(): string {
  const cells = verbTable();
  const sections = Object.keys(STATES).map((state) => {
    const rows = cells
      .filter((cell) => cell.state === state)
      .map(({ verb, does, guarded }) => {
        const cells = GUARD_NAMES.map((guard) => (guarded[guard] === does ? AS_WITHOUT : guarded[guard]));
        return `| ${[verb, does, ...cells].join(' | ')} |`;
      });
    const head = ['verb', 'what happens', ...GUARD_NAMES].join(' | ');
    return `## ${state}\n\n| ${head} |\n|---|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `# Verbs in every state

Made by asking the transition itself (\`npm run generate\`); a test compares. The service of the example has v1 in blue; v2 comes to
green by 10 %, 50 %, a person's word, 100 %; where it waits for approval, one is asked for before 50 %, and bob started it. "Nothing to do" means that it is so already (exit 0); a refusal changes nothing (exit 15).
An abort and a rollback are never refused while there is something to go back from; pause neither asks nor waits.

The last three columns say what the same verb does while somebody else holds the lock, or while a freeze is on; \`=\` is the same as
without. Neither stands before abort, rollback or pause, in any state.

${sections.join('\n')}`;
}
