import type { Caller } from '../controller/controller.ts';
import { OperatingError } from '../lib/errors.ts';
import { SERVER_ACTIONS, type ServerAction } from './answers-actions.ts';
import { checkRole, checkServerScope } from './caller.ts';
import type { Route } from './route.ts';

export type ServerActions = {
  readonly allowedActions: readonly ServerAction[];
  readonly refusedActions: readonly {
    readonly action: ServerAction;
    readonly code: string;
    readonly why: string;
  }[];
};

/** What somebody may do about the whole server: the same checks as when it is asked for. */
export function serverActions(routes: readonly Route[], caller: Caller, token: string | null): ServerActions {
  const allowedActions: ServerAction[] = [];
  const refusedActions: ServerActions['refusedActions'][number][] = [];
  for (const [action, request] of Object.entries(SERVER_ACTIONS) as [ServerAction, string][]) {
    const route = routes.find(({ method, path }) => `${method} ${path}` === request);
    if (route === undefined) continue;
    try {
      checkServerScope(caller);
      checkRole(route, caller, token);
      allowedActions.push(action);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      refusedActions.push({ action, code: error.code, why: error.message });
    }
  }
  return { allowedActions, refusedActions };
}
