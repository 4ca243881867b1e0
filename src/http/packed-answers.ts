import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { FastifyInstance } from 'fastify';

const LEAST_CHARACTERS = 4096;
const pack = promisify(gzip);

/**
 * Packs what is looked at, where it is large and the client takes it: two hundred services are half a MiB of JSON that
 * says much the same. Answers to what acts stay as they are, so that no secret (a new token) is ever packed together
 * with what somebody else chose, whose length would tell of it.
 */
export function packAnswers(app: FastifyInstance): void {
  app.addHook('onSend', async (request, reply, payload) => {
    const accepts = /\bgzip\b/.test(request.headers['accept-encoding'] ?? '');
    if (request.method !== 'GET' || !accepts || typeof payload !== 'string') return payload;
    if (payload.length < LEAST_CHARACTERS || reply.hasHeader('content-encoding')) return payload;
    reply.header('content-encoding', 'gzip').header('vary', 'accept-encoding').removeHeader('content-length');
    return pack(payload, { level: constants.Z_BEST_SPEED });
  });
}
