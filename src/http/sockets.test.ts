import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstat, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { listenOn, prepareSockets, socketPath } from './sockets.ts';

describe('sockets', () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bascule-sockets-'));
  });
  after(() => rm(directory, { recursive: true, force: true }));

  test('a second server is refused while the first one listens', async () => {
    const home = join(directory, 'a');
    await prepareSockets(home);
    const { server, remove } = await listen(socketPath(home, 'operator'));

    await assert.rejects(prepareSockets(home), {
      code: 'SOCKET_IN_USE',
      message: `Another server listens on ${home}/operator.sock; no second one was started.`,
    });
    await remove();
    server.close();
    await prepareSockets(home);
  });

  test('what a killed server left is replaced', async () => {
    const home = join(directory, 'b');
    await mkdir(home);
    const path = socketPath(home, 'admin');
    const script = `require('net').createServer().listen(${JSON.stringify(path)}, () => console.log('up'))`;
    const child = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
    assert.ok((await lstat(path)).isSocket());

    await prepareSockets(home);
    const { server, remove } = await listen(path);
    await remove();
    server.close();
    await assert.rejects(lstat(path), { code: 'ENOENT' });
  });

  test('a file of that name is left alone', async () => {
    const home = join(directory, 'c');
    await mkdir(home);
    await writeFile(socketPath(home, 'viewer'), 'mine');

    await assert.rejects(prepareSockets(home), {
      code: 'SOCKET_FAILED',
      message: /is not a socket; it was left alone/,
    });
  });

  test('a path that is too long for the system is refused by name', async () => {
    await assert.rejects(prepareSockets(join(directory, 'x'.repeat(120))), {
      code: 'SOCKET_FAILED',
      message: /longer than the 107 bytes/,
    });
  });

  test('a socket that somebody deletes gets its name again; without its directory it is lost', async () => {
    const home = join(directory, 'e');
    await prepareSockets(home);
    const path = socketPath(home, 'viewer');
    const { server, remove, mend } = await listen(path);
    assert.equal(await mend(), 'whole');
    await rm(path);
    assert.equal(await mend(), 'mended');
    await assert.rejects(prepareSockets(home), { code: 'SOCKET_IN_USE' });
    await rm(home, { recursive: true });
    assert.equal(await mend(), 'lost');
    await remove();
    server.close();
  });

  test('closing leaves the socket of a successor alone', async () => {
    const home = join(directory, 'd');
    await prepareSockets(home);
    const path = socketPath(home, 'admin');
    const first = await listen(path);
    const second = await listen(path);
    await first.remove();
    first.server.close();

    assert.ok((await lstat(path)).isSocket());
    await second.remove();
    second.server.close();
  });
});

async function listen(path: string) {
  const server = createServer();
  const { undo: remove, mend } = await listenOn((own) => once(server.listen(own), 'listening'), path);
  return { server, remove, mend };
}
