// A worker that answers one JSON line; more of them where its process is used for several tasks.
'use strict';

function answer() {
  process.stdout.write(JSON.stringify({type: 'result', output: {answer: 42}}) + '\n');
}

if (process.env.TASKY_PROTOCOL === '2') {
  require('readline').createInterface({input: process.stdin}).on('line', answer);
} else {
  answer();
}
