import assert from 'node:assert/strict';
import { test } from 'node:test';
import { traceIdIn, traceIdOf, traceparentOf, withoutTrace } from './trace-context.ts';

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

test('a trace is read where its form is that of the recommendation', () => {
  for (const [traceparent, trace] of [
    [`00-${TRACE}-${PARENT}-01`, TRACE],
    [`00-${TRACE}-${PARENT}-00`, TRACE],
    [`00-${TRACE}-${PARENT}-ff`, TRACE],
    [`cc-${TRACE}-${PARENT}-01`, TRACE],
    [`cc-${TRACE}-${PARENT}-01-what-the-future-will-be-like`, TRACE],
    [`00-${TRACE}-${PARENT}-01-more`, null],
    [`00-${TRACE}-${PARENT}-01-`, null],
    [`cc-${TRACE}-${PARENT}-01.what`, null],
    [`ff-${TRACE}-${PARENT}-01`, null],
    [`00-${'0'.repeat(32)}-${PARENT}-01`, null],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, null],
    [`00-${TRACE.toUpperCase()}-${PARENT}-01`, null],
    [`00-${TRACE.slice(1)}-${PARENT}-01`, null],
    [`00-${TRACE}-${PARENT}-1`, null],
    [`00-${TRACE}-${PARENT}`, null],
    [`00_${TRACE}_${PARENT}_01`, null],
    [` 00-${TRACE}-${PARENT}-01`, null],
    ['', null],
  ] as const) {
    assert.equal(traceIdOf(traceparent), trace, traceparent);
  }
});

test('two of them are none, however they are spelled', () => {
  const one = `00-${TRACE}-${PARENT}-01`;

  assert.equal(traceIdIn(['Host', 'a', 'TraceParent', one]), TRACE);
  assert.equal(traceIdIn(['traceparent', one, 'Traceparent', one]), null);
  assert.equal(traceIdIn(['tracestate', 'a=1']), null);
});

test('the state of a trace that cannot be read goes with it, and what begins here is read as such', () => {
  const left = withoutTrace(['Host', 'a', 'traceparent', 'x', 'TraceState', 'a=1', 'X-Trace', '1']);

  assert.deepEqual(left, ['Host', 'a', 'X-Trace', '1']);
  assert.equal(traceIdOf(traceparentOf(TRACE, PARENT, true)), TRACE);
  assert.ok(traceparentOf(TRACE, PARENT, false).endsWith('-00'));
});
