import assert from 'node:assert/strict';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PROGRESSING } from '../http/fake-views.ts';
import { networkApi, selfSigned, type NetworkApi } from '../http/network-fixture.ts';
import { testCli, type TestCli } from './cli-fixture.ts';

describe('a server elsewhere', () => {
  let cli: TestCli;
  let plain: NetworkApi;
  let secure: NetworkApi;
  let ana: string;
  let eve: string;
  const { remove, ...tls } = selfSigned('DNS:localhost,IP:127.0.0.1');
  before(async () => {
    cli = await testCli();
    plain = await networkApi();
    secure = await networkApi({}, { tls });
    plain.api.fake.show(PROGRESSING);
    secure.api.fake.show(PROGRESSING);
    ana = await secure.token('ana', 'operator');
    eve = await plain.token('eve', 'viewer');
  });
  after(async () => {
    await Promise.all([cli.end(), plain.end(), secure.end()]);
    remove();
  });

  test('is reached over TLS with a token from the environment, which is who we are', async () => {
    const env = { BASCULE_TOKEN: ana, BASCULE_CA_FILE: tls.certificate, BASCULE_ACTOR: 'CI #881' };
    const ran = await cli.run(`pause shop --host https://localhost:${secure.port}`, { env });

    assert.deepEqual([ran.code, ran.err], [0, 'follow: bascule status shop -w\n']);
    assert.deepEqual(secure.api.fake.calls.slice(-1), ['pause shop by ana as operator']);
  });

  test('the address may stand in the environment, and the token in a file of one’s own', async () => {
    const file = join(cli.project, 'token');
    await writeFile(file, `${ana}\n`, { mode: 0o600 });
    const env = {
      BASCULE_HOST: `https://127.0.0.1:${secure.port}`,
      BASCULE_TOKEN_FILE: file,
      BASCULE_CA_FILE: tls.certificate,
    };
    assert.equal((await cli.run('status shop', { env })).code, 0);
    await chmod(file, 0o644);
    const open = await cli.run('status shop', { env });

    assert.equal(open.code, 2);
    assert.match(open.err, /TOKEN_UNREADABLE.*can be read by others than you: chmod 600/);
  });

  const wrong: readonly (readonly [what: string, host: string, code: number, says: RegExp])[] = [
    ['in the clear', 'http://deploy.example.com', 2, /would show the token to everybody on the way/],
    ['with a password in it', 'https://ana:pw@localhost', 2, /no name and no password/],
    ['with a path', 'https://localhost/api', 2, /such as https:\/\/deploy\.example\.com:8443/],
    ['of another kind', 'ftp://localhost', 2, /such as https:/],
    [
      'nobody there',
      'https://127.0.0.1:1',
      4,
      /No server answers at https:\/\/127\.0\.0\.1:1 .*ECONNREFUSED/,
    ],
  ];
  for (const [what, host, code, says] of wrong) {
    test(`an address is refused: ${what}`, async () => {
      const ran = await cli.run(`status shop --host ${host}`, { env: { BASCULE_TOKEN: ana } });

      assert.equal(ran.code, code);
      assert.match(ran.err, says);
    });
  }

  test('a certificate that nobody vouches for is refused at once, and says what to do', async () => {
    const env = { BASCULE_TOKEN: ana };
    const ran = await cli.run(`status shop --host https://localhost:${secure.port}`, { env });

    assert.equal(ran.code, 4);
    assert.match(ran.err, /self-signed certificate.*BASCULE_CA_FILE/);
  });

  test('without a token nothing is sent; a wrong one exits with 5; a role that is too low as well', async () => {
    const host = `--host http://127.0.0.1:${plain.port}`;
    const none = await cli.run(`status shop ${host}`);
    const bad = await cli.run(`status shop ${host}`, { env: { BASCULE_TOKEN: ana } });
    const low = await cli.run(`pause shop ${host}`, { env: { BASCULE_TOKEN: eve } });

    assert.deepEqual([none.code, bad.code, low.code], [5, 5, 5]);
    assert.match(none.err, /TOKEN_MISSING.*BASCULE_TOKEN/);
    assert.match(bad.err, /TOKEN_REFUSED.*this server does not know it/);
    assert.match(low.err, /your token gives viewer/);
  });

  test('a token is never printed, whatever happens, nor taken as an argument', async () => {
    const mangled = `${ana}x`;
    for (const env of [
      { BASCULE_TOKEN: ana },
      { BASCULE_TOKEN: mangled },
      { BASCULE_TOKEN: 'a-password' },
    ] as const) {
      for (const line of ['status shop', 'status shop --json', 'pause nothing']) {
        const ran = await cli.run(`${line} --host http://127.0.0.1:${plain.port}`, {
          env: { ...env, BASCULE_DEBUG: '1' },
        });
        assert.notEqual(ran.code, 0);
        assert.ok(!/bsc_[0-9a-f]{8}_|a-password/.test(ran.out + ran.err), ran.err);
      }
    }
    assert.equal((await cli.run(['status', '--token', ana])).code, 2);
  });

  test('a server that has too many requests is asked again when it says', async () => {
    const slow = await networkApi({ rates: { requests: { burst: 1, perSecond: 1 } } });
    try {
      slow.api.fake.show(PROGRESSING);
      const bob = await slow.token('bob', 'operator');
      const env = { BASCULE_TOKEN: bob };
      const began = performance.now();
      for (let n = 0; n < 2; n += 1)
        assert.equal((await cli.run(`pause shop --host http://127.0.0.1:${slow.port}`, { env })).code, 0);

      assert.ok(performance.now() - began > 800);
    } finally {
      await slow.end();
    }
  });
});

describe('token', () => {
  let cli: TestCli;
  before(async () => {
    cli = await testCli();
  });
  after(() => cli.end());

  test('create prints the token alone on stdout, list shows it without, revoke ends it', async () => {
    const made = await cli.run('token create ana --role operator --services shop,blog --for 30d');
    assert.equal(made.code, 0);
    const [, id] = /^bsc_([0-9a-f]{8})_[0-9a-f]{64}\n$/.exec(made.out)!;
    assert.match(
      made.err,
      /^token [0-9a-f]{8} is made: ana as operator of shop, blog only, until .*\nIt is shown this once/,
    );

    const listed = await cli.run('token list');
    assert.match(
      listed.out,
      new RegExp(`^${id} {2}ana {2}operator of shop, blog {2}until .* not used lately`),
    );
    assert.ok(!listed.out.includes(made.out.trim()));
    const [, , secret] = made.out.trim().split('_');
    assert.ok(!JSON.stringify((await cli.run('token list --json')).out).includes(secret!));

    assert.equal((await cli.run(`token revoke ${id}`)).code, 2);
    const revoked = await cli.run(`token revoke ${id} --yes`);
    assert.deepEqual(
      [revoked.code, revoked.out],
      [0, `token ${id} of ana is revoked: whoever has it gets no further.\n`],
    );
    assert.match((await cli.run('token list')).out, / revoked /);
  });

  const wrong: readonly (readonly [string, RegExp])[] = [
    ['token', /missing required argument/],
    ['token make ana', /is one of create, list, revoke/],
    ['token create', /takes whose it is/],
    ['token create local --role viewer', /takes whose it is/],
    ['token create a(unverified) --role viewer', /takes whose it is/],
    ['token create ana', /needs a role/],
    ['token create ana --role root', /--role is one of viewer, operator, admin/],
    ['token create ana --role viewer --services Shop', /cannot be the name of a service/],
    ['token create ana --role viewer --for 30', /a duration with its unit/],
    ['token create ana --role viewer --for 400d', /forMs: Too big/],
    ['token revoke ana --yes', /takes the id of a token/],
    ['token revoke ffffffff --yes', /TOKEN_UNKNOWN/],
    ['token list ana', /takes nothing more/],
  ];
  for (const [line, says] of wrong) {
    test(`${line}: refused`, async () => {
      const ran = await cli.run(line);

      assert.notEqual(ran.code, 0);
      assert.match(ran.err, says);
    });
  }
});
