import { request, type ClientRequest } from 'node:http';

export type Api = (method: string, path: string, body?: unknown) => Promise<unknown>;

const LISTEN_MS = 1000;

/** Asks the API on a socket; an answer other than 200 is an error. */
export function apiOf(socketPath: string): Api {
  return (method, path, body) =>
    new Promise((resolve, reject) => {
      const bytes = Buffer.isBuffer(body);
      const type = bytes ? 'application/octet-stream' : 'application/json';
      const headers = body === undefined ? {} : { 'content-type': type };
      const sent = request({ socketPath, method, path: `/api/v1${path}`, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          if (response.statusCode !== 200)
            reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
          else resolve(path === '/metrics' ? text : text === '' ? null : JSON.parse(text));
        });
      });
      sent.on('error', reject);
      sent.end(body === undefined || bytes ? body : JSON.stringify(body));
    });
}

/** What was recorded after `seq`, a line each: read from the stream of events for a second. */
export function recordedAfter(socketPath: string, seq: number): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    let text = '';
    const sent: ClientRequest = request({ socketPath, path: `/api/v1/events?after=${seq}` }, (response) => {
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      response.on('error', () => undefined);
    });
    sent.on('error', reject);
    sent.end();
    setTimeout(() => {
      sent.off('error', reject).on('error', () => undefined);
      sent.destroy();
      const events = [...text.matchAll(/^event: event\ndata: (.+)$/gmu)];
      resolve(events.map(([, data]) => data!));
    }, LISTEN_MS);
  });
}
