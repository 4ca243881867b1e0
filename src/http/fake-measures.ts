import type { Controller } from '../controller/controller.ts';

export type FakeMeasures = {
  /** What applications sent. */
  readonly pushed: Parameters<Controller['measures']['push']>[0][];
  measureChecks: Awaited<ReturnType<Controller['measures']['check']>>;
};

/** Keeps what is pushed, and answers what a test wants to be found. */
export function measuresPart(
  state: FakeMeasures,
  find: (service: string) => unknown,
): Controller['measures'] {
  return {
    push: (push) => {
      find(push.service);
      state.pushed.push(push);
    },
    check: () => Promise.resolve(state.measureChecks),
  };
}
