import { ROLES } from '../../controller/controller.ts';
import { isTokenName } from '../../controller/token-record.ts';
import { OperatingError } from '../../lib/errors.ts';
import { printable } from '../../release/problem.ts';
import { EXIT } from '../exit-codes.ts';
import { renderTokens } from '../render-tokens.ts';
import { print, widthFor } from '../screen.ts';
import { durationOf, oneOf, ofService } from '../values.ts';
import { printJson, type Context, type Verb } from '../verb.ts';
import { steer } from './steer.ts';

export const token: Verb = {
  configure: (command) =>
    command
      .option('--role <role>', `create: ${ROLES.join(', ')}`)
      .option('--services <names>', 'create: only these, with commas between: shop,blog; default: all')
      .option('--for <duration>', 'create: it expires after this time', '90d')
      .option('--yes', 'revoke: really'),
  run: async (context) => {
    const action = oneOf('The first word after "token"', context.args[0] ?? '', ['create', 'list', 'revoke']);
    if (action === 'list') return list(context);
    return action === 'create' ? create(context) : revoke(context);
  },
};

/** The token alone goes to stdout, so that it can be put where it belongs without being seen. */
async function create({ args, options, client, io, json }: Context): Promise<number> {
  const name = args[1] ?? '';
  if (!isTokenName(name))
    throw wrong(
      `"token create" takes whose it is: letters, digits and . _ @ + -, at most 64, such as ana, not "${printable(name)}".`,
    );
  if (options['role'] === undefined) throw wrong('"token create" needs a role: --role operator.');
  const role = oneOf('--role', options['role'], ROLES);
  const services = servicesOf(options['services']);
  const forMs = durationOf('--for', options['for'] ?? '');
  const made = await client.ask('POST /tokens', { body: { name, role, services, forMs } });
  if (json) printJson(io, { ...made });
  else {
    io.err(`${printable(made.message)}.\nIt is shown this once; keep it where only ${name} can read it:\n`);
    io.out(`${made.text}\n`);
  }
  return EXIT.done;
}

async function list({ args, client, io, json }: Context): Promise<number> {
  if (args[1] !== undefined) throw wrong('"token list" takes nothing more.');
  const { tokens } = await client.ask('GET /tokens', {});
  if (json) printJson(io, { tokens });
  else if (tokens.length === 0) io.out('there are no tokens; "bascule token create" makes one.\n');
  else print(io, 'out', renderTokens(tokens, { width: widthFor(io, 'out'), timeZone: io.timeZone }));
  return EXIT.done;
}

async function revoke(context: Context): Promise<number> {
  const id = context.args[1] ?? '';
  if (!/^[0-9a-f]{8}$/.test(id))
    throw wrong(
      `"token revoke" takes the id of a token, 8 hex digits as "bascule token list" has them, not "${printable(id.slice(0, 20))}".`,
    );
  if (context.options['yes'] !== true)
    throw wrong('Whoever uses it is shut out at once, and it cannot be undone: add --yes.');
  return steer(context, 'DELETE /tokens/{token}', { params: { token: id } });
}

function servicesOf(value: string | boolean | undefined): readonly string[] | null {
  if (typeof value !== 'string') return null;
  return value.split(',').map((name) => ofService(name.trim()).service);
}

function wrong(message: string): OperatingError {
  return new OperatingError('USAGE', `${message} Nothing was done.`, { retryable: false });
}
