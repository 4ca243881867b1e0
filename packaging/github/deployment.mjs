/**
 * A GitHub deployment that follows a rollout. It is told, and decides nothing: where GitHub does not answer, or refuses,
 * the rollout goes on, and `warn` is told why. Source: docs.github.com, "REST API endpoints for deployments".
 */
const TIMEOUT_MS = 10_000;
const LONGEST_DESCRIPTION = 140;

export class Deployment {
  #statuses = null;
  #settings;

  /** `settings`: api, repository, ref, environment, token, log (the page of the run), warn. */
  constructor(settings) {
    this.#settings = settings;
  }

  async begin(description) {
    const { api, repository, ref, environment } = this.#settings;
    const made = await this.#post(`${api}/repos/${repository}/deployments`, {
      ref,
      environment,
      description: short(description),
      auto_merge: false,
      // Whether the commit may go out was decided before this step.
      required_contexts: [],
    });
    this.#statuses = made?.statuses_url ?? null;
    await this.say('in_progress', description);
  }

  /** `in_progress`, `success`, `failure` or `error`. */
  async say(state, description) {
    if (this.#statuses === null) return;
    const { log, environment } = this.#settings;
    await this.#post(this.#statuses, { state, environment, description: short(description), log_url: log });
  }

  async #post(url, body) {
    const { token, warn } = this.#settings;
    try {
      const answer = await fetch(url, {
        method: 'POST',
        redirect: 'error',
        signal: AbortSignal.timeout(TIMEOUT_MS),
        headers: {
          Authorization: `Bearer ${token}`,
          Accept: 'application/vnd.github+json',
          'X-GitHub-Api-Version': '2022-11-28',
          'Content-Type': 'application/json',
        },
        body: JSON.stringify(body),
      });
      const text = await answer.text();
      if (answer.ok) return JSON.parse(text);
      warn(`GitHub answered ${answer.status} to the deployment: ${text.slice(0, 200)}`);
    } catch (error) {
      warn(
        `GitHub was not told of the deployment: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    return null;
  }
}

function short(text) {
  return text.length <= LONGEST_DESCRIPTION ? text : `${text.slice(0, LONGEST_DESCRIPTION - 1)}…`;
}
