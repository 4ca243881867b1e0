import type { OutlierRules } from '../../../release/resilience.ts';
import { CLASS, type ClassIndex } from '../../tally.ts';
import type { ReplicaLink } from './replica-link.ts';

/** Failures in a row that a replica has had of late, as one worker sees them. */
export class OutlierWatch {
  readonly #rules: OutlierRules;
  readonly #onOutlier: (replica: ReplicaLink, why: string) => void;
  readonly #rows = new WeakMap<ReplicaLink, { gateway: number; all: number }>();

  /** `onOutlier`: it has had as many as are too many; then its row begins anew. */
  constructor(rules: OutlierRules, onOutlier: (replica: ReplicaLink, why: string) => void) {
    this.#rules = rules;
    this.#onOutlier = onOutlier;
  }

  note(replica: ReplicaLink, classIndex: ClassIndex, status: number): void {
    if (classIndex === CLASS.clientAbort) return;
    const row = this.#rows.get(replica);
    if (!isFailure(classIndex)) {
      if (row !== undefined) row.gateway = row.all = 0;
      return;
    }
    const { gateway, all } = row ?? { gateway: 0, all: 0 };
    const next = { gateway: isGatewayFailure(classIndex, status) ? gateway + 1 : 0, all: all + 1 };
    const why = this.#tooMany(next);
    this.#rows.set(replica, why === null ? next : { gateway: 0, all: 0 });
    if (why !== null) this.#onOutlier(replica, why);
  }

  #tooMany({ gateway, all }: { readonly gateway: number; readonly all: number }): string | null {
    const { consecutiveGatewayFailures: ofGateway, consecutive5xx: ofAll } = this.#rules;
    if (ofGateway !== null && gateway >= ofGateway) return `${gateway} gateway failures in a row`;
    return ofAll !== null && all >= ofAll ? `${all} failures in a row` : null;
  }
}

function isFailure(classIndex: ClassIndex): boolean {
  return (
    classIndex === CLASS.serverError || classIndex === CLASS.connectFailure || classIndex === CLASS.timeout
  );
}

/** The application was not there, or says that what it needs is not: not an error in what it does. */
function isGatewayFailure(classIndex: ClassIndex, status: number): boolean {
  return classIndex !== CLASS.serverError || (status >= 502 && status <= 504);
}
