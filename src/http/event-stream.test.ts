import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { testApi, type TestApi } from './api-fixture.ts';
import { PROGRESSING, said, STORY } from './fake-views.ts';

type Frame = { readonly id: string; readonly event: string; readonly data: string; readonly comment: string };

/** Frames of an event stream as they come. */
async function* frames(response: IncomingMessage): AsyncGenerator<Frame> {
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n');
      text = text.slice(end + 2);
      const field = (name: string) =>
        lines.find((line) => line.startsWith(`${name}:`))?.slice(name.length + 2) ?? '';
      yield { id: field('id'), event: field('event'), data: field('data'), comment: field('') };
    }
  }
}

async function take(stream: AsyncGenerator<Frame>, count: number): Promise<Frame[]> {
  const taken: Frame[] = [];
  while (taken.length < count) {
    const { value, done } = await stream.next();
    if (done === true) break;
    taken.push(value);
  }
  return taken;
}

const seqs = (taken: readonly Frame[]) => taken.map((frame) => frame.id);

describe('the event stream', () => {
  let api: TestApi;
  before(async () => {
    api = await testApi({ streams: { heartbeatMs: 100, slowMs: 200, most: 3 } });
    api.fake.show(PROGRESSING);
    for (const event of STORY) api.fake.record(event);
  });
  after(() => api.end());

  test('with views begins ready, and tells of services that changed, each as a whole', async () => {
    const response = await api.open('viewer', '/events?views=true');
    const stream = frames(response);
    const [ready] = await take(stream, 1);
    assert.deepEqual([ready?.event, JSON.parse(ready!.data)], ['ready', { schema: 1 }]);

    const changed = { ...PROGRESSING, users: '50% on v42, 50% on v43' };
    api.fake.show(changed);
    for (;;) {
      const [frame] = await take(stream, 1);
      assert.ok(frame !== undefined, 'the stream goes on');
      if (frame.event === '') continue;
      const { name, service } = JSON.parse(frame.data) as { name: string; service: unknown };
      assert.deepEqual([frame.event, frame.id, name, service], ['view', '', 'shop', changed]);
      break;
    }
    response.destroy();
    api.fake.show(PROGRESSING);
  });

  test('begins with a snapshot of now and goes on with what is recorded', async () => {
    const response = await api.open('viewer', '/events');
    const stream = frames(response);
    const [snapshot] = await take(stream, 1);
    api.fake.record(said(6, 304_000, 'paused', 'paused by ana'));
    const [event] = await take(stream, 1);

    assert.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8');
    assert.deepEqual([snapshot?.event, snapshot?.id], ['snapshot', '5']);
    assert.deepEqual(JSON.parse(snapshot!.data), { schema: 1, services: [PROGRESSING] });
    assert.deepEqual([event?.event, event?.id], ['event', '6']);
    assert.deepEqual(JSON.parse(event!.data), { schema: 1, ...api.fake.events.at(-1) });
    response.destroy();
  });

  test('replays what came after Last-Event-ID, and after=', async () => {
    for (const [path, headers] of [
      ['/events', { 'last-event-id': '3' }],
      ['/events?after=3', {}],
      ['/events?after=0', { 'last-event-id': '3' }],
    ] as const) {
      const response = await api.open('viewer', path, headers);
      assert.deepEqual(seqs(await take(frames(response), 4)), ['3', '4', '5', '6']);
      response.destroy();
    }
  });

  test('shows one service or one rollout when asked to', async () => {
    api.fake.record({ ...said(7, 305_000, 'deploy', 'other'), service: 'other', rollout: 'r-0200' });
    api.fake.record(said(8, 306_000, 'resumed', 'resumed by ana'));
    const one = await api.open('viewer', '/events?after=5&rollout=r-0200');
    const other = await api.open('viewer', '/events?after=5&service=shop');

    assert.deepEqual(seqs(await take(frames(one), 2)), ['5', '7']);
    assert.deepEqual(seqs(await take(frames(other), 3)), ['5', '6', '8']);
    one.destroy();
    other.destroy();
  });

  test('says that it is alive while nothing happens', async () => {
    const response = await api.open('viewer', '/events');
    const [, beat] = await take(frames(response), 2);

    assert.equal(beat?.comment, 'alive');
    response.destroy();
  });

  test('a client that leaves is forgotten', async () => {
    const response = await api.open('viewer', '/events');
    await take(frames(response), 1);
    assert.equal(api.fake.listeners(), 1);
    response.destroy();

    await until(() => api.fake.listeners() === 0);
  });

  test('a client that does not read is closed, and the others are not', async () => {
    const slow = await api.open('viewer', '/events?after=8');
    const quick = await api.open('viewer', '/events?after=8');
    slow.pause();
    const reading = take(frames(quick), 400);
    for (let seq = 9; seq < 9 + 400; seq += 1) api.fake.record(said(seq, 0, 'judged', 'x'.repeat(10_000)));

    assert.equal((await reading).length, 400);
    await until(() => api.fake.listeners() === 1);
    quick.destroy();
    slow.destroy();
    await until(() => api.fake.listeners() === 0);
  });

  test('clients beyond the limit are told so', async () => {
    const open = await Promise.all([1, 2, 3].map(() => api.open('viewer', '/events')));
    const refused = await api.ask('viewer', 'GET', '/events');

    assert.deepEqual([refused.status, refused.body.code], [503, 'TOO_MANY_STREAMS']);
    for (const response of open) response.destroy();
    await until(() => api.fake.listeners() === 0);
  });

  test('a stopping server says so and closes', async () => {
    const response = await api.open('viewer', '/events');
    const stream = frames(response);
    await take(stream, 1);
    const stopped = api.api.stop(1000);
    const rest = await take(stream, 10);
    await stopped;

    assert.deepEqual(
      rest.map(({ event }) => event),
      ['bye'],
    );
    await assert.rejects(api.open('viewer', '/info'), { code: 'ENOENT' });
    await api.again();
  });

  test('stopping is bounded: a request that hangs is cut', async () => {
    const reached = Promise.withResolvers<void>();
    api.fake.onSteer = () => {
      reached.resolve();
      return new Promise<void>(() => {});
    };
    const hanging = api.ask('admin', 'POST', '/services/shop/pause');
    const cut = assert.rejects(hanging, { code: 'ECONNRESET' });
    await reached.promise;
    await api.api.stop(50);
    await cut;
    api.fake.onSteer = () => undefined;
    await api.again();
  });

  test('a follower of logs ends with the server', async () => {
    const response = await api.open('viewer', '/services/shop/logs?follow=true');
    response.resume();
    const ended = once(response, 'end');
    await api.api.stop(1000);
    await ended;
    await api.again();
  });
});

async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 5000;
  while (!holds()) {
    assert.ok(Date.now() < end, 'did not come true within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
