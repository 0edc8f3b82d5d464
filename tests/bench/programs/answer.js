// A worker that reads its task, if there is one, and answers with one JSON line; one after the other where its process
// is used for several tasks.
'use strict';

const many = process.env.TASKY_PROTOCOL === '2';
const lines = require('readline').createInterface({input: process.stdin});
let answered = false;

function answer(line) {
  const about = line ? {id: JSON.parse(line).id} : {};
  process.stdout.write(JSON.stringify({type: 'result', output: {answer: 42}, ...about}) + '\n');
  answered = true;
}

lines.on('line', (line) => {
  answer(line);
  if (!many) lines.close();
});
lines.on('close', () => {
  if (!answered && !many) answer('');
});
