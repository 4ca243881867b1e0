import type { FailedRequest } from '../../counts.ts';
import { MOST_FAILED, failureKind, shownPath } from '../../failed-request.ts';
import type { ServiceCounts } from '../messages.ts';
import type { ReplicaLink } from './replica-link.ts';
import type { Attempt } from './service-live.ts';

/** Some of the requests that failed, the first few since they were last taken. */
export class FailedExamples {
  #failed: Omit<FailedRequest, 'second'>[] = [];

  note({ slot, index }: ReplicaLink, { classIndex, status, req }: Attempt): void {
    const kind = failureKind(classIndex);
    if (kind === null || req === undefined || this.#failed.length >= MOST_FAILED) return;
    const { method = null, url = '' } = req;
    const told = {
      kind,
      status: kind === 'serverError' ? (status ?? null) : null,
      method,
      path: shownPath(url),
    };
    this.#failed.push({ slot, replica: index, ...told });
  }

  take(): Pick<ServiceCounts, 'failed'> {
    const failed = this.#failed;
    if (failed.length === 0) return {};
    this.#failed = [];
    return { failed };
  }
}
