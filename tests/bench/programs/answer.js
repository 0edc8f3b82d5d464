// A program that answers with one JSON line. As a worker of Tasky it reads its task first; one after the other where its
// process is used for several tasks.
'use strict';

const protocol = process.env.TASKY_PROTOCOL;

function answer(line) {
  const about = line ? {id: JSON.parse(line).id} : {};
  process.stdout.write(JSON.stringify({type: 'result', output: {answer: 42}, ...about}) + '\n');
}

if (protocol) {
  const lines = require('readline').createInterface({input: process.stdin});
  lines.on('line', (line) => {
    answer(line);
    if (protocol === '1') lines.close();
  });
} else {
  answer('');
}
