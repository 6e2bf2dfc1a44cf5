#!/usr/bin/env node
// Written so that an old Node can read it, too: it gets a sentence instead of a stack trace.
var found = process.versions.node.split('.').map(Number);
if (found[0]! > 20 || (found[0] === 20 && found[1]! >= 19)) {
  import('../lib/cli/main.ts')
    .then((module) => module.main(process.argv.slice(2)))
    .then((code) => (process.exitCode = code));
} else {
  process.stderr.write('paude: git-paude needs Node 20.19 or newer, and this is ' + process.version + '\n');
  process.exitCode = 1;
}
