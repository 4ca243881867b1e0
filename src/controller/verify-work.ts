import { isRetryable, messageOf } from '../lib/errors.ts';
import { checkName } from '../release/describe-plan.ts';
import type { VerifyCheck } from '../release/service.ts';
import type { Command } from '../rollout/command.ts';
import type { CheckResult } from '../workload/checker.ts';
import { FIRST_RETRY_MS, LAST_RETRY_MS, type Effort } from './effort.ts';
import type { Decisions } from './tenure.ts';
import type { Ports } from './ports.ts';
import { releaseOf } from './slot-work.ts';

type Verify = Extract<Command, { kind: 'verify' }>;
type Outcome = { readonly failed: string | null; readonly found: readonly string[] };

const LOOK_MS = 100;
/** Errors of the machine, not of the version, that a check survives. */
const MOST_TROUBLES = 8;
const BETWEEN_ATTEMPTS_MS = 1000;

/**
 * Runs the checks of a candidate, one after the other. Those that a controller was killed over are run again from the first
 * one: nobody knows how far they came. When the rollout does not wait for them any more, what runs is ended.
 */
export class VerifyWork {
  readonly #ports: Ports;
  readonly #engine: Decisions;
  readonly #effort: Effort;

  constructor(ports: Ports, engine: Decisions, effort: Effort) {
    this.#ports = ports;
    this.#engine = engine;
    this.#effort = effort;
  }

  async run(service: string, id: string, command: Verify): Promise<void> {
    const unwanted = new AbortController();
    const over = new AbortController();
    const watch = this.#watch(service, command, { unwanted, over: over.signal });
    try {
      const outcome = await this.#outcomeOf(command, unwanted.signal);
      if (this.#effort.stopping.aborted) return;
      if (!this.#isWanted(service, command)) return this.#engine.finishLater(service, id);
      await this.#effort.report(service, { kind: 'verified', rollout: command.rollout, ...outcome }, id);
    } finally {
      over.abort();
      await watch;
    }
  }

  async #watch(
    service: string,
    command: Verify,
    { unwanted, over }: { readonly unwanted: AbortController; readonly over: AbortSignal },
  ): Promise<void> {
    const signal = AbortSignal.any([over, this.#effort.stopping]);
    while (!signal.aborted && this.#isWanted(service, command))
      await this.#ports.timers.sleep(LOOK_MS, signal);
    unwanted.abort();
  }

  #isWanted(service: string, { rollout }: Verify): boolean {
    const now = this.#engine.find(service)?.rollout;
    return now?.id === rollout && now.phase === 'verifying';
  }

  async #outcomeOf({ releaseId, preview, checks }: Verify, signal: AbortSignal): Promise<Outcome> {
    const found: string[] = [];
    for (const [index, check] of checks.entries()) {
      const result = await this.#resultOf(check, { releaseId, preview }, signal);
      if (result.ok) {
        found.push(`${checkName(check)}: ${result.found}`);
        continue;
      }
      const which = checks.length === 1 ? '' : ` (check ${index + 1} of ${checks.length})`;
      return { failed: `${checkName(check)}: ${result.found}${which}`, found: result.output };
    }
    return { failed: null, found };
  }

  /** The first attempt that is good, or the last one. */
  async #resultOf(
    check: VerifyCheck,
    { releaseId, preview }: Pick<Verify, 'releaseId' | 'preview'>,
    signal: AbortSignal,
  ): Promise<CheckResult> {
    const release = releaseOf(this.#ports, releaseId);
    if (release === null) return { ok: false, found: `the record of ${releaseId} is gone`, output: [] };
    let waitMs = FIRST_RETRY_MS;
    for (let attempt = 1, troubles = 0; ;) {
      try {
        const result = await this.#ports.checker.attempt(check, { release, preview }, signal);
        if (result.ok || attempt === check.attempts || signal.aborted) return withAttempts(result, attempt);
        attempt += 1;
        await this.#ports.timers.sleep(BETWEEN_ATTEMPTS_MS, signal);
      } catch (error) {
        // Not the version's fault: a full disk, a process that hangs in the kernel.
        troubles += 1;
        if (!isRetryable(error) || signal.aborted || troubles === MOST_TROUBLES)
          return { ok: false, found: messageOf(error), output: [] };
        this.#ports.log.warn({ release: releaseId, check: checkName(check) }, messageOf(error));
        await this.#ports.timers.sleep(waitMs, signal);
        waitMs = Math.min(waitMs * 2, LAST_RETRY_MS);
      }
    }
  }
}

function withAttempts(result: CheckResult, attempts: number): CheckResult {
  return attempts === 1 ? result : { ...result, found: `${result.found}, attempt ${attempts}` };
}
