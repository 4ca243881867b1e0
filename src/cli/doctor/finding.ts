import type { ServerInfo } from '../../controller/controller.ts';
import type { ServiceView } from '../../controller/views.ts';

export type Verdict = 'ok' | 'warning' | 'failure';

/** One line of the doctor: what was looked at, what is so, and what to do. */
export type Finding = {
  readonly subject: string;
  readonly verdict: Verdict;
  readonly says: string;
  /** Null where nothing is to be done. */
  readonly fix: string | null;
};

/** What the server said of itself, or why it did not. */
export type Server =
  | {
      readonly reached: true;
      readonly info: ServerInfo;
      readonly services: readonly ServiceView[];
    }
  | { readonly reached: false; readonly code: string; readonly message: string };

export function ok(subject: string, says: string): Finding {
  return { subject, verdict: 'ok', says, fix: null };
}

export function warning(subject: string, says: string, fix: string): Finding {
  return { subject, verdict: 'warning', says, fix };
}

export function failure(subject: string, says: string, fix: string): Finding {
  return { subject, verdict: 'failure', says, fix };
}
