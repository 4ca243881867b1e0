import { ROLES, type Role } from '../controller/controller.ts';
import type { Route } from './route.ts';
import { verbOf } from './verb-names.ts';

/** What a token that is for some services only may do with it. */
export type Scoped = 'its services' | 'only its services are in it' | 'yes' | 'no';

/** A row of the table of who may do what: what is registered, and so what is enforced. */
export type RoleRow = {
  readonly verb: string;
  readonly request: string;
  readonly summary: string;
  readonly may: Readonly<Record<Role, boolean>>;
  readonly scoped: Scoped;
};

const SCOPED: Readonly<Record<Route['reach'], Scoped>> = {
  service: 'its services',
  rollout: 'its services',
  own: 'only its services are in it',
  open: 'yes',
  server: 'no',
};

export function roleTable(routes: readonly Route[]): readonly RoleRow[] {
  return routes.map((route) => {
    const least = ROLES.indexOf(route.role);
    const [viewer, operator, admin] = ROLES.map((_role, index) => index >= least) as [
      boolean,
      boolean,
      boolean,
    ];
    return {
      verb: verbOf(route),
      request: `${route.method} ${route.path}`,
      summary: route.summary,
      may: { viewer, operator, admin },
      scoped: SCOPED[route.reach],
    };
  });
}
