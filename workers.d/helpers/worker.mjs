// For workers written in Node.js: reads the task, says how it goes. Copy it beside the worker; it needs nothing else.
//
//     #!/usr/bin/env node
//     import { run, Failed } from './worker.mjs';
//
//     run(async (task) => {
//       task.progress(50, 'greeting');
//       if (task.params.name === '') throw new Failed('nobody is there', { code: 'empty' });
//       return { greeting: `Hello, ${task.params.name}` }; // the task's Output
//     });
//
// With `reuse` in its definition, the function is called for one task after another. SIGTERM ends the process at once.
import process from 'node:process';

// Throw it to fail the task with this message; `code` and `details` are for programs.
export class Failed extends Error {
  constructor(message, { code, details } = {}) {
    super(message);
    Object.assign(this, { code, details });
  }
}

export async function run(main) {
  const many = process.env.TASKY_PROTOCOL === '2';
  const home = process.cwd();
  const moves = home === process.env.TASKY_PROCESS;
  let none = true;
  for await (const line of lines()) {
    none = false;
    const task = new Task(JSON.parse(line));
    if (process.env.TASKY_PROCESS !== undefined) tell(task); // it was started before there was a task
    if (moves) process.chdir(task.workdir);
    const answer = await carryOut(main, task);
    if (moves) process.chdir(home);
    task.over = true;
    // Into a pipe, Node writes at once: so this comes after all that was said on stderr, too.
    if (many) write({ ...(answer ?? { type: 'result' }), id: task.id });
    else if (answer) write(answer);
    if (!many) process.exitCode = answer?.type === 'error' ? 1 : 0;
    if (!many) break;
  }
  if (none && process.env.TASKY_PROCESS === undefined) throw new Error('it expects a task on its standard input');
}

class Task {
  constructor({ params, id = '', worker = '', attempt = 1, workdir = '.' }) {
    Object.assign(this, { params, id, worker, attempt, workdir, over: false });
  }

  progress(percent, message) {
    this.say({ type: 'progress', percent, message });
  }

  // `level` is debug, info, warning or error; `fields` are kept with the line.
  log(message, level = 'info', fields = {}) {
    this.say({ ...fields, type: 'log', level, message });
  }

  // Keeps a file of the work folder with the task.
  artifact(path, { name, mediaType } = {}) {
    this.say({ type: 'artifact', path, name, media_type: mediaType });
  }

  // Of a task that is over nothing is said: the process may have another one by now.
  say(message) {
    if (!this.over) write(message);
  }
}

// What there is to answer.
async function carryOut(main, task) {
  try {
    const output = await main(task);
    return output === undefined ? undefined : { type: 'result', output };
  } catch (error) {
    if (error instanceof Failed) {
      return { type: 'error', message: error.message, code: error.code, details: error.details };
    }
    process.stderr.write(`${error?.stack ?? error}\n`);
    return { type: 'error', message: String(error) };
  }
}

function tell({ id, attempt, workdir }) {
  Object.assign(process.env, { TASKY_TASK_ID: id, TASKY_ATTEMPT: attempt, TASKY_WORKDIR: workdir });
}

function write(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function* lines() {
  let rest = '';
  process.stdin.setEncoding('utf8');
  for await (const piece of process.stdin) {
    const found = (rest + piece).split('\n');
    rest = found.pop();
    yield* found;
  }
  if (rest) yield rest;
}
