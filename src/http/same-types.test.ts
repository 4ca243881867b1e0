import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { z } from 'zod';
import type { ServerInfo } from '../controller/controller.ts';
import type { JudgeView } from '../controller/judge-view.ts';
import type {
  Answered,
  AuditPage,
  ChainCheck,
  EventView,
  PlanView,
  RolloutView,
  ServiceView,
  WhyView,
} from '../controller/views.ts';
import type { ServiceSpec } from '../release/service.ts';
import type { planView } from './answers-foresight.ts';
import type { judgeView } from './answers-judge.ts';
import type * as audit from './answers-audit.ts';
import type * as answers from './answers.ts';
import type { serviceSpec } from './service-body.ts';

type Same<A, B> = [A, B] extends [B, A] ? true : never;
type Of<S extends z.ZodType> = z.infer<S>;

/** The compiler is the test: where a schema and its type drift apart, `true` is not assignable to `never`. */
const SAME: readonly [
  Same<Of<typeof serviceSpec>, ServiceSpec>,
  Same<Of<typeof answers.serviceView>, ServiceView>,
  Same<Of<typeof answers.rolloutView>, RolloutView>,
  Same<Of<typeof answers.eventView>, EventView>,
  Same<Of<typeof answers.whyView>, WhyView>,
  Same<Of<typeof judgeView>, JudgeView>,
  Same<Of<typeof planView>, PlanView>,
  Same<Of<typeof answers.serverInfo>, ServerInfo>,
  Same<Of<typeof answers.answered>, Answered>,
  Same<Of<typeof audit.auditPage>, AuditPage>,
  Same<Of<typeof audit.chainCheck>, ChainCheck>,
] = [true, true, true, true, true, true, true, true, true, true, true];

test('the schemas of the API are those of the types behind it', () => {
  assert.equal(SAME.length, 11);
});
