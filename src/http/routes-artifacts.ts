import { z } from 'zod';
import { VIEW_SCHEMA } from '../controller/views.ts';
import { OperatingError } from '../lib/errors.ts';
import { artifactAnswer } from './answers.ts';
import { artifactDigest } from './bodies.ts';
import { route, type Route } from './route.ts';

export const MOST_ARTIFACT_BYTES = 1024 * 1024 * 1024;

const ofDigest = z.strictObject({ digest: artifactDigest });

/** Uploads. The digest is in the address, so that a repeated upload is the same upload. */
export function artifactRoutes(mostBytes: number): readonly Route[] {
  return [
    route({
      method: 'HEAD',
      path: '/artifacts/:digest',
      role: 'viewer',
      reach: 'open',
      summary: 'Whether the server has an artifact',
      params: ofDigest,
      answer: null,
      handle: async ({ controller, params, reply }) => {
        if (await controller.artifacts.has(params.digest)) return reply.code(200).send();
        throw new OperatingError('ARTIFACT_UNKNOWN', `There is no artifact ${params.digest}.`, {
          retryable: false,
        });
      },
    }),
    {
      ...route({
        method: 'PUT',
        path: '/artifacts/:digest',
        role: 'operator',
        reach: 'open',
        summary: 'Upload a packed artifact (application/octet-stream)',
        params: ofDigest,
        answer: artifactAnswer,
        handle: async ({ controller, params, request }) => {
          const body = bodyOf(request.body);
          if (Number(request.headers['content-length'] ?? 0) > mostBytes) throw tooLarge(mostBytes);
          await controller.artifacts.put(bounded(body, mostBytes), params.digest);
          return { schema: VIEW_SCHEMA, digest: params.digest };
        },
      }),
      // The digest makes it repeatable; an answer kept under a key could outlive the artifact.
      once: false,
    },
  ];
}

function bodyOf(body: unknown): AsyncIterable<Uint8Array> {
  if (typeof body === 'object' && body !== null && Symbol.asyncIterator in body) {
    return body as AsyncIterable<Uint8Array>;
  }
  throw new OperatingError(
    'BODY_TYPE_UNKNOWN',
    'An artifact is sent as application/octet-stream; nothing was stored.',
    { retryable: false },
  );
}

async function* bounded(body: AsyncIterable<Uint8Array>, mostBytes: number): AsyncIterable<Uint8Array> {
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.byteLength;
    if (bytes > mostBytes) throw tooLarge(mostBytes);
    yield chunk;
  }
}

function tooLarge(mostBytes: number): OperatingError {
  return new OperatingError(
    'BODY_TOO_LARGE',
    `The artifact is larger than the ${mostBytes} bytes that this server takes; nothing was stored.`,
    { retryable: false },
  );
}
