import type { CodeEntry } from './code-entry.ts';

/** What can be wrong with a measure in a `bascule.yaml`. Part of FILE_CODES. */
export const MEASURE_CODES = {
  E060: {
    title: 'a measure that asks no source, or several',
    cause:
      'What stands under judge and is none of the checks is a measure: it asks exactly one source (prometheus, datadog, cloudwatch, newrelic, graphite, influxdb, json, command, pushed).',
    fix: 'Write one source with what to ask it. Two questions are two measures with names of their own.',
  },
  E061: {
    title: 'a measure has one limit',
    cause:
      'A measure is held against stable (worse-by, more-by, fewer-by) or against a number (max, min). Without a limit there would be nothing to judge; with two it would not be clear which one failed. Only a command may go without: its exit code is the answer then.',
    fix: 'Write one of them. For a range, ask twice under two names.',
  },
  E062: {
    title: 'what kind of measure this is, is not clear',
    cause:
      'Counts and rates are held against the traffic of each side, means as they are. Some queries show what they give (increase, rate, avg); this one does not.',
    fix: 'Write kind: count (events in the window), rate (events a second) or mean (anything else).',
  },
  E063: {
    title: 'not a {{…}} that can be filled in',
    cause:
      'Known are {{version}}, {{slot}}, {{role}}, {{service}}, {{window}}, {{seconds}}, {{from}} and {{to}}.',
    fix: 'Use one of these. There is no way yet to write two braces as they are.',
  },
  E064: {
    title: 'a measure that asks the same for both versions',
    cause:
      'It is held against stable, and nothing in what is asked says which version is meant: both sides would get the same number, and no fault could be seen.',
    fix: 'Put {{version}}, {{slot}} or {{role}} where the version stands, {version="{{version}}"} for example.',
  },
  E065: {
    title: 'windows of a measure that overlap',
    cause:
      'The query looks back further than the time between two questions, so that one event would be counted several times, and the judge would be surer than it may be.',
    fix: 'Write [{{window}}] in place of the range, or an interval as long as the range.',
  },
  E066: {
    title: 'not a place in a JSON answer',
    cause:
      'A measure with json needs a whole URL (or from and a path below that source), and a JMESPath to the number in the answer.',
    fix: "Write {json: 'http://127.0.0.1:9000/stats?version={{version}}', path: 'totals.signups', …}.",
  },
  E067: {
    title: 'a key that has no meaning with this source',
    cause:
      'path belongs to json, range to prometheus, from to sources that the server has an address of, failures to a command without a limit. Refused rather than ignored.',
    fix: 'Take it out.',
  },
  E068: {
    title: 'a measure that no step has time for',
    cause:
      'The first window of a measure is there after its interval and its delay. A step that may not last as long would always end without it.',
    fix: 'Shorten interval (or delay), or give dwell a longer at-most.',
  },
  E069: {
    title: 'a window that its source cannot measure',
    cause:
      'CloudWatch has values for whole minutes only. A query of InfluxDB has to name its window itself, or it would give the same for every one.',
    fix: 'For CloudWatch, write an interval of whole minutes. For InfluxDB, put {{from}} and {{to}} (or {{seconds}}) where the time stands.',
  },
} as const satisfies Record<string, CodeEntry>;
