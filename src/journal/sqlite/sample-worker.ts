import { parentPort, workerData } from 'node:worker_threads';
import { assert, unreachable } from '../../lib/assert.ts';
import type { EvidenceRange } from '../samples.ts';
import { samplesError } from './errors.ts';
import { compactStep, vacuumStep, type CompactLimits } from './sample-compaction.ts';
import { SampleDatabase, type EncodedBatch } from './sample-database.ts';
import { dropEvidence, evidencePage, keepEvidence } from './sample-evidence.ts';
import { answerCalls } from './worker-client.ts';

/** What the main thread asks of this one; each is answered in order. */
export type SampleRequest =
  | { readonly op: 'open' }
  | { readonly op: 'write'; readonly batches: readonly EncodedBatch[] }
  | { readonly op: 'sync' }
  | { readonly op: 'page'; readonly service: string; readonly fromSecond: number; readonly toSecond: number }
  | { readonly op: 'cursor'; readonly service: string }
  /** Answers whether there is more to do. */
  | { readonly op: 'compact'; readonly limits: CompactLimits }
  | { readonly op: 'keep-evidence'; readonly range: EvidenceRange }
  | {
      readonly op: 'evidence-page';
      readonly rollout: string;
      readonly fromSecond: number;
      readonly toSecond: number;
    }
  | { readonly op: 'drop-evidence'; readonly rollouts: readonly string[] }
  | { readonly op: 'close' };

export type SampleWorkerData = { readonly file: string; readonly maxBytes: number | null };

const { file, maxBytes } = workerData as SampleWorkerData;
let samples: SampleDatabase | null = null;

assert(parentPort !== null, 'the sample worker runs in a worker thread');
answerCalls(parentPort, (request) => {
  try {
    return answer(request as SampleRequest);
  } catch (error) {
    throw samplesError(error, `"${(request as SampleRequest).op}"`, file);
  }
});

function answer(request: SampleRequest): unknown {
  if (request.op === 'open') {
    samples = new SampleDatabase(file, maxBytes);
    return null;
  }
  assert(samples !== null, 'samples are used before they are open');
  switch (request.op) {
    case 'write':
      samples.write(request.batches);
      return null;
    case 'sync':
      samples.sync();
      return null;
    case 'page':
      return samples.page(request.service, request.fromSecond, request.toSecond);
    case 'cursor':
      return samples.cursor(request.service);
    case 'compact':
      return compactStep(samples, request.limits) || vacuumStep(samples, request.limits.maxBytes);
    case 'keep-evidence':
      keepEvidence(samples, request.range);
      return null;
    case 'evidence-page':
      return evidencePage(samples, request);
    case 'drop-evidence':
      dropEvidence(samples, request.rollouts);
      return null;
    case 'close':
      samples.close();
      return null;
    default:
      return unreachable(request);
  }
}
