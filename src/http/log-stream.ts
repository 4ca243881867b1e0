import type { Controller, LogQuery } from '../controller/controller.ts';
import { VIEW_SCHEMA } from '../controller/views.ts';
import { problemOf } from './problem.ts';
import type { Outlet } from './streams.ts';

/** Log lines as NDJSON. A failure on the way is the last line: `{"schema":1,"problem":{...}}`. */
export async function streamLogs(
  controller: Controller,
  query: Omit<LogQuery, 'signal'>,
  outlet: Outlet,
): Promise<void> {
  try {
    for await (const line of controller.read.logs({ ...query, signal: outlet.signal })) {
      if (!(await outlet.write(`${JSON.stringify({ schema: VIEW_SCHEMA, ...line })}\n`))) return;
    }
  } catch (error) {
    await outlet.write(`${JSON.stringify({ schema: VIEW_SCHEMA, problem: problemOf(error) })}\n`);
  }
  outlet.end();
}
