import type { OwnCase, Subject } from './case.ts';
import { ANSWERS } from './subjects/answers.ts';
import { BODIES } from './subjects/bodies.ts';
import { CONNECTIONS } from './subjects/connections.ts';
import { FORWARDED } from './subjects/forwarded.ts';
import { HEADS } from './subjects/heads.ts';
import { DOORS, RESTARTS } from './subjects/own-doors.ts';
import { DRAINS, FAILURES, HOLDS } from './subjects/own-flow.ts';
import { RESILIENCE } from './subjects/own-resilience.ts';
import { ROUTING } from './subjects/routing.ts';
import { STREAMS } from './subjects/streams.ts';

/** Seen behind each proxy. */
export const SUBJECTS: readonly Subject[] = [
  ROUTING,
  HEADS,
  FORWARDED,
  BODIES,
  ANSWERS,
  STREAMS,
  CONNECTIONS,
];

export type OwnSubject = { readonly title: string; readonly cases: readonly OwnCase[] };

/** What a proxy without a controller of Bascule's kind has no word for. */
export const OWN_SUBJECTS: readonly OwnSubject[] = [
  { title: 'Doors and routes', cases: DOORS },
  { title: 'Holds', cases: HOLDS },
  { title: 'Switches and drains', cases: DRAINS },
  { title: 'Failures and retries', cases: FAILURES },
  { title: 'Queues, ejections, patience and pages', cases: RESILIENCE },
  { title: 'Restarts', cases: RESTARTS },
];
