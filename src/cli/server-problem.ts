import type { Problem } from '../http/answers.ts';
import { OperatingError } from '../lib/errors.ts';

/** What the server answered instead: its problem, word for word. */
export class ServerProblem extends OperatingError {
  readonly status: number;
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.code, problem.detail, { retryable: problem.retryable });
    this.status = problem.status;
    this.problem = problem;
  }
}
