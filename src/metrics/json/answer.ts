import { search } from '@aws-lambda-powertools/jmespath';
import { refused, type JsonAnswer } from '../json-answer.ts';
import { noData, sampleOf, sourceDown, type MeasureSample } from '../source.ts';

/** The number at a JMESPath (jmespath.org/specification.html); what is not there, or null, is no data. */
export function readAnswer(answer: JsonAnswer, place: string, path: string): MeasureSample {
  if (answer.kind === 'failed') return sourceDown(answer.why);
  const { status, value } = answer;
  if (status < 200 || status > 299) return sourceDown(refused(place, status, ''));
  let found: unknown;
  try {
    found = search(path, value as Parameters<typeof search>[1]);
  } catch {
    // Of its functions: a sum of what is no list of numbers, for example.
    return sourceDown(`${path} cannot be taken of this answer`);
  }
  if (found === null || found === undefined) return noData(`nothing stands at ${path}`);
  if (typeof found === 'number') return sampleOf(found);
  // JSON has no way to write them, so that some write them as text.
  if (found === 'NaN') return sampleOf(Number.NaN);
  if (found === 'Infinity' || found === '+Inf') return sampleOf(Number.POSITIVE_INFINITY);
  return sourceDown(
    `what stands at ${path} is ${Array.isArray(found) ? 'a list' : `of kind ${typeof found}`}, no number`,
  );
}
