/** What was answered is in the log, also while HAProxy is loaded anew. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { openStage, waitFor } from '../conformance.ts';
import { searchPath } from '../proxy-command.ts';
import { openHaproxy } from './conformance.ts';

const ENV = { ...process.env, PATH: searchPath() };
const skip = spawnSync('haproxy', ['-v'], { env: ENV }).status === 0 ? false : 'haproxy is not installed';
const RELOADS = 20;
const CONNECTIONS = 16;
const REQUESTS_BETWEEN = 1500;

function ask(socket: Socket): void {
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
}

/** Asks on every connection as fast as it is answered. HAProxy answers itself: nothing else slows the log down. */
function openLoad(port: number): { answered(): number; cut(): number; stop(): Promise<void> } {
  let [answered, cut, open] = [0, 0, 0];
  let going = true;
  function begin(): void {
    const socket = connect(port, '127.0.0.1', () => ask(socket));
    open += 1;
    let [text, waits] = ['', true];
    socket.setEncoding('latin1').on('data', (some: string) => {
      text += some;
      if (!text.endsWith('not in service yet')) return;
      answered += 1;
      waits = going && !/^connection: close/im.test(text);
      text = '';
      if (waits) ask(socket);
      else socket.end();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      open -= 1;
      if (waits) cut += 1;
      if (going) begin();
    });
  }
  for (let i = 0; i < CONNECTIONS; i += 1) begin();
  return {
    answered: () => answered,
    cut: () => cut,
    stop: async () => {
      going = false;
      await waitFor(
        () => Promise.resolve(open),
        (left) => left === 0,
      );
    },
  };
}

test('reloads under load leave no request out of the log', { skip, timeout: 90_000 }, async (t) => {
  const bench = await openHaproxy();
  const stage = await openStage(bench.router, {}, undefined, bench.proxy);
  const { master } = bench.router.managed;
  const load = openLoad(stage.port);
  t.after(async () => {
    await load.stop();
    await stage.close();
    await bench.close();
  });

  for (let i = 1; i <= RELOADS; i += 1) {
    await waitFor(
      () => Promise.resolve(load.answered()),
      (answered) => answered >= i * REQUESTS_BETWEEN,
    );
    const { current } = (await waitFor(
      () => master.workers().catch(() => null),
      (now) => now !== null,
    ))!;
    await master.ask('reload').catch(() => undefined);
    await waitFor(
      () => master.workers().catch(() => null),
      (now) => now !== null && now.current !== null && now.current !== current,
    );
  }
  await load.stop();
  // Why it is so; the load alone does not always show that more threads drop lines.
  const { current } = await master.workers();
  assert.match(await master.tell(current!, 'show info'), /^Nbthread: 1$/m);

  const lines = readFileSync(join(bench.root, 'access.log'), 'latin1').match(/^bascule2 /gm) ?? [];
  t.diagnostic(`${load.answered()} answered, ${lines.length} logged, ${RELOADS} reloads`);
  assert.equal(load.cut(), 0, 'connections were cut before their answer');
  assert.equal(lines.length, load.answered());
});
