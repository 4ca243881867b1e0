/**
 * What a step of a GitHub workflow may say to its job: inputs in, outputs, annotations and a summary out.
 * Source: docs.github.com, "Workflow commands for GitHub Actions".
 */
import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';

/** An input of action.yml, without the spaces around it; '' for none. */
export function input(name) {
  return (process.env[`INPUT_${name.toUpperCase()}`] ?? '').trim();
}

/** An input that is one of a few words. Anything else ends the step before anything was done. */
export function choice(name, words) {
  const said = input(name) || words[0];
  if (words.includes(said)) return said;
  throw new Error(`${name} is ${words.join(' or ')}, not "${said}". Nothing was done.`);
}

/** The value stands between two lines that nobody can guess, so that it cannot end early and begin another output. */
export function setOutput(name, value) {
  const mark = `end-${randomUUID()}`;
  append('GITHUB_OUTPUT', `${name}<<${mark}\n${value}\n${mark}\n`);
}

export function addSummary(markdown) {
  append('GITHUB_STEP_SUMMARY', `${markdown}\n`);
}

/** `error`, `warning` or `notice`, at the top of the run. */
export function annotate(level, title, message) {
  console.log(`::${level} title=${property(title)}::${data(message)}`);
}

/** What follows may hold anything: nothing in it is a command to the runner, until the returned function is called. */
export function withoutCommands() {
  const mark = randomUUID();
  console.log(`::stop-commands::${mark}`);
  return () => console.log(`::${mark}::`);
}

/** Is left out of everything that the job prints. */
export function mask(secret) {
  if (secret !== '') console.log(`::add-mask::${data(secret)}`);
}

function append(variable, text) {
  const file = process.env[variable];
  if (file !== undefined && file !== '') appendFileSync(file, text);
}

function data(text) {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text) {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
