import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, lstat, mkdir, readFile, readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { createWorld } from './harness.ts';
import { freePorts, freeRange } from './ports.ts';
import { waitFor } from './wait-for.ts';

const SKIP = process.geteuid!() === 0 ? false : 'only root can become another user';

const APPLICATION = `
import { createServer } from 'node:http';
import { writeFileSync } from 'node:fs';
writeFileSync('made-by-the-application', 'x');
createServer((req, res) => res.end(String(process.getuid()))).listen(process.env.PORT);
`;

test(
  'a service with a user runs as that user, from a state directory that nobody else can look into',
  { skip: SKIP },
  async (t) => {
    const world = await createWorld();
    t.after(() => world.close());
    const [port] = await freePorts(1);
    const first = await freeRange(16);
    const app = join(world.directory, 'app');
    // Made by the server itself.
    await rmdir(world.stateDirectory);
    await chmod(world.directory, 0o711);
    await mkdir(app);
    await writeFile(
      join(world.directory, 'server.yaml'),
      `slot-ports: ${first}-${first + 15}\nallowed-users: [nobody]\n`,
    );
    await writeFile(join(app, 'app.mjs'), APPLICATION);
    await writeFile(
      join(app, 'bascule.yaml'),
      `version: 1\nservices:\n  shop:\n    run: node app.mjs\n    build: touch built\n    user: nobody\n    health: /\n    listen: ${port}\n`,
    );
    const controller = await world.serve({ args: ['--config', join(world.directory, 'server.yaml')] });
    const { code, stderr } = await world.run(['deploy', 'shop', '--version', 'v1', '--detach'], { cwd: app });
    assert.equal(code, 0, stderr);

    const answer = (): Promise<string> => fetch(`http://127.0.0.1:${port}/`).then((each) => each.text());
    const uid = execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).trim();
    await waitFor('the application to serve', async () => (await answer()) === uid, { withinMs: 60_000 });

    assert.deepEqual(await open(world.stateDirectory), []);
    assert.equal(controller.log().split('runs as root').length, 2, 'warned once');
    assert.match(
      await readFile(join(world.stateDirectory, 'logs', 'shop', 'blue', 'v1', '0.log'), 'utf8'),
      /^/,
    );
  },
);

/** What others could list, read or write, walking from here. */
async function open(path: string): Promise<string[]> {
  const { mode } = await lstat(path);
  const found = (mode & 0o006) === 0 ? [] : [`${path} ${(mode & 0o777).toString(8)}`];
  if ((mode & 0o001) === 0) return found;
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  const inside = entries.filter((each) => !each.isSymbolicLink()).map((each) => open(join(path, each.name)));
  return [...found, ...(await Promise.all(inside)).flat()];
}
