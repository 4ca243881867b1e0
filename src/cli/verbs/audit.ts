import type { AuditAnswer, ChainAnswer } from '../../api/api-types.ts';
import { OperatingError } from '../../lib/errors.ts';
import { printable } from '../../release/problem.ts';
import { EXIT } from '../exit-codes.ts';
import { csvHead, csvLine } from '../csv.ts';
import { renderAudit } from '../render-guards.ts';
import { print, widthFor } from '../screen.ts';
import { ofService, timeOf, wholeNumber } from '../values.ts';
import { printJson, type Context, type Verb } from '../verb.ts';

const PAGE = 500;

export const audit: Verb = {
  configure: (command) =>
    command
      .option('--since <time>', 'from this moment on: 2026-11-30, "2026-11-30 08:00"')
      .option('--until <time>', 'before this moment')
      .option('--actor <name>', 'a part of the name')
      .option('--verb <verb>', 'such as deploy, freeze, lock')
      .option('--limit <n>', 'at most so many; default: all')
      .option('--csv', 'for spreadsheets')
      .option(
        '--against <seq:mac>',
        'verify: the record that was the last one once, as it was printed or logged',
      ),
  run: (context) => (context.args[0] === 'verify' ? verify(context) : list(context)),
};

async function list(context: Context): Promise<number> {
  const { client, io, json, options } = context;
  if (options['against'] !== undefined) throw wrong('--against goes with "audit verify".');
  if (json && options['csv'] === true) throw wrong('Give --json or --csv, not both.');
  const asked = queryOf(context);
  let left = options['limit'] === undefined ? Infinity : wholeNumber('--limit', options['limit'], 1);
  let shown = 0;
  let before: number | null = null;
  if (options['csv'] === true) io.out(csvHead());
  do {
    const query = {
      ...asked,
      limit: String(Math.min(left, PAGE)),
      ...(before !== null && { before: String(before) }),
    };
    const page: AuditAnswer = await client.ask('GET /audit', { query });
    show(context, page);
    shown += page.entries.length;
    left -= page.entries.length;
    before = page.before;
  } while (before !== null && left > 0);
  if (shown === 0 && !json && options['csv'] !== true) io.out('nobody asked for anything like it.\n');
  return EXIT.done;
}

/** A page as it comes: years of records fit no memory. */
function show({ io, json, options }: Context, { entries }: AuditAnswer): void {
  if (json) for (const entry of entries) printJson(io, { entry });
  else if (options['csv'] === true) for (const entry of entries) io.out(csvLine(entry));
  else print(io, 'out', renderAudit(entries, { width: widthFor(io, 'out'), timeZone: io.timeZone }));
}

function queryOf({ args, options }: Context) {
  const { since, until, actor, verb } = options;
  return {
    ...(args[0] !== undefined && ofService(args[0])),
    ...(since !== undefined && { since: String(timeOf('--since', since)) }),
    ...(until !== undefined && { until: String(timeOf('--until', until)) }),
    ...(actor !== undefined && { actor: String(actor) }),
    ...(verb !== undefined && { verb: String(verb) }),
  };
}

async function verify({ client, io, json, options }: Context): Promise<number> {
  const against = options['against'];
  if (against !== undefined && !/^[1-9]\d{0,14}:[0-9a-f]{16,64}$/u.test(String(against)))
    throw wrong(
      `--against takes SEQ:MAC as it was printed, at least 16 digits of the MAC, not "${printable(String(against))}".`,
    );
  const query = against === undefined ? {} : { against: String(against) };
  const check = await client.ask('GET /audit/chain', { query });
  const code = check.fault === null ? EXIT.done : EXIT.refused;
  if (json) printJson(io, { ...check });
  else if (check.fault === null) io.out(soundWords(check));
  else
    io.out(
      `CHANGED at record ${check.fault.seq}: ${printable(check.fault.why)}.\nKeep a copy of the state directory as it is, and find out who could write there.\n`,
    );
  return code;
}

function soundWords({ head, records, compared }: ChainAnswer): string {
  const against =
    compared === null
      ? 'An older copy of the whole journal would fit as well: compare with a former head, from the server’s log ("chain"), from "bascule why", or from an earlier run of this:'
      : compared
        ? 'The record that was announced is still there, unchanged. Keep this one for the next time:'
        : 'The record that was announced is older than what is kept, so it could not be compared. Keep this one:';
  return `${records} records, each as it was written.\nhead  ${head.seq}:${head.mac}\n${against}\n  bascule audit verify --against ${head.seq}:${head.mac}\n`;
}

function wrong(message: string): OperatingError {
  return new OperatingError('USAGE', `${message} Nothing was done.`, { retryable: false });
}
