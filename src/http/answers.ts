import { z } from 'zod';
import { ROLES } from '../controller/controller.ts';
import { VIEW_SCHEMA } from '../controller/views.ts';
import { action, actions, serverActions } from './answers-actions.ts';
import { planView } from './answers-foresight.ts';
import { earlyView, side, verdict, watchVerdict } from './answers-verdict.ts';

/** The answers as schemas, for OpenAPI and for the test that holds real answers against them. */

export const schema = z
  .literal(VIEW_SCHEMA)
  .meta({ description: 'Version of the shapes; it changes when they break.' });
export const atMs = z.int().min(0).meta({ description: 'Milliseconds since 1970.' });
export const percent = z.number().min(0).max(100);
export const role = z.enum(ROLES);
const services = z.array(z.string()).readonly();

const step = z
  .strictObject({
    kind: z.enum([
      'start',
      'ready',
      'verify',
      'mirror',
      'header-only',
      'share',
      'ask',
      'approval',
      'full',
      'watch',
    ]),
    label: z.string(),
    state: z.enum(['done', 'now', 'todo']),
    seconds: z.number().nullable(),
    atLeastSeconds: z.number().nullable(),
  })
  .meta({ id: 'Step' });

const phase = z.enum([
  'clearing',
  'starting',
  'probing',
  'verifying',
  'shifting',
  'dwelling',
  'asking',
  'watching',
  'returning',
  'retiring',
  'over',
]);
export const outcome = z.enum([
  'done',
  'rolled-back',
  'aborted',
  'undecided',
  'superseded',
  'never-ready',
  'unproven',
]);
const cause = z.enum([
  'promoted',
  'harmful',
  'severe',
  'watch',
  'route',
  'person',
  'unsure',
  'superseded',
  'start',
  'gate',
  'verify',
  'machine',
]);

export const rolloutView = z
  .strictObject({
    id: z.string(),
    service: z.string(),
    purpose: z.enum(['deploy', 'rollback']),
    label: z.string(),
    from: z.string().nullable(),
    actor: z.string(),
    strategy: z.enum(['canary', 'blue-green']),
    startedAtMs: atMs,
    endedAtMs: atMs.nullable(),
    phase,
    outcome: outcome.nullable(),
    cause: cause.nullable(),
    reason: z.string().nullable(),
    exitCode: z
      .int()
      .nullable()
      .meta({ description: 'What a client that follows it exits with; null: under way.' }),
    approval: z
      .strictObject({
        before: z.string().meta({ description: '`start`, or the share that it stands before.' }),
        need: z.int(),
        of: z.array(z.string()).readonly().nullable(),
        given: z.array(z.strictObject({ by: z.string(), atMs, reason: z.string().nullable() })).readonly(),
      })
      .nullable()
      .meta({ description: 'What people are asked to agree to now, and who did.' }),
    waiting: z.string().nullable().meta({ description: 'Why it does not go on by itself.' }),
    paused: z.boolean(),
    byHand: z.boolean(),
    sharePercent: percent,
    stepIndex: z.int(),
    steps: z.array(step).readonly(),
    next: z.string().nullable(),
    verdict: verdict.nullable(),
    early: z
      .array(earlyView)
      .readonly()
      .exactOptional()
      .meta({ description: 'Of what came before the first share, oldest first. Absent for none.' }),
    traffic: z.strictObject({ stable: side, candidate: side }).nullable(),
    ...actions,
  })
  .meta({ id: 'Rollout' });

const slotView = z
  .strictObject({
    role: z.enum(['free', 'stable', 'candidate', 'kept', 'leaving']),
    label: z.string().nullable(),
    replicas: z.int(),
    healthy: z.int(),
    ejected: z.int().exactOptional(),
    queued: z.int().exactOptional(),
    addresses: z.array(z.string()).readonly(),
    preview: z.string().nullable(),
    keptUntilMs: atMs.nullable(),
  })
  .meta({ id: 'Slot' });

const lockView = z
  .strictObject({
    by: z.string().meta({ description: 'Only they start and promote.' }),
    atMs,
    reason: z.string(),
    untilMs: atMs.nullable().meta({ description: 'Null: until it is released.' }),
    timeZone: z.string(),
  })
  .meta({ id: 'Lock' });

export const freezeView = z
  .strictObject({
    by: z.string().meta({ description: 'A person, or the line of the server file.' }),
    scope: z.enum(['service', 'server', 'file']),
    fromMs: atMs,
    untilMs: atMs.nullable().meta({ description: 'Null: until it is lifted.' }),
    timeZone: z.string(),
    alsoAdvancing: z.boolean().meta({ description: 'Whether a rollout under way stays where it is.' }),
    reason: z.string().nullable(),
  })
  .meta({ id: 'Freeze' });

const certificateView = z
  .strictObject({
    file: z.string(),
    names: z.array(z.string()).readonly().meta({ description: 'Whom the one in use is for.' }),
    notAfterMs: atMs.nullable().meta({ description: 'Until when the one in use is good; null: none is.' }),
    problem: z.string().nullable().meta({
      description: 'Why what the files hold now is not in use, or why one that was asked for is not there.',
    }),
    isAskedFor: z
      .literal(true)
      .exactOptional()
      .meta({ description: 'The proxy asks an authority for it itself.' }),
  })
  .meta({ id: 'Certificate' });

export const serviceView = z
  .strictObject({
    name: z.string(),
    users: z.string().meta({ description: 'What users get right now, in one sentence.' }),
    condition: z.enum(['serving', 'degraded', 'stable is down', 'nothing serves']),
    door: z.string(),
    stable: z.string().nullable(),
    slots: z.strictObject({ blue: slotView, green: slotView }),
    rollout: rolloutView.nullable(),
    last: rolloutView.nullable(),
    lock: lockView.nullable(),
    freezes: z.array(freezeView).readonly(),
    certificates: z.array(certificateView).readonly().exactOptional().meta({
      description: 'Of its door. Absent: it has none, or another proxy sees to them.',
    }),
    ...actions,
  })
  .meta({ id: 'Service' });

export const eventView = z
  .strictObject({
    seq: z.int(),
    atMs,
    service: z.string(),
    rollout: z.string().nullable(),
    actor: z.string(),
    kind: z.string(),
    says: z.array(z.string()).readonly(),
  })
  .meta({ id: 'Event' });

const failedRequest = z
  .strictObject({
    atMs,
    replica: z.int(),
    kind: z.enum(['serverError', 'connectFailure', 'timeout']),
    status: z.int().nullable(),
    method: z
      .string()
      .nullable()
      .meta({ description: 'Null where the proxy does not tell, as is the path.' }),
    path: z.string().nullable().meta({ description: 'Without query; what is no plain name is a star.' }),
  })
  .meta({ id: 'FailedRequest' });

export const whyView = z.strictObject({
  rollout: rolloutView,
  sentence: z.string(),
  rule: z.string().nullable().meta({ description: 'By which it ended; null: it goes on.' }),
  rules: z.array(z.string()).readonly(),
  shares: z
    .array(
      z.strictObject({
        sharePercent: percent,
        early: z
          .enum(['mirror', 'header-only'])
          .exactOptional()
          .meta({ description: 'What it was before the first share. Absent: a share.' }),
        fromMs: atMs,
        seconds: z.int(),
      }),
    )
    .readonly(),
  gaps: z
    .array(z.strictObject({ fromMs: atMs, seconds: z.int() }))
    .readonly()
    .meta({ description: 'Seconds whose counts the proxy lost.' }),
  watch: watchVerdict.nullable(),
  failed: z
    .array(failedRequest)
    .readonly()
    .meta({ description: 'The first requests that failed on the candidate, at most ten.' }),
  judged: z.strictObject({ toMs: atMs, version: z.int() }).nullable(),
  events: z.array(eventView).readonly(),
  chain: z.strictObject({ seq: z.int(), mac: z.string() }),
});

export const serverInfo = z.strictObject({
  version: z.string(),
  startedAtMs: atMs,
  stateDir: z.string(),
  pid: z.int(),
  lastSeq: z.int(),
});

export const answered = z.strictObject({
  result: z.enum(['done', 'nothing']).meta({ description: '`nothing`: it was so already.' }),
  message: z.string(),
  service: serviceView.nullable(),
  rollout: rolloutView.nullable(),
});

export const infoAnswer = z
  .strictObject({
    schema,
    role,
    actor: z.string().meta({ description: 'Who you are in the records.' }),
    services: services.nullable().meta({ description: 'What your token is for; null: all of them.' }),
    info: serverInfo,
    ...serverActions,
  })
  .meta({ id: 'InfoAnswer' });
export const servicesAnswer = z
  .strictObject({ schema, services: z.array(serviceView).readonly() })
  .meta({ id: 'ServicesAnswer' });
export const serviceAnswer = z.strictObject({ schema, service: serviceView }).meta({ id: 'ServiceAnswer' });
export const historyAnswer = z
  .strictObject({ schema, rollouts: z.array(rolloutView).readonly() })
  .meta({ id: 'HistoryAnswer' });
export const rolloutAnswer = z.strictObject({ schema, rollout: rolloutView }).meta({ id: 'RolloutAnswer' });
export const whyAnswer = z.strictObject({ schema, why: whyView }).meta({ id: 'WhyAnswer' });
export const planAnswer = z.strictObject({ schema, plan: planView }).meta({ id: 'PlanAnswer' });
export const steerAnswer = z.strictObject({ schema, ...answered.shape }).meta({ id: 'SteerAnswer' });
export const applyAnswer = z
  .strictObject({ schema, ...answered.shape, changes: z.array(z.string()).readonly() })
  .meta({ id: 'ApplyAnswer' });
export const artifactAnswer = z.strictObject({ schema, digest: z.string() }).meta({ id: 'ArtifactAnswer' });
export const openapiAnswer = z.looseObject({ openapi: z.string() }).meta({ id: 'OpenApiAnswer' });

export const problemAnswer = z
  .strictObject({
    type: z.string().meta({ description: '`urn:bascule:CODE`; `bascule explain CODE` tells about it.' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.string(),
    retryable: z.boolean(),
    requestId: z.string(),
    now: z
      .strictObject({
        users: z.string(),
        condition: z.string(),
        rollout: z.string().nullable(),
        phase: phase.nullable(),
        allowedActions: z.array(action).readonly(),
      })
      .nullable()
      .meta({ description: 'What is true of the service at this moment, where the request was about one.' }),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemAnswer>;
