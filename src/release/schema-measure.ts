import { z } from 'zod';

import { GAP_POLICIES, MEASURE_KINDS } from './measure.ts';
import { choice, count, duration, FACTS, flag, pattern, percent, text } from './values.ts';

export const MEASURE_NAME = /^[a-z](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

function ask(description: string, what: string) {
  return text(description, { what, defaultNote: 'one source is required' }).optional();
}

function byStable(description: string) {
  return percent(description, {
    min: 0.1,
    max: 1000,
    what: 'a percentage such as 10%',
    defaultNote: 'one limit is required',
  }).optional();
}

function limit(description: string) {
  return z
    .number()
    .describe(description)
    .register(FACTS, {
      kind: 'shape',
      what: 'a number such as 0.2',
      code: 'E008',
      defaultNote: 'one limit is required',
    })
    .optional();
}

function gap(description: string) {
  return choice(description, GAP_POLICIES, { default: 'wait' }).optional();
}

export const measure = z
  .strictObject({
    prometheus: ask('PromQL that gives one number.', 'a PromQL query'),
    datadog: ask('A metrics query of Datadog.', 'a query of Datadog'),
    cloudwatch: ask(
      'A Metrics Insights query (SELECT …) or metric math of CloudWatch that gives one series.',
      'an expression of CloudWatch',
    ),
    newrelic: ask('NRQL that gives one number; the window is added to it.', 'an NRQL query'),
    graphite: ask('A target of Graphite that gives one series.', 'a target of Graphite'),
    influxdb: ask('Flux (InfluxDB 2) or SQL (InfluxDB 3) that gives one number.', 'a query of InfluxDB'),
    json: ask('URL of a JSON answer; below the address of a source where from names one.', 'a URL'),
    command: ask(
      "Shell command, run as the service's user in the release's directory: its output is the number. Without a limit, its exit code is the answer.",
      'a shell command',
    ),
    pushed: pattern('Name of a counter that the application sends to the API.', MEASURE_NAME, {
      what: 'the name of a counter such as signups',
      code: 'E032',
      defaultNote: 'one source is required',
    }).optional(),
    from: pattern("Which of the server's sources is asked.", MEASURE_NAME, {
      what: 'the name of a source in the file of the server',
      code: 'E032',
      defaultNote: 'the one that is called like its kind',
    }).optional(),
    path: text('JMESPath to the number in a JSON answer.', {
      what: 'a JMESPath expression',
      defaultNote: 'required with json',
    }).optional(),
    range: flag('Prometheus: the points within the window, rather than the value at its end.', {
      default: false,
    }).optional(),
    kind: choice(
      'count: events in the window. rate: events a second. mean: anything else. Counts and rates are held against the traffic of each side.',
      MEASURE_KINDS,
      { defaultNote: 'as the query says, where it does' },
    ).optional(),
    'worse-by': byStable("Harm is more than stable's by this much."),
    'more-by': byStable('The same as worse-by, for what is not bad in itself.'),
    'fewer-by': byStable("Harm is less than stable's by this much."),
    max: limit('Harm is to be above this, whatever stable does.'),
    min: limit('Harm is to be below this, whatever stable does.'),
    failures: count('Failed runs of a command in a row that are harm.', 1, 100, { default: 2 }).optional(),
    interval: duration('Length of a window.', { default: '1m', min: 1000, max: 300_000 }).optional(),
    delay: duration('How long after its end a window is complete at the source.', {
      max: 300_000,
      defaultNote:
        '15s for prometheus, 10s for influxdb, 1m for datadog, newrelic and graphite, 3m for cloudwatch, 2s for the rest',
    }).optional(),
    'no-data': gap('What it is when the source has nothing for a window.'),
    'not-a-number': gap('What it is when the source answers with NaN or an infinity.'),
    'source-down': gap('What it is when the source cannot be asked.'),
  })
  .describe('Something that is measured elsewhere: one source, what to ask it, and one limit.')
  .register(FACTS, {
    kind: 'shape',
    what: "a check, or a measure such as {prometheus: 'QUERY', fewer-by: 10%}",
    code: 'E008',
  });

export type MeasureInput = z.input<typeof measure>;
