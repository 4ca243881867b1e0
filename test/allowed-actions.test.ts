/** What the server says that somebody may do is what it does, over HTTP: nothing else is ever tried here. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Role } from '../src/controller/controller.ts';
import { SERVICE_ACTIONS, type Action, type Actions, type ServiceView } from '../src/controller/views.ts';
import { World, WORLD_SPEC } from '../src/controller/world-fixture.ts';
import { allRoutes } from '../src/http/all-routes.ts';
import { SERVER_ACTIONS, type ServerAction } from '../src/http/answers-actions.ts';
import { networkApi, type NetworkApi } from '../src/http/network-fixture.ts';
import { roleTable } from '../src/http/role-table.ts';
import type { ServiceSpec } from '../src/release/service.ts';

const SPEC: ServiceSpec = {
  ...WORLD_SPEC,
  policy: { ...WORLD_SPEC.policy, approvals: [{ before: 50, need: 1, of: null }] },
};
/** Refused by other states than this walk comes to. */
const RARELY: ReadonlySet<Action> = new Set(['apply', 'freeze']);
const DIGEST = 'ab12'.repeat(16);
const ADMIN = { actor: 'test', role: 'admin' as const };
const STEPS = 150;

type Person = { readonly name: string; readonly role: Role; readonly services: readonly string[] | null };
/** Ana starts what is started. */
const PEOPLE: readonly Person[] = [
  { name: 'ana', role: 'operator', services: null },
  { name: 'bob', role: 'operator', services: ['shop'] },
  { name: 'vic', role: 'viewer', services: null },
  { name: 'eve', role: 'admin', services: null },
];

/** The route that does it, as it stands in the table of who may do what. */
const ROUTES: Readonly<Record<Action, string>> = {
  deploy: 'POST /services/:service/deploy',
  supersede: 'POST /services/:service/deploy',
  pause: 'POST /services/:service/pause',
  resume: 'POST /services/:service/resume',
  promote: 'POST /services/:service/promote',
  'promote-full': 'POST /services/:service/promote',
  weight: 'POST /services/:service/weight',
  approve: 'POST /services/:service/approve',
  reject: 'POST /services/:service/reject',
  abort: 'POST /services/:service/abort',
  rollback: 'POST /services/:service/rollback',
  apply: 'PUT /services/:service',
  remove: 'DELETE /services/:service',
  lock: 'POST /services/:service/lock',
  unlock: 'POST /services/:service/unlock',
  'unlock-force': 'POST /services/:service/unlock',
  freeze: 'POST /services/:service/freeze',
  unfreeze: 'POST /services/:service/unfreeze',
  retry: 'POST /rollouts/:rollout/retry',
};

describe('what somebody may do', () => {
  const world = new World();
  const table = new Map(
    roleTable(allRoutes({ version: '', look: () => Promise.reject(new Error('nobody asks')) })).map((row) => [
      row.request,
      row,
    ]),
  );
  const tokens = new Map<string, string>();
  let net: NetworkApi;
  let count = 0;
  const tried = new Set<string>();

  before(async () => {
    world.spec = SPEC;
    await world.serving();
    net = await networkApi({
      controller: world.controller,
      rates: { requests: { burst: 1e6, perSecond: 1e6 }, failures: { burst: 1e6, perSecond: 1e6 } },
    });
    for (const { name, role, services } of PEOPLE) {
      const made = await world.controller.people.createToken({ name, role, services, forMs: 9e9 }, ADMIN);
      tokens.set(name, made.text);
    }
  });
  after(() => net.end());

  /** A request that is right in every way but who asks, and when. */
  function requestOf(action: Action, { rollout, last }: ServiceView): readonly [string, string, object] {
    count += 1;
    const [method, path] = ROUTES[action].split(' ') as [string, string];
    const url = path.replace(':service', 'shop').replace(':rollout', last?.id ?? 'r-none');
    const deploy = { spec: SPEC, label: `w${count}`, artifactDigest: DIGEST };
    const bodies: Partial<Record<Action, object>> = {
      deploy,
      supersede: { ...deploy, supersede: true },
      'promote-full': { full: true },
      weight: { percent: rollout?.sharePercent === 1 ? 2 : 1, beyondPlan: true },
      apply: { spec: { ...SPEC, policy: { ...SPEC.policy, watchMs: 5000 + count } } },
      lock: { reason: `walk ${count}` },
      'unlock-force': { force: true, reason: 'walk' },
      freeze: { reason: `walk ${count}` },
    };
    return [method, url, bodies[action] ?? {}];
  }

  const as = (name: string) => tokens.get(name)!;
  const look = async (name: string): Promise<ServiceView> => {
    const { status, body } = await net.ask(as(name), 'GET', '/services/shop');
    assert.equal(status, 200);
    return body.service;
  };
  const perform = (name: string, action: Action, view: ServiceView) => {
    const [method, path, body] = requestOf(action, view);
    return net.ask(as(name), method, path, method === 'DELETE' ? {} : { body });
  };

  /** Every action is in one of the two lists, and a role that is too low is that of the table. */
  function checkLists(
    { role }: Person,
    { allowedActions, refusedActions }: Actions,
    all: readonly Action[],
  ): void {
    const listed = [...allowedActions, ...refusedActions.map(({ action }) => action)];
    assert.deepEqual(listed.sort(), [...all].sort());
    for (const action of all) {
      const tooLow = refusedActions.some((one) => one.action === action && one.code === 'ROLE_TOO_LOW');
      assert.equal(tooLow, !table.get(ROUTES[action])!.may[role], `${action} as ${role}`);
    }
  }

  /** What is refused is tried: it is refused by the same code, or does nothing, and nothing changed. */
  async function tryRefused(person: Person): Promise<void> {
    const view = await look(person.name);
    checkLists(person, view, SERVICE_ACTIONS);
    const ofLast = view.last === null ? [] : view.last.refusedActions;
    for (const { action, code, why } of [...view.refusedActions, ...ofLast]) {
      // Where nothing is under way, a deploy is one whatever it would supersede.
      if (action === 'supersede' && view.rollout === null) continue;
      // Once for each person in each phase, for each reason.
      const key = `${person.name} ${action} ${code} ${view.rollout?.phase}`;
      if (tried.has(key)) continue;
      tried.add(key);
      const { status, body } = await perform(person.name, action, view);
      const about = `${action} as ${person.name}: ${why}; got ${JSON.stringify(body).slice(0, 300)}`;
      if (code === null) assert.deepEqual([status, body.result], [200, 'nothing'], about);
      else assert.equal(body.code, code, about);
      assert.ok(why.length > 10 && !/undefined|another version/u.test(why), about);
    }
    assert.deepEqual(await look(person.name), view, person.name);
  }

  test('every refusal and every permission holds, from state to state', async () => {
    const done = new Map<string, number>();
    const refused = new Set<string>();
    for (let step = 0; step < STEPS; step += 1) {
      const options: { readonly person: Person; readonly action: Action; readonly times: number }[] = [];
      for (const person of PEOPLE) {
        await tryRefused(person);
        const view = await look(person.name);
        const ofLast = view.last?.allowedActions ?? [];
        for (const action of [...view.allowedActions, ...ofLast])
          options.push({ person, action, times: done.get(`${person.role} ${action}`) ?? 0 });
        for (const { action } of [...view.refusedActions, ...(view.last?.refusedActions ?? [])])
          refused.add(`${person.role} ${action}`);
      }
      // What was done least comes next, and what ends a state after what does not.
      const [next] = options.sort((one, other) => one.times - other.times || orderOf(one) - orderOf(other));
      assert.ok(next !== undefined);
      const { person, action } = next;
      const { status, body } = await perform(person.name, action, await look(person.name));
      assert.deepEqual(
        [status, body.result],
        [200, 'done'],
        `${action} as ${person.name}: ${JSON.stringify(body).slice(0, 300)}`,
      );
      done.set(`${person.role} ${action}`, next.times + 1);
      await world.pass(step % 3 === 0 ? 2500 : 100);
      if (action === 'remove') {
        await world.until('it is gone', () => world.isGone());
        await world.serving(`again${step}`);
      }
    }
    const all = [...SERVICE_ACTIONS, 'retry'] as const;
    assert.ok(tried.size > 200, `${tried.size} tried`);
    const missing = all.flatMap((action) => [
      ...(['operator', 'admin'] as const)
        .filter((role) => table.get(ROUTES[action])!.may[role] && !done.has(`${role} ${action}`))
        .map((role) => `${role} never did ${action}`),
      ...(['viewer', 'operator', 'admin'] as const)
        .filter((role) => !refused.has(`${role} ${action}`) && !(RARELY.has(action) && role !== 'viewer'))
        .map((role) => `${role} was never refused ${action}`),
    ]);
    assert.deepEqual(missing, []);
  });

  test('the stream of views has the actions of whoever looks', async () => {
    const seen = new Map<string, ServiceView>();
    const streams = await Promise.all(
      ['vic', 'eve'].map(async (name) => {
        const asked = request({
          port: net.port,
          path: '/api/v1/events?views=true',
          headers: { authorization: `Bearer ${as(name)}` },
        });
        asked.end();
        const [response] = (await once(asked, 'response')) as [IncomingMessage];
        return { name, response: response.setEncoding('utf8') };
      }),
    );
    const ready = Promise.all(
      streams.map(async ({ name, response }) => {
        let text = '';
        for await (const chunk of response) {
          text += chunk as string;
          const [, data] = /event: view\ndata: (.*)\n\n/u.exec(text) ?? [];
          if (data === undefined) continue;
          seen.set(name, JSON.parse(data).service);
          return;
        }
      }),
    );
    // Whatever changes while nobody is subscribed yet is no news: so again, until both have heard.
    for (let tries = 0; seen.size < 2 && tries < 100; tries += 1) {
      await perform('eve', tries % 2 === 0 ? 'lock' : 'unlock', await look('eve'));
      await setTimeout(100);
    }
    await ready;

    assert.deepEqual(seen.get('vic')?.allowedActions, []);
    assert.ok(seen.get('vic')?.refusedActions.every(({ code }) => code === 'ROLE_TOO_LOW'));
    assert.ok(seen.get('eve')?.allowedActions.includes('freeze'));
  });

  test('about the whole server it is what the table says', async () => {
    for (const { name, role, services } of PEOPLE) {
      const { body } = await net.ask(as(name), 'GET', '/info');
      const { allowedActions, refusedActions } = body as {
        allowedActions: ServerAction[];
        refusedActions: { action: ServerAction; code: string }[];
      };
      // This server sends no messages and has no backups.
      const offered = (Object.keys(SERVER_ACTIONS) as ServerAction[]).filter(
        (one) => table.has(SERVER_ACTIONS[one]) && one !== 'settings',
      );
      assert.ok(offered.length >= 7, offered.join());
      for (const action of offered) {
        const may = services === null && table.get(SERVER_ACTIONS[action])!.may[role];
        const code = services === null ? 'ROLE_TOO_LOW' : 'TOKEN_SCOPE';
        assert.equal(allowedActions.includes(action), may, `${action} as ${name}`);
        assert.deepEqual(
          refusedActions.filter((one) => one.action === action).map((one) => one.code),
          may ? [] : [code],
        );
      }
    }
  });
});

/** Guards that stand before all else come late, and what takes the service away last. */
function orderOf({ action }: { readonly action: Action }): number {
  const order: readonly Action[] = ['promote', 'approve', 'pause', 'weight', 'resume', 'lock', 'unlock'];
  const at = order.indexOf(action);
  if (action === 'remove') return 100;
  if (action === 'freeze') return 50;
  return at === -1 ? 20 : at;
}
