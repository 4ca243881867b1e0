import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { openStage, type Stage } from '../conformance.ts';
import { prefixConformance } from '../prefix-conformance.ts';
import { openBuiltin, type BuiltinBench } from './conformance.ts';

prefixConformance('the built-in proxy', () => openBuiltin(2));

let bench: BuiltinBench;
let stage: Stage;

before(async () => {
  bench = await openBuiltin(1);
});
after(async () => {
  await stage?.close();
  await bench?.close();
});

test('a WebSocket is opened below the prefix, and a dead replica of a slot repeats below the other’s', async () => {
  stage = await openStage(bench.router, {});
  const [first, second] = stage.applications.green;
  for (const each of [first!, second!]) each.on.set('/b/healthz', (_req, res) => res.end('well'));
  first!.on.set('/a/healthz', (_req, res) => res.end('well'));
  await bench.router.install({
    ...stage.door,
    slots: {
      blue: stage.door.slots.blue,
      green: [
        { ...first!.address, pathPrefix: '/a' },
        { ...second!.address, pathPrefix: '/b' },
      ],
    },
  });
  await stage.route({ serve: 'green' });
  const asked: string[] = [];
  for (const { server } of [first!, second!]) {
    const sockets = new WebSocketServer({ server });
    sockets.on('connection', (socket, request) => {
      asked.push(request.url!);
      socket.close();
    });
  }

  const socket = new WebSocket(`ws://127.0.0.1:${stage.port}/live?x=1`);
  await once(socket, 'close');
  assert.match(asked[0] ?? '', /^\/[ab]\/live\?x=1$/);

  // Its port is closed: the attempt that fails was written for /a, the one that follows must be for /b.
  await first!.close();
  const answers = await Promise.all(['/1', '/2', '/3', '/4'].map((path) => stage.get(path)));
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  );
  assert.deepEqual(
    second!.asked.filter((path) => !path.startsWith('/b/')),
    [],
  );
});
