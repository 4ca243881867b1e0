import { z } from 'zod';

import { noteOnTarget, readTarget, suggestTarget, TARGET } from './target.ts';
import { FACTS } from './values.ts';

const EXAMPLE = 'an address such as http://127.0.0.1:8001, or http://127.0.0.1:8080/canary';
const MOST_TARGETS = 64;

function address(description: string) {
  return z
    .string()
    .regex(TARGET)
    .refine((value) => typeof readTarget(value) !== 'string')
    .describe(description)
    .register(FACTS, {
      kind: 'shape',
      what: EXAMPLE,
      code: 'E051',
      suggest: suggestTarget,
      note: noteOnTarget,
    });
}

const one = address(
  'A place that answers HTTP, with a path of its own if it has one; or unix:/run/app.sock, a unix socket that does.',
);

function places(slot: string) {
  return z
    .union([one, z.array(one).min(1).max(MOST_TARGETS)])
    .describe(`Where ${slot} is: one address, or one for each replica.`)
    .register(FACTS, {
      kind: 'shape',
      what: `a list of addresses, or one such as http://127.0.0.1:8001`,
      code: 'E051',
      max: MOST_TARGETS,
      suggest: suggestTarget,
      note: noteOnTarget,
    });
}

export const targets = z
  .strictObject({ blue: places('blue'), green: places('green') })
  .describe(
    'In place of run: two environments that somebody else runs. Nothing is started or stopped; a release is the label of what stands in one of them.',
  )
  .register(FACTS, {
    kind: 'shape',
    what: 'a mapping of blue and green to addresses',
    code: 'E008',
    owner: 'targets',
  });

export const current = address(
  'What serves before the first deploy: it becomes the stable version that this is judged against and goes back to. Only the first deploy looks at it.',
).register(FACTS, {
  kind: 'shape',
  what: EXAMPLE,
  code: 'E051',
  suggest: suggestTarget,
  note: noteOnTarget,
  owner: 'targets',
  defaultNote: 'nothing serves yet',
});
