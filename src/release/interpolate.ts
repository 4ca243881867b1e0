import type { FileCode } from './file-codes.ts';
import { nearest } from './nearest.ts';

/** The environment of the command that reads the file; the server never fills anything in. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type Interpolated = {
  readonly text: string;
  /** Whether anything was filled in (then the text may have become a number). */
  readonly filled: boolean;
  readonly faults: readonly InterpolationFault[];
};

export type InterpolationFault = {
  readonly code: FileCode;
  /** The part of the text that is at fault, as it stands there. */
  readonly expression: string;
  readonly message: string;
  readonly note: string;
  readonly fix: string | null;
};

/** Of one text: more than a person reads, less than slows a check down. */
const MAX_FAULTS = 20;

/** `$$`, or `${` up to the next brace. A bare `$NAME` belongs to the shell of the service and is left alone. */
const EXPRESSION = /\$\$|\$\{([^{}]*)(\}?)/g;
const FORM = /^([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)(.*))?$/s;

/** Fills in `${A}`, `${A:-x}` (x if A is unset or empty), `${A:?text}` (an error then), and `$$` for a dollar sign. */
export function interpolate(text: string, environment: Environment): Interpolated {
  const faults: InterpolationFault[] = [];
  let filled = false;
  const result = text.replaceAll(
    EXPRESSION,
    (expression: string, inside: string | undefined, end: string | undefined) => {
      if (inside === undefined) return '$';
      const value = end === '' ? unclosed(expression) : valueOf(expression, inside, environment);
      if (typeof value === 'string') {
        filled = true;
        return value;
      }
      if (faults.length < MAX_FAULTS) faults.push(value);
      return expression;
    },
  );
  return { text: result, filled, faults };
}

/** The text that `interpolate` turns into `text`. */
export function escapeInterpolation(text: string): string {
  return text.replaceAll(/\$(?=[${])/g, '$$$$');
}

function valueOf(expression: string, inside: string, environment: Environment): string | InterpolationFault {
  const form = FORM.exec(inside);
  if (form === null) return unreadable(expression, inside);
  const name = form[1]!;
  if (name === 'PORT') return portFault(expression);
  const value = Object.hasOwn(environment, name) ? environment[name] : undefined;
  const argument = form[3];
  if (form[2] === ':-') return value === undefined || value === '' ? argument! : value;
  if (form[2] === ':?' && (value === undefined || value === '')) {
    const message = argument === '' ? `${name} must be set` : argument!;
    return {
      code: 'E010',
      expression,
      message,
      note: `${name} is ${value === '' ? 'empty' : 'not set'}`,
      fix: `set ${name}`,
    };
  }
  return value ?? unset(expression, name, environment);
}

function unset(expression: string, name: string, environment: Environment): InterpolationFault {
  const upper = Object.keys(environment).find((key) => key.toLowerCase() === name.toLowerCase());
  const guess = upper ?? (name.length > 3 ? nearestVariable(name, environment) : null);
  return {
    code: 'E010',
    expression,
    message: `${name} is not set`,
    note: 'not set, and no default',
    fix: guess === null ? `set ${name}, or write \${${name}:-default}` : `did you mean \${${guess}}?`,
  };
}

function nearestVariable(name: string, environment: Environment): string | null {
  const names = Object.keys(environment);
  const guess = nearest(
    name,
    names.map((key) => key.toLowerCase().replaceAll('_', '-')),
  );
  return names.find((key) => key.toLowerCase().replaceAll('_', '-') === guess) ?? null;
}

function unclosed(expression: string): InterpolationFault {
  const fix = expression.startsWith('${')
    ? 'close it with }; defaults do not nest; $$ stands for a dollar sign'
    : null;
  return {
    code: 'E011',
    expression: expression.slice(0, 40),
    message: 'a ${ without its }',
    note: 'not closed',
    fix,
  };
}

function unreadable(expression: string, inside: string): InterpolationFault {
  const simple = /^([A-Za-z_][A-Za-z0-9_]*)([-?])(.*)$/s.exec(inside);
  const fix =
    simple === null
      ? `known forms: \${A}, \${A:-default}, \${A:?text}; for the shell of the service write $${expression}`
      : `did you mean \${${simple[1]}:${simple[2]}${simple[3]}}?`;
  return {
    code: 'E011',
    expression,
    message: `${expression.slice(0, 60)} cannot be read`,
    note: 'not a known form',
    fix,
  };
}

function portFault(expression: string): InterpolationFault {
  return {
    code: 'E012',
    expression,
    message: '${PORT} would be read from your own environment',
    note: 'PORT is given by Bascule at the start',
    fix: 'did you mean $PORT?',
  };
}
