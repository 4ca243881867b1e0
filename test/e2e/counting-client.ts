import { Agent, get } from 'node:http';

export type Aim = { readonly port: number; readonly path: string; readonly cookie: string };

export type Outcome = {
  /** 0: the client left, or the connection broke. */
  readonly status: number;
  /** The server that answered, or null. */
  readonly server: string | null;
  /** From the request's last byte to the answer's first. */
  readonly tookMs: number;
  /** Sent again, because a reload closed the connection before the request was read: the applications saw it once. */
  readonly again: number;
};

const LEAVE_MS = 80;

/** A client that keeps its connections. Requests for `/abort` are left after 80 ms. */
export class CountingClient {
  readonly #agent: Agent;

  constructor(connections: number) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  close(): void {
    this.#agent.destroy();
  }

  async ask(aim: Aim): Promise<Outcome> {
    for (let again = 0; ; again += 1) {
      const outcome = await this.#once(aim);
      if (outcome !== 'closed') return { ...outcome, again };
      if (again > 10) throw new Error(`${aim.path}: the connection is closed again and again`);
    }
  }

  #once({ port, path, cookie }: Aim): Promise<Omit<Outcome, 'again'> | 'closed'> {
    return new Promise((resolve) => {
      let sentMs = performance.now();
      const request = get({ port, path, host: '127.0.0.1', agent: this.#agent, headers: { cookie } });
      request.on('finish', () => {
        sentMs = performance.now();
        if (path.startsWith('/abort')) setTimeout(() => request.destroy(), LEAVE_MS);
      });
      request.on('response', (response) => {
        const tookMs = performance.now() - sentMs;
        const server = response.headers['x-server'];
        response.resume();
        response.on('error', () => undefined);
        response.on('close', () =>
          resolve({
            status: response.complete ? response.statusCode! : 0,
            server: typeof server === 'string' ? server : null,
            tookMs,
          }),
        );
      });
      request.on('error', () => {
        resolve(!path.startsWith('/abort') ? 'closed' : { status: 0, server: null, tookMs: 0 });
      });
    });
  }
}
