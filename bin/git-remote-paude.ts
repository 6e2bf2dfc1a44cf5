#!/usr/bin/env node
// Written so that an old Node can read it, too: it gets a sentence instead of a stack trace.
var found = process.versions.node.split('.').map(Number);
if (found[0]! > 20 || (found[0] === 20 && found[1]! >= 19)) {
  import('../lib/app.ts')
    .then((module) => module.runRemoteHelper(process.argv.slice(2)))
    .then((code) => process.exit(code));
} else {
  process.stderr.write('paude: git-paude needs Node 20.19 or newer, and this is ' + process.version + '\n');
  process.exitCode = 1;
}
