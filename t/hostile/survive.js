// Tries: to leave detached processes behind, from Node.js.
// Stopped by: what is the executor's child and was not started by it is
// killed.
// Seen to get through with: the end of strays off.
// Says: "stopped: ..."; the test looks for processes.

const { spawn } = require('child_process');

module.exports.handler = async () => {
    for (let i = 0; i < 3; i++) {
        spawn('/bin/sh', ['-c', 'trap "" TERM; sleep 3600 & sleep 3600'],
              { detached: true, stdio: 'ignore' }).unref();
    }

    await new Promise((resolve) => setTimeout(resolve, 200));
    return 'stopped: if nothing is left';
};
