import type { JudgeView } from '../../controller/judge-view.ts';
import { OperatingError } from '../../lib/errors.ts';
import { EXIT } from '../exit-codes.ts';
import { print, widthFor } from '../screen.ts';
import { jsonOrMarkdown, ofRollout, ofService, timeOf } from '../values.ts';
import { printJson, type Context, type Verb } from '../verb.ts';

export const judge: Verb = {
  configure: (command) =>
    command
      .option('--rollout <rollout>', 'this one, whatever its service')
      .option('--from <time>', 'every rollout of the service from this moment on: "2026-11-30 08:00"')
      .option('--to <time>', 'up to this moment; default: now')
      .option('--recorded', 'by the rules that it was judged by then, not by those that the service has now')
      .option('--set <changes>', 'with other rules on top: error-rate=2pp,p95=off,dwell=2m')
      .option('--markdown', 'for a report or a pull request'),
  run: async (context) => {
    const { io, json, options } = context;
    const form = jsonOrMarkdown(json, options);
    const views = await ask(context);
    const { renderJudge, judgeMarkdown } = await import('../render-judge.ts');
    const look = { width: widthFor(io, 'out'), timeZone: io.timeZone };
    for (const view of views) {
      if (form === 'json') printJson(io, { judge: view });
      else if (form === 'markdown') io.out(judgeMarkdown(view, io.timeZone));
      else print(io, 'out', renderJudge(view, look));
    }
    return views.some(isFault) ? EXIT.bug : EXIT.done;
  },
};

/** The same judge and the same rules over the same seconds must not say anything else. */
function isFault({ sameVerdict, judge: version }: JudgeView): boolean {
  return sameVerdict === false && version.recorded === version.now;
}

async function ask({ client, io, args, options }: Context): Promise<readonly JudgeView[]> {
  const rules = {
    ...(options['recorded'] === true && { rules: 'recorded' as const }),
    ...(typeof options['set'] === 'string' && { set: options['set'] }),
  };
  const { rollout, from, to } = options;
  if (rollout !== undefined) {
    if (from !== undefined || to !== undefined || args[0] !== undefined)
      throw wrong('--rollout names one rollout: a service and a time are not needed with it.');
    const params = ofRollout(String(rollout));
    return [(await client.ask('GET /rollouts/{rollout}/judge', { params, query: rules })).judge];
  }
  if (args[0] === undefined || from === undefined)
    throw wrong('Say what to judge: --rollout r-0193, or a service and --from a moment on.');
  const query = {
    ...rules,
    from: String(timeOf('--from', from)),
    to: String(to === undefined ? io.nowMs() : timeOf('--to', to)),
  };
  const params = ofService(args[0]);
  return (await client.ask('GET /services/{service}/judge', { params, query })).judged;
}

function wrong(message: string): OperatingError {
  return new OperatingError('USAGE', `${message} Nothing was done.`, { retryable: false });
}
