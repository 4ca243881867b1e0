import { Worker, type MessagePort } from 'node:worker_threads';
import { messageOf, OperatingError } from '../../lib/errors.ts';

/** Calls into a worker thread, answered in order. Whatever ends the worker rejects every call: nothing waits for ever. */
export type WorkerClient = {
  /** Errors: what the worker answered, or SAMPLES_FAILED when it ended or took longer than the deadline. */
  call(request: unknown): Promise<unknown>;
  /** Ends the thread; resolves when it is gone. */
  end(): Promise<void>;
};

export type WorkerOptions = {
  readonly data: unknown;
  readonly deadlineMs: number;
  /** Most heap that the thread may take. */
  readonly memoryMb: number;
  /** Called at most once, when the worker ends without having been told to. */
  readonly onFailure: (error: OperatingError) => void;
};

type Call = {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
};

type Answer = {
  readonly id: number;
  readonly value: unknown;
  readonly error: { readonly code: string; readonly message: string; readonly retryable: boolean } | null;
};

/** Most that is young: what a thread reads and writes in rows dies at once, and V8 would let 64 MB of it lie. */
const YOUNG_MB = 6;

export function startWorker(url: URL, options: WorkerOptions): WorkerClient {
  // Flags of this process, such as --test, are not for it.
  const worker = new Worker(url, {
    workerData: options.data,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: options.memoryMb, maxYoungGenerationSizeMb: YOUNG_MB },
  });
  const calls = new Map<number, Call>();
  let nextId = 1;
  let failure: OperatingError | null = null;
  let isEnding = false;

  function fail(why: string, cause?: unknown): void {
    if (failure !== null) return;
    failure = new OperatingError(
      'SAMPLES_FAILED',
      `The thread that stores samples ended: ${why}. Rollouts go on; samples are lost until the controller is started again.`,
      { retryable: false, cause },
    );
    for (const call of calls.values()) finish(call).reject(failure);
    calls.clear();
    if (!isEnding) options.onFailure(failure);
    void worker.terminate();
  }
  worker.on('error', (error) => fail(messageOf(error), error));
  worker.on('exit', (code) => fail(`exit ${code}`));
  worker.on('message', (answer: Answer) => {
    const call = calls.get(answer.id);
    if (call === undefined) return;
    calls.delete(answer.id);
    if (answer.error === null) finish(call).resolve(answer.value);
    else finish(call).reject(toError(answer.error));
  });

  return {
    call(request) {
      if (failure !== null) return Promise.reject(failure);
      const id = nextId++;
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => fail(`no answer within ${options.deadlineMs} ms`), options.deadlineMs);
        calls.set(id, { resolve, reject, timer });
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is not a window
        worker.postMessage({ id, request });
      });
    },
    async end() {
      isEnding = true;
      await worker.terminate();
    },
  };
}

/** The worker's side. Errors that are not operating errors are bugs and end the thread. */
export function answerCalls(port: MessagePort, answer: (request: unknown) => unknown): void {
  port.on('message', ({ id, request }: { id: number; request: unknown }) => {
    try {
      port.postMessage({ id, value: answer(request), error: null } satisfies Answer);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      const { code, message, retryable } = error;
      port.postMessage({ id, value: null, error: { code, message, retryable } } satisfies Answer);
    }
  });
}

function finish(call: Call): Call {
  clearTimeout(call.timer);
  return call;
}

function toError(error: NonNullable<Answer['error']>): OperatingError {
  return new OperatingError(error.code, error.message, { retryable: error.retryable });
}
